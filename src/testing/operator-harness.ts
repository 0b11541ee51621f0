// The operator harness: runs an operator over one stream in every way the engine may run it, and insists that all ways give the same. For the
// engine's operators and for users' functions alike. Runs on the calling thread, under a virtual clock; every choice comes from the seed.

import type { WasmModule } from '../base/webassembly.ts'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { BarrierKind } from '../batch/generated/barrier-kind.ts'
import { isDeepStrictEqual } from 'node:util'
import { keyBytesOf, type KeyValue } from '../base/key-bytes.ts'
import { VirtualClock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { nodeFileSystem } from '../base/file-system.ts'
import { Random } from '../base/random.ts'
import { Slab } from '../base/slab.ts'
import { batchFromObjects, type BatchRowInit, batchToObjects, freeBatch } from '../batch/batch-rows.ts'
import { WATERMARK_MAX, WATERMARK_MIN } from '../batch/crossings.ts'
import type { RecordBatch, RowKind } from '../batch/record-batch.ts'
import { isObjectSchema, type Schema } from '../batch/types.ts'
import type { ElementTarget } from '../exchange/element-target.ts'
import { compileKernels, instantiateKernels, type Kernels } from '../kernels/kernels.ts'
import { KEY_COLUMN, keyedSchemaOf } from '../operator/basic/key-operator.ts'
import type { Operator, OperatorContext, OperatorMetrics } from '../operator/operator.ts'
import { OperatorDriver } from '../runtime/operator-driver.ts'
import { OutputCollector } from '../runtime/output-collector.ts'
import { MemorySnapshot } from './memory-snapshot.ts'

/** A record of an input (0 unless given). A timestamp is given in all records of an input or in none. */
export interface HarnessRow {
  readonly row: unknown
  readonly timestamp?: number
  readonly kind?: RowKind
  readonly input?: number
}

/** One element of the stream that an operator is run over. */
export type HarnessStep =
  | HarnessRow
  /** The watermark of all inputs together, in epoch ms; one that does not rise is left out. */
  | { readonly watermark: number }
  /** Processing time moves to this instant. */
  | { readonly processingTime: number }

/** One input of the operator. */
export interface HarnessInput {
  readonly schema: Schema
  /** The key function of a stream keyed by a function: its keys are appended as the engine appends them. */
  readonly key?: (row: never) => KeyValue
}

/** What to run and how to judge. */
export interface HarnessOptions {
  /** Makes a fresh operator; called once for each run and for each restore. */
  readonly create: () => Operator
  readonly inputs: readonly HarnessInput[]
  readonly steps: readonly HarnessStep[]
  /** Ids of side outputs that are read. */
  readonly sides?: readonly string[]
  /**
   * What the order of output records is judged by: those that this gives one value for must come in one order, others may change places between two
   * watermarks.
   *
   * @default all records are in one order
   */
  readonly keyOf?: (row: never) => unknown
  /** @default 1 */
  readonly seed?: number
  /** Runs with random batches. @default 4 */
  readonly randomRuns?: number
  /** Whether the inputs end, behind a last watermark of +Infinity. @default true */
  readonly ends?: boolean
  /** Processing time at the start, in epoch ms. @default 0 */
  readonly startMs?: number
  readonly options?: ReadonlyMap<string, string>
}

/** A record that an operator sent. */
export interface HarnessRecord {
  readonly row: unknown
  readonly kind: RowKind
  /** -Infinity if the batch carried none. */
  readonly timestamp: number
}

/** What an operator sent to one output, in order. */
export type HarnessEvent =
  | HarnessRecord
  | { readonly watermark: number }
  /** The stream became idle, or active again. */
  | { readonly idle: boolean }

/** What an operator sent: to the main output and to each side output that is read. */
export interface HarnessResult {
  readonly main: readonly HarnessEvent[]
  readonly sides: ReadonlyMap<string, readonly HarnessEvent[]>
  /** The records of the main output. */
  readonly rows: readonly HarnessRecord[]
  /** How many records the operator has counted as late. */
  readonly lateRecords: number
}

/** How one run goes. */
interface Mode {
  readonly name: string
  /** Rows of the next batch at most. */
  readonly batchRows: (random: Random) => number
  /** Watermarks stand inside of batches rather than between them. */
  readonly crossings: boolean
  /** Rows lie among others that a selection leaves out. */
  readonly selection: boolean
  /** Each output takes one element, then refuses until the operator has been called in vain; besides it refuses at random when asked. */
  readonly refusing: boolean
  /** A snapshot is taken and restored into a fresh operator after each element. */
  readonly restoring: boolean
  readonly batchRowsMax: number
}

const ALL = (): number => Infinity
const ONE = (): number => 1
const FEW = (random: Random): number => 1 + random.integer(7)
const MODES: readonly Mode[] = [
  { name: 'all at once', batchRows: ALL, crossings: true, selection: false, refusing: false, restoring: false, batchRowsMax: 1024 },
  {
    name: 'all at once, watermarks between batches',
    batchRows: ALL,
    crossings: false,
    selection: false,
    refusing: false,
    restoring: false,
    batchRowsMax: 1024,
  },
  { name: 'one row at a time', batchRows: ONE, crossings: false, selection: false, refusing: false, restoring: false, batchRowsMax: 1024 },
  { name: 'one row at a time, the output refusing', batchRows: ONE, crossings: true, selection: false, refusing: true, restoring: false, batchRowsMax: 2 },
  { name: 'all at once, the output refusing', batchRows: ALL, crossings: true, selection: true, refusing: true, restoring: false, batchRowsMax: 3 },
  { name: 'one row at a time, restored after each', batchRows: ONE, crossings: false, selection: false, refusing: false, restoring: true, batchRowsMax: 1024 },
]
const RANDOM_MODE: Mode = { name: 'random batches', batchRows: FEW, crossings: true, selection: true, refusing: true, restoring: true, batchRowsMax: 5 }

/** Calls without any effect after which an operator counts as stuck; of an asynchronous one turns of the event loop. */
const IDLE_CALLS_MAX = 1000
const IDLE_TURNS_MAX = 200_000
/** Turns of the event loop in which asynchronous calls may answer before time moves on to a retry or a timeout. */
const TURNS_PER_JUMP = 64

/**
 * Runs an operator over a stream: all at once and one row at a time; with watermarks inside batches and between them; with and without selections;
 * with an output that refuses every other call; with a snapshot restored into a fresh operator after each element; in random batches; and all
 * of that again with a watermark between any two rows (one that makes no row late). Checks that every run sends the same records with the same
 * timestamps and kinds, in one order for each key, at the same watermarks; becomes idle and active at the same places; counts as many late
 * records; that no batch changes before its output has taken it; that each operator gives its memory back.
 *
 * What a function of a user is as an operator says one of `mapFunction`, `keyedProcessFunction`, ... of `millrace/testing`.
 *
 * @returns What the operator sent when it was run all at once.
 * @throws {MillraceError} `HARNESS_MISMATCH`, naming the run and the first difference.
 * @throws {MillraceError} `HARNESS_STUCK` if an operator neither finishes an element nor sends anything while its output has capacity.
 *
 * @example
 * const { rows } = runOperatorHarness({
 *   ...keyedProcessFunction({ schema, key: 'user' }, () => new Counter()),
 *   steps: [{ row: { user: 'a' }, timestamp: 1 }, { watermark: 10 }],
 * })
 */
export function runOperatorHarness(options: HarnessOptions): HarnessResult {
  const runs = runAll(options, IDLE_CALLS_MAX)
  for (;;) {
    const { done, value } = runs.next()
    if (done === true) return value
  }
}

/**
 * {@link runOperatorHarness} for operators whose functions are asynchronous: gives the event loop a turn whenever the operator waits, and moves
 * time on to the next retry or timeout if nothing else happens.
 *
 * @throws {MillraceError} `HARNESS_MISMATCH`, `HARNESS_STUCK`.
 */
export async function runAsyncOperatorHarness(options: HarnessOptions): Promise<HarnessResult> {
  const runs = runAll(options, IDLE_TURNS_MAX)
  for (;;) {
    const { done, value } = runs.next()
    if (done === true) return value
    await nextTurn()
  }
}

/** Yields whenever an operator waits. */
type Waiting<T> = Generator<void, T, void>

function* runAll(options: HarnessOptions, idleMax: number): Waiting<HarnessResult> {
  const seed = options.seed ?? 1
  const first = yield* compareRuns(options, options.steps, seed, 'as given', idleMax)
  const dense = withWatermarks(options.steps)
  if (dense !== undefined) yield* compareRuns(options, dense, seed, 'with a watermark between any two rows', idleMax)
  return first
}

function* compareRuns(options: HarnessOptions, steps: readonly HarnessStep[], seed: number, stream: string, idleMax: number): Waiting<HarnessResult> {
  const randomRuns = Array.from({ length: options.randomRuns ?? 4 }, (_, index) => ({
    ...RANDOM_MODE,
    name: `random batches, seed ${seed + index}`,
    seed: seed + index,
  }))
  let expected: { readonly name: string; readonly result: HarnessResult } | undefined
  for (const mode of [...MODES.map((mode) => ({ ...mode, seed })), ...randomRuns]) {
    const result = yield* new Run(options, steps, mode, new Random(mode.seed), idleMax).run()
    if (expected === undefined) expected = { name: mode.name, result }
    else compareResults(expected.name, expected.result, `${mode.name} (stream ${stream})`, result, options, !mode.restoring)
  }
  return expected!.result
}

/** The stream with a watermark in front of each row: the highest that makes no later row late. Undefined for streams without event time. */
function withWatermarks(steps: readonly HarnessStep[]): HarnessStep[] | undefined {
  let smallest = Infinity
  const bounds: number[] = []
  for (const step of steps.toReversed()) {
    if ('row' in step && step.timestamp !== undefined) smallest = Math.min(smallest, step.timestamp)
    bounds.push(smallest - 1)
  }
  if (smallest === Infinity) return undefined
  bounds.reverse()
  let watermarkMs = WATERMARK_MIN
  return steps.flatMap((step, index) => {
    if ('watermark' in step) watermarkMs = Math.max(watermarkMs, step.watermark)
    if (!('row' in step) || bounds[index] <= watermarkMs || bounds[index] === Infinity) return [step]
    watermarkMs = bounds[index]!
    return [{ watermark: watermarkMs }, step]
  })
}

/** Takes what an operator sends, and refuses as the mode says. */
class RecordingTarget implements ElementTarget {
  readonly events: HarnessEvent[] = []
  readonly #refusing: boolean
  #full = false
  #held: { readonly batch: RecordBatch; readonly begin: number; readonly end: number; readonly rows: unknown } | null = null

  constructor(refusing: boolean) {
    this.#refusing = refusing
  }

  hasCapacity(): boolean {
    return !this.#full
  }

  offerBatch(batch: RecordBatch): void {
    this.#take()
    const { begin, end, crossings } = batch
    const rows = batchToObjects(batch)
    let crossing = 0
    for (let position = begin; position < end; position++) {
      const row = batch.physicalRow(position)
      for (; crossing < crossings.count && crossings.positions[crossing] <= row; crossing++) this.offerWatermarkEvent(crossings.watermarks[crossing])
      this.events.push(rows[position])
    }
    for (; crossing < crossings.count; crossing++) this.offerWatermarkEvent(crossings.watermarks[crossing])
    batch.begin = end
    if (this.#refusing) this.#held = { batch, begin, end, rows: rows.slice(begin, end) }
  }

  offerWatermark(watermarkMs: number): void {
    this.#take()
    this.offerWatermarkEvent(watermarkMs)
  }

  offerWatermarkEvent(watermark: number): void {
    this.events.push({ watermark })
  }

  offerStatus(idle: boolean): void {
    this.#take()
    this.events.push({ idle })
  }

  offerMarker(): void {}

  offerBarrier(): void {
    this.#take()
  }

  offerEnd(): void {
    this.#take()
  }

  /** Has capacity again. What it was given must still be what it was. */
  release(): void {
    this.#full = false
    const held = this.#held
    this.#held = null
    if (held === null) return
    if (!isDeepStrictEqual(batchToObjects(held.batch).slice(held.begin, held.end), held.rows))
      throw new MillraceError('HARNESS_MISMATCH', 'An operator changed a batch that its output had not finished with')
  }

  #take(): void {
    if (this.#full) throw new MillraceError('HARNESS_MISMATCH', 'An operator sent an element to an output that had no capacity')
    this.#full = this.#refusing
  }
}

let compiled: WasmModule | undefined
const memory: { slab: Slab; kernels: Kernels; readonly clock: VirtualClock }[] = []

/** A slab with its kernels; used for all runs of this thread. */
function sharedMemory(): { slab: Slab; kernels: Kernels; readonly clock: VirtualClock } {
  if (memory.length === 0) {
    const slab = new Slab()
    memory.push({ slab, kernels: instantiateKernels((compiled ??= compileKernels()), slab), clock: new VirtualClock() })
  }
  return memory[0]
}

/** One run of one mode. */
class Run {
  readonly #options: HarnessOptions
  readonly #steps: readonly HarnessStep[]
  readonly #mode: Mode
  readonly #random: Random
  readonly #schemas: readonly Schema[]
  readonly #slab: Slab
  readonly #kernels: Kernels
  readonly #clock: VirtualClock
  readonly #main: RecordingTarget
  readonly #sides = new Map<string, RecordingTarget>()
  readonly #output: OutputCollector
  #driver!: OperatorDriver
  #snapshot: MemorySnapshot | null = null
  #checkpointId = 0
  #watermarkMs = WATERMARK_MIN
  #bytesBefore = 0
  readonly #idleMax: number
  /** Outlives the operators of a run. */
  readonly #metrics: OperatorMetrics

  constructor(options: HarnessOptions, steps: readonly HarnessStep[], mode: Mode, random: Random, idleMax: number) {
    this.#options = options
    this.#idleMax = idleMax
    const counters = new Map<string, { value: number }>()
    this.#metrics = {
      lateRecords: 0,
      badRecords: 0,
      bytesRead: 0,
      bytesWritten: 0,
      counter(name) {
        let counter = counters.get(name)
        if (counter === undefined) counters.set(name, (counter = { value: 0 }))
        return counter
      },
    }
    this.#steps = steps
    this.#mode = mode
    this.#random = random
    this.#schemas = options.inputs.map(({ schema, key }) => (key === undefined ? schema : keyedSchemaOf(schema)))
    const { slab, kernels, clock } = sharedMemory()
    this.#slab = slab
    this.#kernels = kernels
    this.#clock = clock
    clock.setMs(options.startMs ?? 0)
    this.#main = new RecordingTarget(mode.refusing)
    this.#output = new OutputCollector(mode.refusing ? () => random.integer(2) === 0 : undefined)
    this.#output.addTarget(this.#main)
    for (const id of options.sides ?? []) {
      const target = new RecordingTarget(mode.refusing)
      this.#sides.set(id, target)
      this.#output.openSide(id).addTarget(target)
    }
  }

  *run(): Waiting<HarnessResult> {
    this.#open()
    let finished = false
    try {
      for (let at = 0; at < this.#steps.length;) {
        at = yield* this.#element(at)
        if (this.#mode.restoring) yield* this.#restore()
      }
      if (this.#options.ends !== false) {
        this.#driver.offerWatermark(WATERMARK_MAX)
        yield* this.#pump()
        for (let input = 0; input < this.#schemas.length; input++) {
          this.#driver.offerInputEnd(input)
          yield* this.#pump()
        }
      }
      finished = true
    } finally {
      if (finished) this.#close()
      else {
        // What the failed run holds is lost with its slab.
        memory.length = 0
        this.#driver.operator.close()
      }
    }
    return {
      main: this.#main.events,
      sides: new Map([...this.#sides].map(([id, target]) => [id, target.events])),
      rows: this.#main.events.filter((event): event is HarnessRecord => 'row' in event),
      lateRecords: this.#metrics.lateRecords,
    }
  }

  /** Feeds the next element: a batch, a watermark, or processing time. Returns the index of the step behind it. */
  *#element(from: number): Waiting<number> {
    const step = this.#steps[from]
    if ('processingTime' in step) {
      this.#clock.setMs(step.processingTime)
      if (this.#driver.operator.nextProcessingTimeMs() <= step.processingTime) this.#driver.fireTimers(step.processingTime)
      yield* this.#pump()
      return from + 1
    }
    if ('watermark' in step) {
      if (step.watermark > this.#watermarkMs) {
        this.#watermarkMs = step.watermark
        this.#driver.offerWatermark(step.watermark)
        yield* this.#pump()
      }
      return from + 1
    }
    return yield* this.#batch(from)
  }

  *#batch(from: number): Waiting<number> {
    const { batchRows, crossings, selection } = this.#mode
    const rowsMax = batchRows(this.#random)
    const input = (this.#steps[from] as { input?: number }).input ?? 0
    const rows: BatchRowInit[] = []
    const selected: number[] = []
    const watermarks: { readonly position: number; readonly watermarkMs: number }[] = []
    let at = from
    let watermarkMs = this.#watermarkMs
    for (; at < this.#steps.length && selected.length < rowsMax; at++) {
      const step = this.#steps[at]
      if ('row' in step && (step.input ?? 0) === input) {
        const row = this.#rowOf(step, input)
        // Rows that are not selected stand in front of and between the others.
        if (selection) for (let left = this.#random.integer(3); left > 0; left--) rows.push(row)
        selected.push(rows.length)
        rows.push(row)
      } else if ('watermark' in step && crossings) {
        if (step.watermark <= watermarkMs) continue
        watermarkMs = step.watermark
        watermarks.push({ position: rows.length, watermarkMs })
      } else break
    }
    this.#watermarkMs = watermarkMs
    const batch = batchFromObjects(this.#slab, this.#schemas[input], rows)
    const slab = this.#slab
    if (selection) {
      batch.selection = slab.allocate(selected.length * 4)
      batch.selectedCount = selected.length
      selected.forEach((row, index) => (slab.i32[(batch.selection >>> 2) + index] = row))
    }
    for (const { position, watermarkMs } of watermarks) batch.crossings.add(position, watermarkMs)
    batch.rewind()
    this.#driver.offerInput(batch, input)
    yield* this.#pump()
    if (selection) slab.free(batch.selection, selected.length * 4)
    freeBatch(batch)
    return at
  }

  #rowOf(step: HarnessRow, input: number): BatchRowInit {
    const { key, schema } = this.#options.inputs[input]
    const { timestamp, kind } = step
    const row =
      key === undefined
        ? step.row
        : { ...(isObjectSchema(schema) ? { value: step.row } : (step.row as object)), [KEY_COLUMN]: keyBytesOf(key(step.row as never)) }
    return { row, ...(timestamp !== undefined && { timestamp }), ...(kind !== undefined && { kind }) }
  }

  /** Lets the operator finish the element in hand. */
  *#pump(): Waiting<void> {
    let idle = 0
    const targets = [this.#main, ...this.#sides.values()]
    while (!this.#driver.hasCapacity()) {
      const before = targets.reduce((sum, target) => sum + target.events.length, 0)
      const moved = this.#driver.run()
      const sent = targets.reduce((sum, target) => sum + target.events.length, 0) > before
      const wasFull = targets.some((target) => !target.hasCapacity())
      idle = moved || sent || wasFull ? 0 : idle + 1
      if (idle > this.#idleMax)
        throw new MillraceError('HARNESS_STUCK', `The operator made no progress in ${this.#idleMax} calls while its output had capacity (${this.#mode.name})`)
      if (idle > 0) yield
      if (idle > 0 && idle % TURNS_PER_JUMP === 0) this.#passTime()
      // Asked once more in vain, then there is room.
      if (wasFull) {
        this.#driver.run()
        for (const target of targets) target.release()
      }
    }
    for (const target of targets) target.release()
  }

  /** What an operator waits for may be an instant of its own: a retry, a timeout. */
  #passTime(): void {
    const nextMs = this.#driver.operator.nextProcessingTimeMs()
    if (nextMs < Infinity) this.#clock.setMs(Math.max(nextMs, this.#clock.nowMs()))
  }

  *#restore(): Waiting<void> {
    this.#snapshot = new MemorySnapshot()
    this.#driver.offerBarrier({ checkpointId: ++this.#checkpointId, timestampMs: 0, kind: BarrierKind.CHECKPOINT })
    yield* this.#pump()
    this.#close()
    this.#open()
  }

  #open(): void {
    this.#bytesBefore = this.#slab.allocatedBytes
    const operator = this.#options.create()
    this.#driver = new OperatorDriver('operator', operator, this.#output, this.#schemas.length, (snapshotted) => snapshotted.snapshot(this.#snapshot!))
    operator.open(this.#context())
    if (this.#snapshot !== null) operator.restore(this.#snapshot.reader())
  }

  #close(): void {
    this.#driver.operator.close()
    const leaked = this.#slab.allocatedBytes - this.#bytesBefore
    if (leaked !== 0) throw new MillraceError('HARNESS_MISMATCH', `The operator kept ${leaked} bytes of the slab after close() (${this.#mode.name})`)
  }

  #context(): OperatorContext {
    return {
      slab: this.#slab,
      kernels: this.#kernels,
      clock: this.#clock,
      operatorName: 'operator',
      uid: 'operator',
      subtaskIndex: 0,
      parallelism: 1,
      maxParallelism: 128,
      batchRowsMax: this.#mode.batchRowsMax,
      // Another one each time: nothing may depend on it.
      tableSeed: this.#random.uint32(),
      isCheckpointed: false,
      files: nodeFileSystem,
      metrics: this.#metrics,
      program: { send: () => {}, pendingCount: () => 0, receive: () => undefined },
      heldMs: () => 0,
      wake: () => {},
      log: () => {},
      option: (key) => this.#options.options?.get(key),
    }
  }
}

/** A record with the watermark in front of it and the one behind it. */
interface Placed extends HarnessRecord {
  readonly before: number
  readonly after: number
}

/** Where a stream becomes idle or active: behind so many records. */
interface Status {
  readonly idle: boolean
  readonly records: number
}

function placed(events: readonly HarnessEvent[]): { readonly records: Placed[]; readonly statuses: readonly Status[]; readonly last: number } {
  const records: Placed[] = []
  const statuses: Status[] = []
  let before = WATERMARK_MIN
  let open = 0
  for (const event of events) {
    if ('watermark' in event) {
      before = event.watermark
      for (; open < records.length; open++) records[open] = { ...records[open], after: before }
    } else if ('idle' in event) {
      statuses.push({ idle: event.idle, records: records.length })
    } else records.push({ row: event.row, kind: event.kind, timestamp: event.timestamp, before, after: WATERMARK_MAX })
  }
  return { records, statuses, last: before }
}

/** @param withStatus Whether idleness counts: after a restore a stream is active, and its time-out begins anew. */
function compareResults(leftName: string, left: HarnessResult, rightName: string, right: HarnessResult, options: HarnessOptions, withStatus: boolean): void {
  const carries = options.create().crossings !== 'cut'
  compareOutputs(leftName, left.main, rightName, right.main, 'the main output', options.keyOf, carries, withStatus)
  if (left.lateRecords !== right.lateRecords)
    throw new MillraceError('HARNESS_MISMATCH', `Runs differ: "${leftName}" counts ${left.lateRecords} late records, "${rightName}" ${right.lateRecords}`)
  // Records go to side outputs as they come, however watermarks are cut: what counts is the watermark in front of each.
  for (const [id, events] of left.sides)
    compareOutputs(leftName, events, rightName, right.sides.get(id)!, `side output "${id}"`, options.keyOf, true, withStatus)
}

function compareOutputs(
  leftName: string,
  leftEvents: readonly HarnessEvent[],
  rightName: string,
  rightEvents: readonly HarnessEvent[],
  output: string,
  keyOf: HarnessOptions['keyOf'],
  carries: boolean,
  withStatus: boolean,
): void {
  const mismatch = (what: string): never => {
    throw new MillraceError('HARNESS_MISMATCH', `Runs differ on ${output}: "${leftName}" against "${rightName}": ${what}`)
  }
  const left = placed(leftEvents)
  const right = placed(rightEvents)
  if (left.last !== right.last) mismatch(`the last watermark is ${left.last}, then ${right.last}`)
  if (withStatus && !isDeepStrictEqual(left.statuses, right.statuses)) mismatch(`the stream is idle at ${show(left.statuses)}, then at ${show(right.statuses)}`)
  const leftGroups = grouped(left.records, keyOf, carries)
  const rightGroups = grouped(right.records, keyOf, carries)
  for (const [key, records] of leftGroups) {
    const others = rightGroups.get(key) ?? []
    const at = records.findIndex((record, index) => !isDeepStrictEqual(record, others[index]))
    if (at !== -1) mismatch(`record ${at}${keyOf === undefined ? '' : ` of key ${key}`} is ${show(records[at])}, then ${show(others[at])}`)
    if (others.length > records.length) mismatch(`there is one more record: ${show(others[records.length])}`)
  }
  for (const [key, records] of rightGroups) if (!leftGroups.has(key)) mismatch(`there is one more record: ${show(records[0])}`)
}

/** Records by key. An operator that carries watermarks is judged by the watermark in front of each record, one that is cut by the one behind it. */
function grouped(records: readonly Placed[], keyOf: HarnessOptions['keyOf'], carries: boolean): Map<string, unknown[]> {
  const groups = new Map<string, unknown[]>()
  for (const { row, kind, timestamp, before, after } of records) {
    const key = keyOf === undefined ? '' : show(keyOf(row as never))
    const list = groups.get(key) ?? []
    groups.set(key, list)
    list.push({ row, kind, timestamp, ...(carries ? { before } : { after }) })
  }
  return groups
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'bigint'
      ? `${item}n`
      : item instanceof Map || item instanceof Set
        ? [...item]
        : item === Infinity
          ? '+Infinity'
          : item === -Infinity
            ? '-Infinity'
            : item,
  )
}
