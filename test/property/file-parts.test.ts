// The file sink against a list of rows: whatever rows, partitions, watermarks, checkpoints and crashes come, finished files hold rows that a checkpoint
// covers, each once, in its partition and in whole lines; at the end all of them; and a partition is said to be complete only with all its rows there.
//
// Method: writers and the committer behind them are driven as the engine would. A checkpoint is taken of all at once, kept, and told to them one by one;
// a crash may come in between, and another number of writers goes on. A success file is removed once it has been looked at, so that the next one is new.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { VirtualClock } from '../../src/base/clock.ts'
import { batchFromObjects, freeBatch } from '../../src/batch/batch-rows.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { type FileSink, fileSink } from '../../src/connector/file/file-sink.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import { SinkOperator } from '../../src/operator/basic/sink-operator.ts'
import type { Output } from '../../src/operator/operator.ts'
import { COMMITTABLE_SCHEMA } from '../../src/operator/sink.ts'
import { MemorySnapshot } from '../../src/testing/memory-snapshot.ts'
import { testContext, type TestContext } from '../unit/connector/file-probe.ts'

const RUNS = 20
const DELAY_MS = 1000
const DAY_MS = 86_400_000
const DAYS = ['1970-01-01', '1970-01-02', '1970-01-03']
const NULL_DAY = '__HIVE_DEFAULT_PARTITION__'
const schema = defineSchema({ id: t.int(), day: t.string().nullable() })
const folder = mkdtempSync(join(tmpdir(), 'millrace-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let folders = 0

interface Row {
  readonly id: number
  readonly day: string | null
}

type Step =
  | { readonly kind: 'rows'; readonly writer: number; readonly days: readonly number[] }
  | { readonly kind: 'watermark'; readonly writer: number; readonly ms: number }
  | { readonly kind: 'time'; readonly ms: number }
  /** Takes a checkpoint, and tells so many of them that it is complete. */
  | { readonly kind: 'checkpoint'; readonly told: number }
  /** As many writers go on; 0: as many as before. */
  | { readonly kind: 'crash'; readonly writers: number }

const writer = fc.nat(2)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('rows' as const), writer, days: fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('watermark' as const), writer, ms: fc.nat(4).map((half) => (half * DAY_MS) / 2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(10, 50, 2000) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const), told: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), writers: fc.integer({ min: 0, max: 3 }) }) },
)

/** A checkpoint that is kept: what was written, and what the model knows of its rows. */
interface Kept {
  readonly id: number
  readonly writers: readonly MemorySnapshot[]
  readonly committer: MemorySnapshot
  readonly rows: readonly Row[]
  /** The least watermark of all, and the clock. */
  readonly watermarkMs: number
  readonly nowMs: number
}

/** The sink of a job, and beside it all that it should have written. */
class Model {
  restores = 0
  readonly path = join(folder, `run-${folders++}`)
  readonly #sink: FileSink
  readonly #isByTime: boolean
  readonly #clock = new VirtualClock()
  #writers: { readonly operator: SinkOperator; readonly context: TestContext; watermarkMs: number }[] = []
  #committer: SinkOperator | undefined
  #committerWatermarkMs = -Infinity
  #rows: Row[] = []
  #kept: Kept | undefined
  /** Those that the committer may not have been told of, up to {@link #kept}: what it prepared for each comes with the next that it is told of. */
  #untold: Kept[] = []
  /** The same when {@link #kept} was taken: whoever goes on from it commits all of that, perhaps again. */
  #untoldInKept: readonly Kept[] = []
  #ids = 0
  #checkpoints = 0
  /** When the first row of each day came, over all attempts: no partition by the clock is due before its delay has passed since then. */
  readonly #firstMs = new Map<string | null, number>()

  constructor(options: object, writers: number) {
    this.#sink = fileSink({ path: `${this.path}/`, format: jsonFormat(), ...options })
    this.#isByTime = this.#sink.partitionCommit?.isByWatermark === true
    this.#start(writers)
  }

  #start(writers: number): void {
    const kept = this.#kept
    const context = (subtaskIndex: number): TestContext => ({ ...testContext(), clock: this.#clock, isCheckpointed: true, subtaskIndex, parallelism: writers })
    this.#writers = Array.from({ length: writers }, (_, index) => {
      const operator = new SinkOperator(this.#sink, schema)
      const own = context(index)
      operator.open(own)
      return { operator, context: own, watermarkMs: -Infinity }
    })
    this.#committerWatermarkMs = -Infinity
    const { committer } = this.#sink
    if (committer !== undefined) {
      this.#committer = new SinkOperator(committer, COMMITTABLE_SCHEMA)
      this.#committer.open({ ...context(0), parallelism: 1 })
    }
    this.#rows = [...(kept?.rows ?? [])]
    if (kept === undefined) return
    this.restores++
    this.#untold = [...this.#untoldInKept]
    const all = (visit: (reader: ReturnType<MemorySnapshot['reader']>) => void): void => kept.writers.forEach((snapshot) => visit(snapshot.reader()))
    // Every writer sees the elements of all: the states are unions.
    for (const { operator } of this.#writers) operator.restore({ keyed: () => {}, elements: (state, visit) => all((reader) => reader.elements(state, visit)) })
    this.#committer?.restore(kept.committer.reader())
  }

  get #output(): Output {
    return {
      hasCapacity: () => true,
      emit: (batch) => void this.#committer!.processBatch(batch, NOWHERE),
      emitWatermark: () => {},
      emitStatus: () => {},
      side: () => undefined,
    }
  }

  run(step: Step): void {
    switch (step.kind) {
      case 'rows': {
        const { operator, context } = this.#writers[step.writer % this.#writers.length]
        const rows = step.days.map((day) => ({ id: this.#ids++, day: DAYS[day] ?? null }))
        const batch = batchFromObjects(
          context.slab,
          schema,
          rows.map((row) => ({ row })),
        )
        expect(operator.processBatch(batch, this.#output)).toBe(true)
        freeBatch(batch)
        this.#rows.push(...rows)
        for (const { day } of rows) if (!this.#firstMs.has(day)) this.#firstMs.set(day, this.#clock.nowMs())
        break
      }
      case 'watermark': {
        const one = this.#writers[step.writer % this.#writers.length]
        if (step.ms <= one.watermarkMs) break
        one.watermarkMs = step.ms
        one.operator.advance(step.ms)
        const leastMs = Math.min(...this.#writers.map(({ watermarkMs }) => watermarkMs))
        if (leastMs > this.#committerWatermarkMs) this.#committer?.advance((this.#committerWatermarkMs = leastMs))
        break
      }
      case 'time':
        this.#clock.advanceMs(step.ms)
        for (const { operator } of this.#writers) if (operator.nextProcessingTimeMs() <= this.#clock.nowMs()) operator.fireTimers()
        break
      case 'checkpoint':
        this.#tell(this.#checkpoint(), step.told)
        break
      case 'crash':
        this.#stop()
        this.#start(step.writers || this.#writers.length)
        break
    }
    this.check()
  }

  #checkpoint(): number {
    const id = ++this.#checkpoints
    const writers = this.#writers.map(({ operator }) => {
      expect(operator.prepareCommit(id, this.#output)).toBe(true)
      const snapshot = new MemorySnapshot()
      operator.snapshot(snapshot)
      return snapshot
    })
    const committer = new MemorySnapshot()
    this.#committer?.prepareCommit(id, NOWHERE)
    this.#committer?.snapshot(committer)
    this.#kept = { id, writers, committer, rows: [...this.#rows], watermarkMs: this.#committerWatermarkMs, nowMs: this.#clock.nowMs() }
    this.#untold.push(this.#kept)
    this.#untoldInKept = [...this.#untold]
    return id
  }

  #tell(id: number, count: number): void {
    const all = [...this.#writers.map(({ operator }) => operator), ...(this.#committer === undefined ? [] : [this.#committer])]
    for (const operator of all.slice(0, count)) {
      operator.notifyCheckpointComplete(id)
      this.check()
      if (operator === this.#committer) this.#untold = [this.#kept!]
    }
  }

  /** The input ends; one more checkpoint covers that. */
  end(): void {
    for (const { operator } of this.#writers) expect(operator.endInput(this.#output)).toBe(true)
    if (this.#committer !== undefined) expect(this.#committer.endInput(NOWHERE)).toBe(true)
    this.#kept = { ...(this.#kept ?? NOTHING), rows: [...this.#rows], watermarkMs: Infinity, nowMs: Infinity }
    this.#untold.push(this.#kept)
    this.#tell(Infinity, Infinity)
    this.#stop()
    expect(this.#files().filter((name) => name.endsWith('.inprogress'))).toEqual([])
    expect([...this.#written().keys()].toSorted((left, right) => left - right)).toEqual(this.#rows.map(({ id }) => id))
  }

  #stop(): void {
    for (const { operator } of this.#writers) operator.close()
    this.#committer?.close()
  }

  #files(): string[] {
    if (!existsSync(this.path)) return []
    return readdirSync(this.path, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(this.path, name)).isFile())
  }

  /** The days of finished rows, by their ids. */
  #written(): Map<number, string | null> {
    const written = new Map<number, string | null>()
    for (const name of this.#files()) {
      if (basename(name).startsWith('.') || basename(name) === '_SUCCESS') continue
      const text = readFileSync(join(this.path, name), 'utf8')
      expect(text, name).toMatch(/\}\n$/)
      for (const line of text.trimEnd().split('\n')) {
        const { id, day } = JSON.parse(line) as { id: number; day?: string | null }
        expect(written.has(id), `row ${id} is there twice`).toBe(false)
        written.set(id, day === undefined ? dayOf(dirname(name)) : day)
      }
    }
    return written
  }

  check(): void {
    const written = this.#written()
    const kept = new Map(this.#kept?.rows.map((row) => [row.id, row.day]))
    for (const [id, day] of written) {
      expect(kept.has(id), `row ${id} is finished, and no checkpoint covers it`).toBe(true)
      expect(day).toBe(kept.get(id))
    }
    for (const name of this.#files()) {
      if (basename(name) !== '_SUCCESS') continue
      rmSync(join(this.path, name))
      const day = dayOf(dirname(name))
      // Rows that came behind the checkpoint for which it was prepared are late: another success file follows.
      const whole = this.#untold.filter(({ rows }) => rows.every((row) => row.day !== day || written.has(row.id)))
      expect(whole, `${name} is there before its rows`).not.toEqual([])
      const { watermarkMs, nowMs } = whole.at(-1)!
      if (this.#isByTime) expect(watermarkMs).toBeGreaterThan(day === null ? Number.MAX_SAFE_INTEGER : Date.parse(`${day}T00:00:00Z`) + DELAY_MS)
      else expect(nowMs).toBeGreaterThan(this.#firstMs.get(day)! + DELAY_MS)
    }
  }
}

const NOWHERE: Output = { hasCapacity: () => true, emit: () => {}, emitWatermark: () => {}, emitStatus: () => {}, side: () => undefined }
const NOTHING: Kept = { id: 0, writers: [], committer: new MemorySnapshot(), rows: [], watermarkMs: -Infinity, nowMs: 0 }

function dayOf(partition: string): string | null {
  const day = partition.replace('day=', '')
  return day === NULL_DAY ? null : day
}

test.each([
  ['without partitions', {}],
  ['by partition, each writer for itself', { partitionBy: ['day'] }],
  ['by partition, committed by time', { partitionBy: ['day'], partitionCommit: { trigger: 'partition-time', delay: DELAY_MS } }],
  ['by partition, committed by the clock', { partitionBy: ['day'], partitionCommit: { delay: DELAY_MS } }],
])('finished files are what checkpoints cover, whatever happens: %s', (_, options) => {
  const rollingPolicy = fc.record({ fileSize: fc.constantFrom(20, 100, Infinity), rolloverInterval: fc.constantFrom(40, Infinity), onCheckpoint: fc.boolean() })
  let restores = 0
  fc.assert(
    fc.property(rollingPolicy, fc.integer({ min: 1, max: 3 }), fc.array(step, { minLength: 12, maxLength: 30 }), (policy, writers, steps) => {
      const model = new Model({ ...options, rollingPolicy: { checkInterval: 20, ...policy } }, writers)
      for (const step of steps) model.run(step)
      model.end()
      restores += model.restores
      rmSync(model.path, { recursive: true, force: true })
    }),
    { numRuns: RUNS },
  )
  expect(restores).toBeGreaterThan(RUNS / 2)
})
