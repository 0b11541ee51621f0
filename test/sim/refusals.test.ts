import { expect, test } from 'vitest'
import { StreamExecutionEnvironment } from '../../src/api/datastream/environment.ts'
import { systemClock, VirtualClock } from '../../src/base/clock.ts'
import { RecordBatch } from '../../src/batch/record-batch.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { type OperatorContext, type Output, StatelessOperator } from '../../src/operator/operator.ts'
import type { Sink, SinkWriter } from '../../src/operator/sink.ts'
import { planJob } from '../../src/plan/execution-plan.ts'
import { LocalExecutor } from '../../src/runtime/local-executor.ts'
import { runJob } from '../../src/testing/run-job.ts'
import { runUnder } from './simulation.ts'

/** A sink that can take more only when the event loop has had a turn. */
function turnSink(taken: number[]): Sink {
  let room = true
  const writer: SinkWriter = {
    hasCapacity: () => room,
    write(batch) {
      for (; batch.begin < batch.end; batch.begin++) taken.push(batch.columns.length)
      room = false
      setImmediate(() => (room = true))
      return true
    },
    flush: () => true,
    finish: () => room,
    snapshot() {},
    restore() {},
    close() {},
  }
  return { name: 'Turns', needsEventLoop: true, parallelismMax: 1, describe: () => 'a batch for each turn of the event loop', createWriter: () => writer }
}

test.each([
  ['the machine', systemClock],
  ['a virtual', new VirtualClock()],
])('a job on the calling thread leaves the event loop to a sink that waits for it, under %s clock', async (_name, clock) => {
  const env = new StreamExecutionEnvironment()
  const taken: number[] = []
  env
    .fromCollection(Array.from({ length: 40 }, (_, index) => index))
    .startNewChain()
    .rebalance()
    .sinkTo(turnSink(taken))
  const plan = planJob(env.graph, { jobName: 'turns', parallelism: 2, maxParallelism: undefined })
  await new LocalExecutor(plan, env.graph, { clock, batchRowsMax: 4, log: () => {} }).run()
  expect(taken.length).toBe(40)
})

test('runJob gives its turns to a job with asynchronous parts', async () => {
  const taken: number[] = []
  await runJob(
    (env) =>
      void env
        .fromCollection(Array.from({ length: 40 }, (_, index) => index))
        .rebalance()
        .sinkTo(turnSink(taken)),
    { parallelism: 2, seed: 1, batchRowsMax: 4 },
  )
  expect(taken.length).toBe(40)
})

test('a job that waits for what never comes is told from one that works', async () => {
  const deaf: Sink = {
    ...turnSink([]),
    needsEventLoop: false,
    createWriter: () => ({ hasCapacity: () => false, write: () => false, flush: () => true, finish: () => false, snapshot() {}, restore() {}, close() {} }),
  }
  await expect(runJob((env) => void env.fromElements(1).sinkTo(deaf), { seed: 1 })).rejects.toThrow(/STUCK|never comes/)
})

const SCHEMA = defineSchema({ id: t.int() })

/** Breaks the contract of outputs: changes the selection of a view that somebody may still be reading. */
class CarelessFilter extends StatelessOperator {
  readonly outputSchema = SCHEMA
  #view!: RecordBatch
  #selection = 0

  override open(context: OperatorContext): void {
    super.open(context)
    this.#view = new RecordBatch(context.slab, SCHEMA, [])
    this.#selection = context.slab.allocate(4096)
  }

  override processBatch(batch: RecordBatch, output: Output): boolean {
    if (!output.hasCapacity()) return false
    const view = this.#view.viewOf(batch)
    const { i32 } = this.context.slab
    view.selection = this.#selection
    view.selectedCount = 0
    for (let position = batch.begin; position < batch.end; position++) i32[(this.#selection >>> 2) + view.selectedCount++] = batch.physicalRow(position)
    view.rewind()
    batch.begin = batch.end
    output.emit(view)
    // Here it should leave the selection alone.
    for (let index = 1; index < view.selectedCount; index++) i32[(this.#selection >>> 2) + index] = i32[this.#selection >>> 2]!
    return true
  }
}

test('the simulation finds an operator that changes what it has emitted', async () => {
  const input = Array.from({ length: 60 }, (_, id) => ({ id }))
  let found = 0
  for (let seed = 1; seed <= 20; seed++) {
    const seen: number[] = []
    try {
      await runUnder(seed, 1, (env) => {
        env
          .fromCollection(input, SCHEMA)
          .operator('Careless', { kind: 'operator', watermarks: { kind: 'none' }, needsEventLoop: false, create: () => new CarelessFilter() }, SCHEMA)
          .map((row) => row.id)
          .startNewChain()
          .forEach((id) => seen.push(id))
      })
    } catch {
      found++
      continue
    }
    if (seen.length !== 60 || seen.some((id, index) => id !== index)) found++
  }
  expect(found).toBeGreaterThan(3)
})

test('a program that builds another graph for each worker is refused', async () => {
  let builds = 0
  const job = (env: StreamExecutionEnvironment): void => {
    const stream = env.fromCollection([1, 2, 3]).name(`source ${builds++}`)
    stream.output('numbers')
  }
  await expect(runJob(job, { parallelism: 2 })).rejects.toThrow(/worker 1 built another graph than was planned/)
})
