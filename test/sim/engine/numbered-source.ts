// Sources of records that are numbered in each key, read at a pace, from splits of two kinds: slices of time one behind the other, as of a file, or
// lanes that a reader has all at once and reads by turns.
import { BatchBuilder } from '../../../src/batch/batch-builder.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import type { Random } from '../../../src/base/random.ts'
import { compileRowWriter } from '../../../src/operator/row-code.ts'
import { PollResult, readSplitStates, type Source, writeSplitState } from '../../../src/operator/source.ts'

export const NUMBERED = { key: t.string(), seq: t.int(), at: t.safeInt(), value: t.int() }
export const NUMBERED_SCHEMA = defineSchema(NUMBERED)
export interface Numbered {
  readonly key: string
  /** From 0 on in each key. */
  readonly seq: number
  /** Even: see the sessions among the branches. */
  readonly at: number
  readonly value: number
}

export type SplitKind = 'slices' | 'lanes'

/** Draws records. All of a key are in one lane; a slice holds some of any key. */
export function drawRecords(random: Random, prefix: string, kind: SplitKind, splits: number, rows: number, keys: number): readonly (readonly Numbered[])[] {
  const numbers = new Map<string, number>()
  let atMs = 0
  const all = Array.from({ length: rows }, (): Numbered => {
    const key = `${prefix}${random.integer(keys)}`
    const seq = numbers.get(key) ?? 0
    numbers.set(key, seq + 1)
    if (random.integer(3) > 0) atMs += 2 * random.integer(5)
    return { key, seq, at: atMs, value: random.integer(100) }
  })
  const laneOf = ({ key }: Numbered): number => Number(key.slice(prefix.length)) % splits
  return Array.from({ length: splits }, (_, split) =>
    kind === 'lanes' ? all.filter((row) => laneOf(row) === split) : all.slice((split * rows) / splits, ((split + 1) * rows) / splits),
  )
}

export interface Pace {
  /** Between two batches of a reader. */
  readonly gapMs: number
  readonly rowsMax: number
  /** Told how many records have been read. */
  onRead(rows: number): void
}

interface OpenSplit {
  readonly index: number
  readonly place: number
  position: number
}

/** A source of the given records. */
export function numberedSource(name: string, kind: SplitKind, records: readonly (readonly Numbered[])[], pace: Pace): Source<Numbered> {
  return {
    name,
    schema: NUMBERED_SCHEMA,
    bounded: true,
    needsEventLoop: false,
    parallelismMax: Infinity,
    describe: () => `${records.length} ${kind}`,
    enumerate: () => records.map((_, place) => ({ id: `${name} ${place}`, payload: place })),
    createReader({ slab, batchRowsMax, clock }) {
      const builder = new BatchBuilder(slab, NUMBERED_SCHEMA, batchRowsMax)
      const writer = compileRowWriter(NUMBERED_SCHEMA)
      let open: OpenSplit[] = []
      let openSplits: readonly number[] | undefined
      let turn = 0
      let hasAll = false
      let nextMs = 0
      let retryAtMs = Infinity
      const change = (changed: OpenSplit[]): void => {
        open = changed
        openSplits = kind === 'lanes' ? open.map(({ index }) => index) : undefined
      }
      return {
        get batch() {
          return builder.batch
        },
        get retryAtMs() {
          return retryAtMs
        },
        poll() {
          // Time must not pass in one lane before the others are there.
          if (!hasAll && (kind === 'lanes' || open.length === 0)) return PollResult.NEEDS_SPLIT
          const left = open.filter(({ place, position }) => position < records[place].length)
          if (left.length < open.length) {
            change(left)
            return this.poll(NOWHERE)
          }
          if (open.length === 0) return PollResult.FINISHED
          const waitMs = nextMs - clock.monotonicMs()
          if (waitMs > 0) {
            retryAtMs = clock.nowMs() + Math.ceil(waitMs)
            return PollResult.NOTHING
          }
          nextMs = clock.monotonicMs() + pace.gapMs
          const split = open[turn++ % open.length]
          const rows = Math.min(batchRowsMax, pace.rowsMax, records[split.place].length - split.position)
          writer.bind(builder.begin(false, false))
          for (let row = 0; row < rows; row++) writer.write(row, records[split.place][split.position + row])
          const batch = builder.finish(rows)
          batch.split = split.index
          batch.openSplits = openSplits
          split.position += rows
          pace.onRead(rows)
          return PollResult.BATCH
        },
        assign: ({ payload }, index) => change([...open, { index, place: payload as number, position: 0 }]),
        noMoreSplits: () => void (hasAll = true),
        snapshot(into) {
          for (const { index, place, position } of open) writeSplitState(into, index, Buffer.from(JSON.stringify({ index, place, position })))
        },
        restore: (from) => readSplitStates(from, (_index, state) => change([...open, JSON.parse(Buffer.from(state).toString()) as OpenSplit])),
        close: () => builder.free(),
      }
    },
  }
}

const NOWHERE = { hasCapacity: () => true, emit() {}, emitWatermark() {}, emitStatus() {}, side: () => undefined }
