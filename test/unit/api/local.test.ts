import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../../src/api/datastream/environment.ts'
import { VirtualClock } from '../../../src/base/clock.ts'
import { availableCores } from '../../../src/base/platform.ts'
import { defineSchema, OBJECT_SCHEMA, t } from '../../../src/batch/types.ts'
import { collectionSource } from '../../../src/connector/collection/collection-source.ts'
import { planJob } from '../../../src/plan/execution-plan.ts'
import { LocalExecutor } from '../../../src/runtime/local-executor.ts'

function run(env: StreamExecutionEnvironment, parallelism: number = 1): void {
  const plan = planJob(env.graph, { jobName: 'test', parallelism, maxParallelism: undefined })
  new LocalExecutor(plan, env.graph, { clock: new VirtualClock(), log: () => {}, batchRowsMax: 16 }).runToEnd()
}

test('a job of user functions runs on the calling thread and sees every value in order', () => {
  const env = new StreamExecutionEnvironment()
  const seen: unknown[] = []
  env
    .fromCollection(Array.from({ length: 100 }, (_, index) => index))
    .map((value) => value * 2)
    .filter((value) => value % 3 === 0)
    .flatMap((value) => [value, -value])
    .forEach((value) => seen.push(value))
  run(env)
  expect(seen).toEqual(
    Array.from({ length: 100 }, (_, index) => index * 2)
      .filter((value) => value % 3 === 0)
      .flatMap((value) => [value, -value]),
  )
})

test('rows in columns pass filters, projections and typed functions unchanged', () => {
  const env = new StreamExecutionEnvironment()
  const schema = defineSchema({ id: t.int(), name: t.string().nullable(), price: t.double(), count: t.bigint(), at: t.timestamp(3) })
  const rows = Array.from({ length: 50 }, (_, id) => ({
    id,
    name: id % 5 === 0 ? null : `näme-${id}`,
    price: id / 4,
    count: BigInt(id) ** 3n,
    at: 1_700_000_000_000 + id,
  }))
  const seen: unknown[] = []
  env
    .fromCollection(rows, schema)
    .filter((row) => row.id % 2 === 1)
    .map((row) => ({ ...row, price: row.price + 1 }))
    .returns({ id: t.int(), name: t.string().nullable(), price: t.double(), count: t.bigint(), at: t.timestamp(3) })
    .select('name', 'price', 'at', 'count')
    .forEach((row) => seen.push({ ...row }))
  run(env)
  expect(seen).toEqual(rows.filter((row) => row.id % 2 === 1).map(({ name, price, at, count }) => ({ name, price: price + 1, at, count })))
})

test.each([1, 2, 4])('records reach the subtask of their key with parallelism %i', (parallelism) => {
  const env = new StreamExecutionEnvironment()
  const seen = new Map<number, number[]>()
  env
    .fromCollection(Array.from({ length: 1000 }, (_, index) => index))
    .keyBy((value) => value % 17)
    .forEach((value) => {
      const list = seen.get(value % 17) ?? []
      seen.set(value % 17, [...list, value])
    })
  run(env, parallelism)
  expect([...seen.values()].flat().length).toBe(1000)
  for (const [key, values] of seen) expect(values).toEqual(Array.from({ length: 1000 }, (_, index) => index).filter((value) => value % 17 === key))
})

test('fromSource without a watermark strategy says what is missing', () => {
  const env = new StreamExecutionEnvironment()
  const source = collectionSource([1], OBJECT_SCHEMA)
  expect(() => env.fromSource(source, undefined as never)).toThrow('fromSource(source, strategy) needs a watermark strategy')
})

test('a parallelism of more threads than a machine bears is refused with the bound', () => {
  const env = new StreamExecutionEnvironment()
  env.fromElements(1).forEach(() => {})
  const workersMax = Math.max(64, 4 * availableCores())
  expect(() => run(env, workersMax + 1)).toThrow(
    `Cannot run job "test" with a parallelism of ${workersMax + 1}: it must be an integer in 1..${workersMax} on this machine, since each worker is a thread`,
  )
})
