// Drives a source by hand, as the runtime would: one reader, splits in order, everything it emits kept as plain rows.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { VirtualClock } from '../../../src/base/clock.ts'
import { nodeFileSystem } from '../../../src/base/file-system.ts'
import { Slab } from '../../../src/base/slab.ts'
import { batchToObjects } from '../../../src/batch/batch-rows.ts'
import type { RecordBatch } from '../../../src/batch/record-batch.ts'
import { BAD_RECORDS_SIDE } from '../../../src/format/bad-records.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'
import type { OperatorContext, Output, SnapshotReader, SnapshotWriter } from '../../../src/operator/operator.ts'
import { isCommitting, type SinkWriter } from '../../../src/operator/sink.ts'
import { PollResult, type Source, type SourceReader, type SourceSplit } from '../../../src/operator/source.ts'

const module = compileKernels()

/** Ends a sink's writer as a job without checkpoints does: what is complete is committed at once. Returns false to be called again. */
export function finishWriter(writer: SinkWriter): boolean {
  if (!writer.finish()) return false
  if (isCommitting(writer)) for (const committable of writer.prepareCommit()) void writer.commit(committable)
  return true
}

/** Commits all that a writer has ready, as the checkpoint's end does. */
export async function commitAll(writer: SinkWriter): Promise<void> {
  if (isCommitting(writer)) for (const committable of writer.prepareCommit()) await writer.commit(committable)
}

/** A folder that is gone after the test file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface TestContext extends OperatorContext {
  readonly clock: VirtualClock
  readonly counters: Map<string, { value: number }>
  readonly lines: string[]
}

export function testContext(batchRowsMax: number = 1024): TestContext {
  const slab = new Slab()
  const counters = new Map<string, { value: number }>()
  const lines: string[] = []
  return {
    slab,
    kernels: instantiateKernels(module, slab),
    clock: new VirtualClock(),
    operatorName: 'source',
    uid: 'source',
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    batchRowsMax,
    tableSeed: 7,
    isCheckpointed: false,
    files: nodeFileSystem,
    counters,
    lines,
    metrics: {
      lateRecords: 0,
      badRecords: 0,
      bytesRead: 0,
      bytesWritten: 0,
      counter(name) {
        const counter = counters.get(name) ?? { value: 0 }
        counters.set(name, counter)
        return counter
      },
    },
    program: { send() {}, pendingCount: () => 0, receive: () => undefined },
    heldMs: () => 0,
    wake() {},
    log: (message) => void lines.push(message),
    option: () => undefined,
  }
}

/** A snapshot in memory. */
export class Snapshot implements SnapshotWriter, SnapshotReader {
  readonly #elements: [string, Uint8Array][] = []

  keyed(): void {}

  element(state: string, value: Uint8Array): void {
    this.#elements.push([state, value.slice()])
  }

  elements(state: string, visit: (value: Uint8Array) => void): void {
    for (const [name, value] of this.#elements) if (name === state) visit(value)
  }
}

/** An output for dead letters; `capacity` batches can be refused to test that nothing is lost then. */
export class SideOutput implements Output {
  readonly letters: Record<string, unknown>[] = []
  /** How many times in a row to refuse. */
  refusals = 0

  hasCapacity(): boolean {
    return this.refusals === 0 || this.refusals-- === 0
  }

  emit(batch: RecordBatch): void {
    this.letters.push(...batchToObjects(batch).map(({ row }) => row as Record<string, unknown>))
  }

  emitWatermark(): void {}

  emitStatus(): void {}

  side(id: string): Output | undefined {
    return id === BAD_RECORDS_SIDE ? this : undefined
  }
}

/** A reader that is asked and fed by hand. */
export class SourceProbe {
  readonly context: TestContext
  readonly reader: SourceReader
  readonly sides = new SideOutput()
  readonly rows: Record<string, unknown>[] = []
  /** The split of each of {@link rows}. */
  readonly rowSplits: number[] = []
  readonly splits: readonly SourceSplit[]
  /** What the last batch said is read by turns. */
  openSplits: readonly number[] | undefined
  #next: number

  constructor(source: Source, options: { batchRowsMax?: number; snapshot?: Snapshot; splits?: readonly SourceSplit[]; next?: number } = {}) {
    this.context = testContext(options.batchRowsMax)
    this.splits = options.splits ?? source.enumerate(1)
    this.#next = options.next ?? 0
    this.reader = source.createReader(this.context)
    if (options.snapshot !== undefined) this.reader.restore(options.snapshot)
  }

  /** Splits handed out so far. */
  get next(): number {
    return this.#next
  }

  /** One poll; splits are handed out as they are asked for. Returns what the reader said at last. */
  poll(): PollResult {
    for (;;) {
      const result = this.reader.poll(this.sides)
      if (result === PollResult.BATCH) {
        const { batch } = this.reader
        this.openSplits = batch.openSplits
        this.rows.push(...batchToObjects(batch).map(({ row }) => row as Record<string, unknown>))
        while (this.rowSplits.length < this.rows.length) this.rowSplits.push(batch.split)
      }
      if (result !== PollResult.NEEDS_SPLIT) return result
      const split = this.splits[this.#next]
      if (split === undefined) this.reader.noMoreSplits()
      else this.reader.assign(split, ++this.#next)
    }
  }

  /** Polls until the reader has finished, or has nothing now (waits for nothing). */
  drain(): this {
    for (;;) {
      const result = this.poll()
      if (result === PollResult.FINISHED) return this
      if (result === PollResult.NOTHING && this.reader.retryAtMs > this.context.clock.nowMs()) return this
    }
  }

  snapshot(): Snapshot {
    const snapshot = new Snapshot()
    this.reader.snapshot(snapshot)
    return snapshot
  }

  close(): void {
    this.reader.close()
  }
}

/** All rows of a source. */
export function readAll(source: Source, batchRowsMax?: number): Record<string, unknown>[] {
  const probe = new SourceProbe(source, batchRowsMax === undefined ? {} : { batchRowsMax })
  try {
    return probe.drain().rows
  } finally {
    probe.close()
  }
}
