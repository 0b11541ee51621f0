import { expect, test } from 'vitest'
import type { DataStream } from '../../src/api/datastream/data-stream.ts'
import type { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import type { Random } from '../../src/base/random.ts'
import { Decimal, defineSchema, t } from '../../src/batch/types.ts'
import { expectSame, pick, runUnder, overSeeds, text } from './simulation.ts'

/** A record that knows its way: which subtask sent it as its how-manieth, which one got it. */
interface Step {
  readonly value: number
  readonly sender: number
  readonly position: number
}

const PARTITIONERS: Record<string, (stream: DataStream<Step>) => DataStream<Step>> = {
  rebalance: (stream) => stream.rebalance(),
  rescale: (stream) => stream.rescale(),
  broadcast: (stream) => stream.broadcast(),
  global: (stream) => stream.global(),
  custom: (stream) => stream.partitionCustom((record, subtaskCount) => (record.value * 7) % subtaskCount),
  forward: (stream) => stream,
}

test(
  'each partitioner sends every record where it should, once, in the order of its sender',
  overSeeds(90, async (seed, random) => {
    const count = 1 + random.integer(150)
    const input = Array.from({ length: count }, (_, value) => value)
    const [name, partition] = pick(random, Object.entries(PARTITIONERS))
    const [senders, receivers] = [pick(random, [1, 2, 3, 4]), pick(random, [1, 2, 3, 4])]
    const arrived: { at: number; record: Step }[] = []
    let builds = 0
    await runUnder(seed, 4, (env) => {
      const at = builds++
      let position = 0
      const sent = env
        .fromCollection(input)
        .rebalance()
        .map((value): Step => ({ value, sender: at, position: position++ }))
        .setParallelism(senders)
      partition(sent)
        .map((record) => ({ at, record }))
        .setParallelism(receivers)
        .forEach((way) => arrived.push(way))
        .setParallelism(receivers)
    })
    const copies = name === 'broadcast' ? receivers : 1
    expectSame(
      arrived.map(({ record }) => record.value),
      input.flatMap((value) => Array.from({ length: copies }, () => value)),
      `${name} ${senders} -> ${receivers}`,
    )
    for (let at = 0; at < receivers; at++)
      for (let sender = 0; sender < senders; sender++) {
        const positions = arrived.filter((way) => way.at === at && way.record.sender === sender).map((way) => way.record.position)
        expect(positions, `${name}: from ${sender} to ${at}`).toEqual([...positions].sort((a, b) => a - b))
      }
    if (name === 'global') expect(arrived.every(({ at }) => at === 0)).toBe(true)
    if (name === 'forward' && senders === receivers) expect(arrived.every(({ at, record }) => at === record.sender)).toBe(true)
    if (name === 'custom') expect(arrived.every(({ at, record }) => at === (record.value * 7) % receivers)).toBe(true)
  }),
)

test(
  'subtasks that get nothing from a global exchange end, so that what is behind them does',
  overSeeds(20, async (seed, random) => {
    const input = Array.from({ length: random.integer(50) }, (_, value) => value)
    const arrived: number[] = []
    await runUnder(seed, pick(random, [2, 4]), (env) => {
      const numbers = env.fromCollection(input)
      numbers
        .global()
        .map((value) => value)
        .connect(numbers.global())
        .map(
          (value) => value,
          (value) => -1 - value,
        )
        .rebalance()
        .forEach((value) => arrived.push(value))
    })
    expect(arrived.length).toBe(input.length * 2)
    expectSame(arrived, [...input, ...input.map((value) => -1 - value)], 'both inputs')
  }),
)

type Key = number | string | bigint | boolean | null | Uint8Array | readonly (number | string | null)[]

const KEYS: Record<string, (value: number) => Key> = {
  number: (value) => value % 11,
  fraction: (value) => (value % 5) / 4,
  string: (value) => `key ${value % 13}`,
  bigint: (value) => BigInt(value % 7) << 60n,
  boolean: (value) => value % 2 === 0,
  nullable: (value) => (value % 3 === 0 ? null : value % 3),
  bytes: (value) => new Uint8Array([value % 4, 255]),
  several: (value) => [value % 3, `s${value % 2}`, value % 5 === 0 ? null : 1],
}

test(
  'records of one key meet in one subtask, in the order of their sender',
  overSeeds(60, async (seed, random) => {
    const input = Array.from({ length: 1 + random.integer(200) }, (_, value) => value)
    const [name, key] = pick(random, Object.entries(KEYS))
    const [senders, parallelism] = [pick(random, [1, 2, 3]), pick(random, [1, 2, 4])]
    const arrived: { at: number; record: Step }[] = []
    let builds = 0
    await runUnder(seed, Math.max(senders, parallelism), (env) => {
      const at = builds++
      let position = 0
      env
        .fromCollection(input)
        .rebalance()
        .map((value): Step => ({ value, sender: at, position: position++ }))
        .setParallelism(senders)
        .keyBy((record) => key(record.value))
        .forEach((record) => arrived.push({ at, record }))
        .setParallelism(parallelism)
    })
    expectSame(
      arrived.map(({ record }) => record.value),
      input,
      name,
    )
    const owners = new Map<string, number>()
    const last = new Map<string, number>()
    for (const { at, record } of arrived) {
      const group = text(key(record.value))
      expect(owners.get(group) ?? at, `subtask of ${group}`).toBe(at)
      owners.set(group, at)
      const way = `${group} from ${record.sender}`
      expect(last.get(way) ?? -1, way).toBeLessThan(record.position)
      last.set(way, record.position)
    }
  }),
)

const COLUMNS = {
  id: t.int(),
  flag: t.boolean().nullable(),
  tiny: t.tinyint(),
  small: t.smallint().nullable(),
  big: t.bigint(),
  safe: t.safeInt().nullable(),
  float: t.float(),
  double: t.double().nullable(),
  price: t.decimal(12, 2).nullable(),
  huge: t.decimal(38, 4),
  name: t.string().nullable(),
  code: t.string(),
  bytes: t.bytes().nullable(),
  day: t.date(),
  time: t.time(3).nullable(),
  at: t.timestamp(3),
  micros: t.timestamp(6).nullable(),
  nanos: t.timestamp(9),
  tags: t.array(t.string().nullable()).nullable(),
  counts: t.map(t.string(), t.int()),
  place: t.row({ x: t.double(), label: t.string().nullable() }).nullable(),
  any: t.object(),
}
const WIDE = defineSchema(COLUMNS)

function wideRow(random: Random, id: number): Record<string, unknown> {
  const maybe = <T>(value: T): T | null => (random.integer(4) === 0 ? null : value)
  const letters = (max: number): string => Array.from({ length: random.integer(max) }, () => pick(random, ['a', 'z', 'ß', '→', '🦊', '"', '\n', ' '])).join('')
  const long = random.integer(12) === 0
  return {
    id,
    flag: maybe(random.integer(2) === 1),
    tiny: random.integer(256) - 128,
    small: maybe(random.integer(65536) - 32768),
    big: BigInt.asIntN(64, (BigInt(random.uint32()) << 32n) | BigInt(random.uint32())),
    safe: maybe(random.integer(2 ** 53) * (random.integer(2) === 0 ? 1 : -1)),
    float: Math.fround(random.next() * 100),
    double: maybe(pick(random, [0, random.integer(2) === 0 ? -0 : 0, Number.NaN, Infinity, -1e300, random.next()])),
    price: maybe(new Decimal(BigInt(random.integer(1e12)) * (random.integer(2) === 0 ? 1n : -1n), 2)),
    huge: new Decimal(BigInt(random.uint32()) ** 3n, 4),
    name: maybe(letters(12)),
    code: letters(long ? 3000 : 5),
    bytes: maybe(Uint8Array.from({ length: random.integer(long ? 2000 : 9) }, () => random.integer(256))),
    day: random.integer(40_000) - 20_000,
    time: maybe(random.integer(86_400_000)),
    at: 1_700_000_000_000 + random.integer(1e9) - 5e8,
    micros: maybe(BigInt(random.integer(2 ** 50)) * 1000n),
    nanos: BigInt(random.integer(2 ** 50)) - 2n ** 49n,
    tags: maybe(Array.from({ length: random.integer(4) }, () => maybe(letters(6)))),
    counts: new Map(Array.from({ length: random.integer(4) }, (_, index) => [`k${index}`, random.integer(100)])),
    place: maybe({ x: random.next(), label: maybe(letters(5)) }),
    any: pick<() => unknown>(random, [
      () => id,
      () => `text ${id}`,
      () => null,
      () => ({ nested: [id, { deep: new Map([[id, new Set([1n])]]) }], when: new Date(id) }),
      () => [undefined, null, 0.5],
      () => letters(long ? 2500 : 3),
    ])(),
  }
}

test(
  'values of every type cross exchanges as they were, however long the row and short the ring',
  overSeeds(60, async (seed, random) => {
    const input = Array.from({ length: 1 + random.integer(30) }, (_, id) => wideRow(random, id))
    const parallelism = pick(random, [1, 2, 4])
    const seen: unknown[] = []
    await runUnder(seed, parallelism, (env: StreamExecutionEnvironment) => {
      const stream = env.fromCollection(input as never[], WIDE) as unknown as DataStream<Record<string, unknown>>
      stream
        .rebalance()
        .filter((row) => (row['id'] as number) >= 0)
        .startNewChain()
        .keyBy((row) => (row['id'] as number) % 5)
        .forEach((row) => seen.push({ ...row }))
    })
    expect(seen.length).toBe(input.length)
    expectSame(
      seen,
      input.map((row) => ({ ...row })),
      `parallelism ${parallelism}`,
    )
  }),
)

test(
  'objects cross exchanges as they were',
  overSeeds(30, async (seed, random) => {
    const input = Array.from({ length: 1 + random.integer(40) }, (_, id) => ({
      ...wideRow(random, id),
      id,
      double: random.next(),
      extra: id % 2 === 0 ? undefined : [id],
    }))
    const seen: unknown[] = []
    await runUnder(seed, pick(random, [2, 3]), (env) => {
      env
        .fromCollection(input)
        .map((value) => value)
        .rebalance()
        .map((value) => value)
        .keyBy((value) => value.id % 3)
        .forEach((value) => seen.push(value))
    })
    expect(seen.length).toBe(input.length)
    expectSame(seen, input, 'objects')
  }),
)
