import { describe, expect, test } from 'vitest'
import { AsyncDataStream } from '../../../src/api/datastream/async-data-stream.ts'
import { type LocalEnvironment, Millrace } from '../../../src/api/datastream/millrace.ts'
import { UserFunctionError } from '../../../src/base/errors.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { TumblingEventTimeWindows } from '../../../src/operator/window/assigners.ts'
import { mapState } from '../../../src/state/state.ts'
import { runJob } from '../../../src/testing/run-job.ts'
import { WatermarkStrategy } from '../../../src/time/watermark-strategy.ts'

const schema = defineSchema({ key: t.string(), value: t.int().nullable() })
interface Row {
  readonly key: string
  readonly value: number | null
}
const rows: readonly Row[] = [
  { key: 'a', value: 1 },
  { key: 'b', value: null },
  { key: 'a', value: 3 },
]

function environment(isDev: boolean): LocalEnvironment {
  return Millrace.local().set('millrace.dev', isDev)
}

/** Each keeps rows and reads the first of them with the second, in another kind of function. */
const readers: Readonly<Record<string, (env: LocalEnvironment, kept: Row[], read: () => void) => void>> = {
  map: (env, kept, read) => {
    env
      .fromCollection(rows, schema)
      .map((row) => {
        read()
        kept.push(row)
        return row.key
      })
      .forEach(() => {})
  },
  filter: (env, kept, read) => {
    env
      .fromCollection(rows, schema)
      .filter((row) => {
        read()
        return kept.push(row) > 0
      })
      .forEach(() => {})
  },
  flatMap: (env, kept, read) => {
    env
      .fromCollection(rows, schema)
      .flatMap((row) => {
        read()
        kept.push(row)
        return [row.value]
      })
      .forEach(() => {})
  },
  'key function': (env, kept, read) => {
    env
      .fromCollection(rows, schema)
      .keyBy((row) => {
        read()
        kept.push(row)
        return row.key
      })
      .reduce((left) => left)
      .forEach(() => {})
  },
  'process function': (env, kept, read) => {
    env
      .fromCollection(rows, schema)
      .keyBy('key')
      .process({
        processElement(row) {
          read()
          kept.push(row)
        },
      })
      .forEach(() => {})
  },
  'computed column': (env, kept, read) => {
    env
      .fromCollection(rows, schema)
      .withColumn('length', t.int(), (row) => {
        read()
        return kept.push(row)
      })
      .forEach(() => {})
  },
  'function of two streams': (env, kept, read) => {
    const stream = env.fromCollection(rows, schema)
    stream
      .connect(env.fromCollection([], schema))
      .process({
        processElement1(row) {
          read()
          kept.push(row)
        },
        processElement2() {},
      })
      .forEach(() => {})
  },
  'broadcast function': (env, kept, read) => {
    const rules = env.fromCollection(rows, schema).broadcast(mapState<never, unknown>('rules'))
    env
      .fromCollection([], schema)
      .connect(rules)
      .process({
        processElement() {},
        processBroadcastElement(row) {
          read()
          kept.push(row)
        },
      })
      .forEach(() => {})
  },
  'reduce of keys': (env, kept, read) => {
    env
      .fromCollection([{ key: 'a', value: 0 }, ...rows.map((row) => ({ ...row, key: 'a' }))], schema)
      .keyBy('key')
      .reduce((_, row) => {
        read()
        kept.push(row)
        return { key: 'a', value: 1 }
      })
      .forEach(() => {})
  },
  'reduce of windows': (env, kept, read) => {
    env
      .fromCollection([{ key: 'a', value: 0 }, ...rows.map((row) => ({ ...row, key: 'a' }))], schema)
      .keyBy('key')
      .countWindow(10)
      .reduce((_, row) => {
        read()
        kept.push(row)
        return { key: 'a', value: 1 }
      })
      .forEach(() => {})
  },
  'aggregate of windows': (env, kept, read) => {
    env
      .fromCollection(rows, schema)
      .keyBy('key')
      .countWindow(10)
      .aggregate({
        createAccumulator: () => 0,
        add(row, count) {
          read()
          kept.push(row)
          return count + 1
        },
        getResult: (count) => count,
      })
      .forEach(() => {})
  },
  'window assigner': (env, kept, read) => {
    const assigner = TumblingEventTimeWindows.of(10)
    const assign = assigner.assignWindows.bind(assigner)
    assigner.assignWindows = (row, timestampMs, context) => {
      read()
      kept.push(row as Row)
      return assign(row, timestampMs, context)
    }
    env
      .fromCollection(rows, schema)
      .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner(() => 5))
      .keyBy('key')
      .window(assigner)
      .process({ process() {} })
      .forEach(() => {})
  },
  'timestamp function': (env, kept, read) => {
    const strategy = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((row) => {
      read()
      return kept.push(row)
    })
    env
      .fromCollection(rows, schema)
      .assignTimestampsAndWatermarks(strategy)
      .forEach(() => {})
  },
  'watermark generator': (env, kept, read) => {
    const strategy = WatermarkStrategy.forGenerator<Row>(() => ({
      onEvent(row) {
        read()
        kept.push(row)
        return undefined
      },
    }))
    env
      .fromCollection(rows, schema)
      .assignTimestampsAndWatermarks(strategy)
      .forEach(() => {})
  },
  'partition function': (env, kept, read) => {
    env.setParallelism(2)
    env
      .fromCollection(rows, schema)
      .partitionCustom((row) => {
        read()
        kept.push(row)
        return 0
      })
      .forEach(() => {})
  },
  callback: (env, kept, read) => {
    env.fromCollection(rows, schema).forEach((row) => {
      read()
      kept.push(row)
    })
  },
}

describe.each(Object.keys(readers))('a row kept by a %s', (kind) => {
  test('throws at the line that reads it when the next record is there', async () => {
    const env = environment(true)
    const kept: Row[] = []
    readers[kind](env, kept, () => {
      if (kept.length > 0) void kept[0].key
    })
    const error = await runJob(env).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UserFunctionError)
    expect(error).toMatchObject({ code: 'ROW_RETAINED', hint: 'Keep row.toObject() instead of the row.' })
    expect((error as Error).message).toContain('"key"')
    expect((error as Error).stack!.split('\n')[1]).toContain('row-retained.test.ts')
  })

  test('throws when it is read after the job, the last one too', async () => {
    const env = environment(true)
    const kept: Row[] = []
    readers[kind](env, kept, () => {})
    await runJob(env)
    expect(kept.length).toBe(rows.length)
    for (const row of kept) {
      expect(() => row.value).toThrow('"value"')
      expect(() => ({ ...row })).toThrow('the row was kept')
      expect(() => (row as Row & { toObject(): Row }).toObject()).toThrow('the row was kept')
    }
  })
})

test('copies of rows keep their values', async () => {
  const env = environment(true)
  const kept: unknown[] = []
  env
    .fromCollection(rows, schema)
    .map((row) => ({ ...row, value: (row.value ?? 0) + 1 }))
    .returns(schema)
    .map((row) => row)
    .returns(schema)
    .forEach((row) => kept.push((row as Row & { toObject(): Row }).toObject()))
  await env.execute()
  expect(kept).toEqual(rows.map(({ key, value }) => ({ key, value: (value ?? 0) + 1 })))
})

test('a row that a function returns as a value is good for the functions chained behind it', async () => {
  const env = environment(true)
  const seen: string[] = []
  env
    .fromCollection(rows, schema)
    .map((row) => row)
    .map((row) => row.key)
    .forEach((key) => seen.push(key))
  await env.execute()
  expect(seen).toEqual(rows.map(({ key }) => key))
})

test('a row in an array of results cannot be read behind the chain', async () => {
  const env = environment(true)
  env
    .fromCollection(rows, schema)
    .map((row) => [row])
    .forEach(([row]) => void row.key)
  await expect(env.execute()).rejects.toMatchObject({ code: 'ROW_RETAINED' })
})

test('an asynchronous function gets an object of its own', async () => {
  const env = environment(true)
  const kept: Row[] = []
  AsyncDataStream.orderedWait(env.fromCollection(rows, schema), async (row) => {
    kept.push(row)
    await Promise.resolve()
    return row.key
  }).forEach(() => {})
  await env.execute()
  expect(kept).toEqual(rows)
})

test('without the option nothing is checked', async () => {
  const env = environment(false)
  const kept: Row[] = []
  env.fromCollection(rows, schema).forEach((row) => kept.push(row))
  await env.execute()
  expect(new Set(kept).size).toBe(1)
})
