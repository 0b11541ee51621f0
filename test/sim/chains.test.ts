import { expect, test } from 'vitest'
import type { DataStream } from '../../src/api/datastream/data-stream.ts'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import type { Random } from '../../src/base/random.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { expectSame, pick, runUnder, overSeeds, text } from './simulation.ts'

const ROW = { id: t.int(), group: t.string().nullable(), value: t.double(), at: t.safeInt() }
const SCHEMA = defineSchema(ROW)
interface Row {
  readonly id: number
  readonly group: string | null
  readonly value: number
  readonly at: number
}

function rows(random: Random, count: number): Row[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    group: random.integer(5) === 0 ? null : `g${random.integer(7)}`,
    value: random.integer(100) / 4,
    at: id * 10 - random.integer(30),
  }))
}

/** A step on a stream, and what it does to a list. */
interface Step {
  readonly name: string
  apply(stream: DataStream<Row>): DataStream<Row>
  model(list: readonly Row[]): readonly Row[]
}

/** Steps that keep the schema: views on their input (filter, timestamps, select back and forth) and steps with batches of their own. */
function randomStep(random: Random): Step {
  const divisor = 2 + random.integer(4)
  switch (random.integer(7)) {
    case 0:
      return {
        name: `filter ${divisor}`,
        apply: (stream) => stream.filter((row) => row.id % divisor !== 0),
        model: (list) => list.filter((row) => row.id % divisor !== 0),
      }
    case 1: {
      const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Row>(20).withTimestampAssigner(pick(random, ['at', (row: Row) => row.at]))
      return { name: 'timestamps', apply: (stream) => stream.assignTimestampsAndWatermarks(strategy), model: (list) => list }
    }
    case 2:
      return { name: 'select', apply: (stream) => stream.select('at', 'value', 'group', 'id').select('id', 'group', 'value', 'at'), model: (list) => list }
    case 3:
      return {
        name: 'map',
        apply: (stream) => stream.map((row) => ({ ...row, value: row.value + 1 })).returns(ROW),
        model: (list) => list.map((row) => ({ ...row, value: row.value + 1 })),
      }
    case 4:
      return {
        name: `flatMap ${divisor}`,
        apply: (stream) => stream.flatMap((row) => Array.from({ length: row.id % divisor }, () => ({ ...row }))).returns(ROW),
        model: (list) => list.flatMap((row) => Array.from({ length: row.id % divisor }, () => row)),
      }
    case 5:
      return {
        name: 'objects',
        apply: (stream) =>
          stream
            .map((row) => ({ ...row }))
            .filter((row) => row.id % divisor !== 1)
            .map((row) => row)
            .returns(ROW),
        model: (list) => list.filter((row) => row.id % divisor !== 1),
      }
    default:
      return { name: 'empty', apply: (stream) => stream.filter((row) => row.value >= 24), model: (list) => list.filter((row) => row.value >= 24) }
  }
}

function chainOf(random: Random, length: number): Step[] {
  const steps: Step[] = []
  while (steps.length < length) {
    const step = randomStep(random)
    // What is left of a stream that has been emptied tests nothing.
    if (step.name !== 'empty' || random.integer(3) === 0) steps.push(step)
  }
  return steps
}

const applied = (steps: readonly Step[], stream: DataStream<Row>, chaining: (index: number) => boolean): DataStream<Row> =>
  steps.reduce((result, step, index) => (chaining(index) ? step.apply(result) : step.apply(result).startNewChain()), stream)
const modelled = (steps: readonly Step[], list: readonly Row[]): readonly Row[] => steps.reduce((result, step) => step.model(result), list)

test(
  'a chain of views and copies gives what its functions say, in order',
  overSeeds(80, async (seed, random) => {
    const input = rows(random, 1 + random.integer(120))
    const steps = chainOf(random, 1 + random.integer(6))
    const apart = random.integer(1 << steps.length)
    const seen: Row[] = []
    const program = (env: StreamExecutionEnvironment): void => {
      applied(steps, env.fromCollection(input, SCHEMA), (index) => ((apart >> index) & 1) === 0).forEach((row) => seen.push({ ...row }))
    }
    await runUnder(seed, 1, program)
    expect(seen.map(text), steps.map(({ name }) => name).join(' | ')).toEqual(modelled(steps, input).map(text))
  }),
)

test(
  'two consumers of one stream each see all of it in order',
  overSeeds(60, async (seed, random) => {
    const input = rows(random, 1 + random.integer(120))
    const [head, left, right] = [chainOf(random, random.integer(3)), chainOf(random, random.integer(4)), chainOf(random, random.integer(4))]
    const apart = random.integer(1 << left.length)
    const parallelism = pick(random, [1, 2, 4])
    const seen: [Row[], Row[]] = [[], []]
    await runUnder(seed, parallelism, (env) => {
      const stream = applied(head, env.fromCollection(input, SCHEMA), () => true)
      applied(left, stream, (index) => ((apart >> index) & 1) === 0)
        .global()
        .forEach((row) => seen[0].push({ ...row }))
      applied(right, stream, () => true)
        .rescale()
        .map((row) => ({ ...row }))
        .map((row) => row)
        .returns(ROW)
        .setParallelism(1)
        .forEach((row) => seen[1].push({ ...row }))
        .setParallelism(1)
    })
    const expected = modelled(head, input)
    if (parallelism === 1) {
      expect(seen[0].map(text)).toEqual(modelled(left, expected).map(text))
      expect(seen[1].map(text)).toEqual(modelled(right, expected).map(text))
    } else {
      expectSame(seen[0], modelled(left, expected), 'left')
      expectSame(seen[1], modelled(right, expected), 'right')
    }
  }),
)

test(
  'a stream that is split and united again loses, doubles and disorders nothing',
  overSeeds(60, async (seed, random) => {
    const input = rows(random, 1 + random.integer(120))
    const [left, right] = [chainOf(random, 1 + random.integer(3)), chainOf(random, 1 + random.integer(3))]
    for (const parallelism of [1, 2, 4]) {
      const seen: Row[][] = Array.from({ length: parallelism }, () => [])
      let subtask = 0
      const program = (env: StreamExecutionEnvironment): void => {
        const mine = seen[subtask++]
        const stream = env.fromCollection(input, SCHEMA)
        applied(
          left,
          stream.filter((row) => row.value < 12),
          () => true,
        )
          .union(
            applied(
              right,
              stream.filter((row) => row.value >= 12),
              () => true,
            ),
          )
          .keyBy('id')
          .forEach((row) => mine.push({ ...row }))
      }
      await runUnder(seed, parallelism, program)
      const expected = [
        ...modelled(
          left,
          input.filter((row) => row.value < 12),
        ),
        ...modelled(
          right,
          input.filter((row) => row.value >= 12),
        ),
      ]
      expectSame(seen.flat(), expected, `parallelism ${parallelism}`)
      // With one subtask each branch is one way, and steps keep ids in order: nothing overtakes.
      if (parallelism > 1) continue
      for (const side of [false, true]) {
        const ids = seen[0].filter((row) => input[row.id].value >= 12 === side).map((row) => row.id)
        expect(ids).toEqual([...ids].sort((a, b) => a - b))
      }
    }
  }),
)
