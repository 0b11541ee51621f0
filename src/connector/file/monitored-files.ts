// Files of a folder that is looked at again and again: each new file is read once, as it is when it is found. Runs on the worker of its only reader, which
// lists the folder itself: what it has found is its state.

import type { RecordBatch } from '../../batch/record-batch.ts'
import { hasCode } from '../../base/errors.ts'
import type { OperatorContext, Output, SnapshotReader, SnapshotWriter } from '../../operator/operator.ts'
import { PollResult, type Source, type SourceReader, type SourceSplit, readSplitStates, writeSplitState } from '../../operator/source.ts'

/** What is looked at, and how it is read. */
export interface MonitoredFilesOptions {
  /** Makes the reader, and says what its rows are. */
  readonly files: Source
  /** The paths that there are now, in the order in which they are read. @throws {ConnectorError} `FILE_NOT_FOUND` while there are none. */
  list(): readonly string[]
  /** What the reader reads of files. */
  splitsOf(paths: readonly string[]): readonly SourceSplit[]
  readonly intervalMs: number
}

/** The state of the only split. */
interface MonitorState {
  readonly seen: readonly string[]
  readonly waiting: readonly SourceSplit[]
  readonly count: number
  /** Of the reader: names of states, and their elements in base64. */
  readonly elements: readonly (readonly [state: string, element: string])[]
}

class MonitoredFilesReader implements SourceReader {
  retryAtMs = Infinity
  readonly #options: MonitoredFilesOptions
  readonly #context: OperatorContext
  readonly #reader: SourceReader
  /** Of the split that stands for the folder; 0 until it is assigned. */
  #index = 0
  #seen = new Set<string>()
  #waiting: SourceSplit[] = []
  /** Splits that the reader was given. */
  #count = 0
  #lookAtMs = -Infinity
  #hasLooked = false

  constructor(options: MonitoredFilesOptions, context: OperatorContext) {
    this.#options = options
    this.#context = context
    this.#reader = options.files.createReader(context)
  }

  get batch(): RecordBatch {
    return this.#reader.batch
  }

  poll(sides: Output): PollResult {
    if (this.#index === 0) return PollResult.NEEDS_SPLIT
    for (;;) {
      const result = this.#reader.poll(sides)
      if (result === PollResult.BATCH) this.batch.split = this.#index
      this.retryAtMs = this.#reader.retryAtMs
      if (result !== PollResult.NEEDS_SPLIT) return result
      if (this.#waiting.length === 0) this.#look()
      const next = this.#waiting.shift()
      if (next === undefined) {
        this.retryAtMs = this.#lookAtMs
        return PollResult.NOTHING
      }
      this.#reader.assign(next, ++this.#count)
    }
  }

  assign(_split: SourceSplit, index: number): void {
    this.#index = index
  }

  /** There may always be more. */
  noMoreSplits(): void {}

  snapshot(writer: SnapshotWriter): void {
    if (this.#index === 0) return
    const elements: (readonly [string, string])[] = []
    this.#reader.snapshot({ keyed() {}, element: (state, value) => void elements.push([state, Buffer.from(value).toString('base64')]) })
    const state: MonitorState = { seen: [...this.#seen], waiting: this.#waiting, count: this.#count, elements }
    writeSplitState(writer, this.#index, Buffer.from(JSON.stringify(state)))
  }

  restore(reader: SnapshotReader): void {
    readSplitStates(reader, (index, bytes) => {
      const { seen, waiting, count, elements } = JSON.parse(Buffer.from(bytes).toString()) as MonitorState
      this.#index = index
      this.#seen = new Set(seen)
      this.#waiting = [...waiting]
      this.#count = count
      this.#reader.restore({
        keyed() {},
        elements(name, visit) {
          for (const [state, element] of elements) if (state === name) visit(Buffer.from(element, 'base64'))
        },
      })
    })
  }

  close(): void {
    this.#reader.close()
  }

  #look(): void {
    const nowMs = this.#context.clock.nowMs()
    if (nowMs < this.#lookAtMs) return
    this.#lookAtMs = nowMs + this.#options.intervalMs
    const found = this.#list().filter((path) => !this.#seen.has(path))
    if (found.length === 0) return
    for (const path of found) this.#seen.add(path)
    this.#waiting.push(...this.#options.splitsOf(found))
  }

  #list(): readonly string[] {
    try {
      return this.#options.list()
    } catch (error) {
      if (!hasCode(error, 'FILE_NOT_FOUND')) throw error
      if (!this.#hasLooked) this.#context.log(`${(error as Error).message}, so far`)
      return []
    } finally {
      this.#hasLooked = true
    }
  }
}

/** A source that never ends: files are read when they come. One subtask reads. */
export function monitoredFiles(options: MonitoredFilesOptions): Source {
  const { files, intervalMs } = options
  return {
    name: files.name,
    schema: files.schema,
    bounded: false,
    needsEventLoop: false,
    parallelismMax: 1,
    ...(files.sideOutputs && { sideOutputs: files.sideOutputs }),
    describe: () => `${files.describe()}, looked at every ${intervalMs} ms`,
    enumerate: () => [{ id: 'files', payload: {} }],
    createReader: (context) => new MonitoredFilesReader(options, context),
  }
}
