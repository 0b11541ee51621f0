// Drives a keyed operator through its driver as the runtime does, over rows, watermarks and processing time given as plain data: cut into batches
// at random, against an output that refuses, with restores into fresh instances. What comes out is plain data too.
import { VirtualClock } from '../../../../src/base/clock.ts'
import { nodeFileSystem } from '../../../../src/base/file-system.ts'
import { Random } from '../../../../src/base/random.ts'
import { Slab } from '../../../../src/base/slab.ts'
import { batchFromObjects, batchToObjects, freeBatch } from '../../../../src/batch/batch-rows.ts'
import { WATERMARK_MIN } from '../../../../src/batch/crossings.ts'
import type { RecordBatch } from '../../../../src/batch/record-batch.ts'
import type { Schema } from '../../../../src/batch/types.ts'
import type { ElementTarget } from '../../../../src/exchange/element-target.ts'
import { compileKernels, instantiateKernels } from '../../../../src/kernels/kernels.ts'
import type { Operator, OperatorContext, OperatorMetrics } from '../../../../src/operator/operator.ts'
import { OperatorDriver } from '../../../../src/runtime/operator-driver.ts'
import { OutputCollector } from '../../../../src/runtime/output-collector.ts'
import { MemorySnapshot } from '../../../../src/testing/memory-snapshot.ts'

/** Counts the entries of keyed state. */
class CountingSnapshot extends MemorySnapshot {
  keyedCount = 0

  override keyed(...entry: Parameters<MemorySnapshot['keyed']>): void {
    this.keyedCount++
    super.keyed(...entry)
  }
}

/** One thing that happens to the operator. */
export type Step =
  | { readonly row: unknown; readonly at?: number; readonly input?: number }
  | { readonly watermark: number }
  /** Processing time moves on, and timers fire. */
  | { readonly now: number }

/** A record that came out, and the watermark that had come out before it. */
export interface Emitted {
  readonly row: unknown
  readonly timestamp: number
  readonly watermark: number
}

export interface DriveOptions {
  readonly schemas: readonly Schema[]
  readonly sides?: readonly string[]
  /** Undefined: each row and watermark on its own. A number seeds the cuts: batches of several rows with crossings inside. */
  readonly cuts?: number
  readonly refusing?: boolean
  /** Restore into a fresh operator after every element. */
  readonly restoring?: boolean
  readonly batchRowsMax?: number
  /** The job's configuration, as text. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface Driven {
  readonly rows: Emitted[]
  readonly sides: Record<string, Emitted[]>
  readonly late: number
  /** User counters by name. */
  readonly counters: Readonly<Record<string, number>>
  /** Keyed entries of a snapshot at the end: state and timers that the operator still holds. */
  readonly held: number
  /** Bytes of the slab still in use after close. */
  readonly leakedBytes: number
}

const module = compileKernels()

/** Keeps what it is offered; may refuse every other time, and looks at a batch only when it says that it can take the next. */
class Sink implements ElementTarget {
  readonly emitted: Emitted[] = []
  #watermark = WATERMARK_MIN
  #batch: RecordBatch | null = null
  #range = [0, 0]
  #turn = 0
  readonly #refusing: boolean

  constructor(refusing: boolean) {
    this.#refusing = refusing
  }

  hasCapacity(): boolean {
    if (this.#refusing && this.#turn++ % 2 === 0) return false
    this.read()
    return true
  }

  read(): void {
    const batch = this.#batch
    if (batch === null) return
    this.#batch = null
    const { crossings } = batch
    let crossing = 0
    const rows = batchToObjects(batch)
    for (let position = this.#range[0]; position <= this.#range[1]; position++) {
      while (crossing < crossings.count && crossings.positions[crossing] <= position)
        this.#watermark = Math.max(this.#watermark, crossings.watermarks[crossing++])
      if (position < this.#range[1]) this.emitted.push({ row: rows[position].row, timestamp: rows[position].timestamp, watermark: this.#watermark })
    }
  }

  offerBatch(batch: RecordBatch): void {
    if (this.#batch !== null) throw new Error('a batch was offered without capacity')
    this.#batch = batch
    this.#range = [batch.begin, batch.end]
    batch.begin = batch.end
  }

  offerWatermark(watermarkMs: number): void {
    this.read()
    if (watermarkMs < this.#watermark) throw new Error('the watermark fell')
    this.#watermark = watermarkMs
  }

  offerStatus(): void {}
  offerMarker(): void {}

  offerBarrier(): void {}
  offerEnd(): void {}
}

/** Runs the steps, ends the inputs, and returns what came out. */
export function drive(create: () => Operator, steps: readonly Step[], options: DriveOptions): Driven {
  const slab = new Slab()
  const clock = new VirtualClock(0)
  const kernels = instantiateKernels(module, slab)
  const counters: Record<string, { value: number }> = {}
  const metrics: OperatorMetrics = { lateRecords: 0, badRecords: 0, bytesRead: 0, bytesWritten: 0, counter: (name) => (counters[name] ??= { value: 0 }) }
  const context: OperatorContext = {
    slab,
    kernels,
    clock: clock,
    operatorName: 'window',
    uid: 'window',
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    batchRowsMax: options.batchRowsMax ?? 1024,
    tableSeed: 7,
    isCheckpointed: false,
    files: nodeFileSystem,
    metrics,
    program: { send: () => {}, pendingCount: () => 0, receive: () => undefined },
    heldMs: () => 0,
    wake: () => {},
    log: () => {},
    option: (key) => options.settings?.[key],
  }
  const before = slab.allocatedBytes
  const main = new Sink(options.refusing === true)
  const sides = new Map((options.sides ?? []).map((id) => [id, new Sink(options.refusing === true)]))
  const output = new OutputCollector()
  output.addTarget(main)
  for (const [id, sink] of sides) output.openSide(id).addTarget(sink)
  const start = (): OperatorDriver => {
    const operator = create()
    operator.open(context)
    return new OperatorDriver('window', operator, output, options.schemas.length, () => {})
  }
  let driver = start()
  const settle = (): void => {
    for (let tries = 0; !driver.hasCapacity(); tries++) {
      if (tries > 100_000) throw new Error('the operator makes no progress')
      driver.run()
    }
  }
  const finishElement = (): void => {
    settle()
    if (options.restoring !== true) return
    // What the sinks have not looked at yet lies in memory of the operator.
    main.read()
    for (const sink of sides.values()) sink.read()
    const snapshot = new MemorySnapshot()
    driver.operator.snapshot(snapshot)
    driver.operator.close()
    driver = start()
    driver.operator.restore(snapshot.reader())
  }
  const random = options.cuts === undefined ? null : new Random(options.cuts)
  let at = 0
  while (at < steps.length) {
    const step = steps[at]
    if ('now' in step) {
      clock.setMs(step.now)
      if (driver.operator.nextProcessingTimeMs() <= step.now) driver.fireTimers(step.now)
      at++
    } else if ('watermark' in step && (random === null || random.integer(3) === 0)) {
      driver.offerWatermark(step.watermark)
      at++
    } else {
      // A batch: rows of one input, watermarks between them, up to a random length.
      const length = random === null ? 1 : 1 + random.integer(12)
      const rows: { row: unknown; timestamp?: number }[] = []
      const crossings: [number, number][] = []
      let input = -1
      const first = at
      for (; at < steps.length && at - first < length; at++) {
        const next = steps[at]
        if ('now' in next) break
        if ('watermark' in next) {
          // A second crossing at one position would hide the first.
          if (crossings.at(-1)?.[0] === rows.length) break
          crossings.push([rows.length, next.watermark])
        } else {
          if (input !== -1 && (next.input ?? 0) !== input) break
          input = next.input ?? 0
          rows.push(next.at === undefined ? { row: next.row } : { row: next.row, timestamp: next.at })
        }
      }
      const batch = batchFromObjects(slab, options.schemas[Math.max(input, 0)], rows)
      for (const [position, watermark] of crossings) batch.crossings.add(position, watermark)
      driver.offerInput(batch, Math.max(input, 0))
      settle()
      freeBatch(batch)
    }
    finishElement()
  }
  options.schemas.forEach((_, input) => {
    driver.offerInputEnd(input)
    settle()
  })
  const held = new CountingSnapshot()
  driver.operator.snapshot(held)
  driver.operator.close()
  main.read()
  for (const sink of sides.values()) sink.read()
  return {
    rows: main.emitted,
    sides: Object.fromEntries([...sides].map(([id, sink]) => [id, sink.emitted])),
    late: metrics.lateRecords,
    counters: Object.fromEntries(Object.entries(counters).map(([name, { value }]) => [name, value])),
    held: held.keyedCount,
    leakedBytes: slab.allocatedBytes - before,
  }
}

/** All the ways an operator can be driven; the answer must be the same. */
export const WAYS: readonly (readonly [string, Omit<DriveOptions, 'schemas'>])[] = [
  ['one row at a time', {}],
  ['in batches', { cuts: 1 }],
  ['in batches, output refusing', { cuts: 2, refusing: true }],
  ['output batches of two rows, refusing', { cuts: 3, refusing: true, batchRowsMax: 2 }],
  ['restored after every element', { restoring: true }],
  ['in batches, restored after every element, output refusing', { cuts: 4, restoring: true, refusing: true, batchRowsMax: 3 }],
]
