// GROUP BY without windows whose aggregates are folded in kernels (column-groups.ts): what has become of the groups that a batch touches is said once a
// batch. What kernels cannot fold, what expires, and what is told row by row, is GroupAggregateOperator's.

import { BatchBuilder } from '../../batch/batch-builder.ts'
import type { Column } from '../../batch/column.ts'
import { WATERMARK_MAX } from '../../batch/crossings.ts'
import { type RecordBatch, RowKind } from '../../batch/record-batch.ts'
import type { Schema } from '../../batch/types.ts'
import { type OperatorContext, type OperatorDescription, type Output, type SnapshotReader, TimelessOperator } from '../../operator/operator.ts'
import { formatAggregates } from '../../operator/window/slice-aggregates.ts'
import type { KeyedSnapshotWriter } from '../../state/state.ts'
import { ColumnGroups, type ColumnGroupsSpec, groupStatesOf } from './column-groups.ts'

/** What is grouped, and what is told of it. Results are the key's columns and behind them the aggregates. */
export interface ColumnGroupSpec extends ColumnGroupsSpec {
  readonly outputSchema: Schema
  /** Whether the key is one column whose value is always TRUE, which is none of the results: all rows are one group. */
  readonly isGlobal: boolean
  /** Whether rows are taken back. */
  readonly retracts: boolean
  /** Whether each row changes what is told: one aggregate counts them. */
  readonly countsRows: boolean
  /** Whether results are given once, when all rows are there: then there is one without rows too, where there are no keys. */
  readonly isFinal: boolean
}

/** Of a row: u32 known, alive, left, right and twice selected. */
const SCRATCH_BYTES = 24
/** Stands among the kinds of rows for one that is not told. */
const DROPPED = 255

/** See the file's head. */
export class ColumnGroupOperator extends TimelessOperator {
  readonly crossings = 'cut'
  readonly outputSchema: Schema
  readonly #spec: ColumnGroupSpec
  readonly #keyCount: number
  #groups!: ColumnGroups
  #builder!: BatchBuilder
  #hasPaused = false
  /** By number of a touched group: whether something was said of it. */
  #isKnown = new Uint8Array()
  #scratch = 0
  #scratchRows = 0
  /** Of the final results: the lists of groups, the one under way, and how far that has been. */
  #lists: ReturnType<ColumnGroups['lists']> | undefined
  #list: { readonly entries: number; readonly count: number } | undefined
  #next = 0

  constructor(spec: ColumnGroupSpec) {
    super()
    this.#spec = spec
    this.#keyCount = spec.isGlobal ? 0 : spec.key.length
    this.outputSchema = spec.outputSchema
  }

  describe(): OperatorDescription {
    const { schema, plan } = this.#spec
    const aggregates = plan.aggregates.map(({ plan: of, filter, isDistinct }) => {
      const where = filter === -1 ? '' : ` where ${schema.fields[filter].name}`
      return `${isDistinct ? 'distinct ' : ''}${formatAggregates(schema, [of])}${where}`
    })
    return {
      type: 'group aggregate by columns',
      traits: { aggregates: aggregates.join(', '), rows: this.#spec.retracts ? 'change' : 'only come' },
      states: groupStatesOf(this.#spec),
      hasTimers: false,
    }
  }

  override open(context: OperatorContext): void {
    super.open(context)
    this.#groups = new ColumnGroups(context, this.#spec)
    this.#builder = new BatchBuilder(context.slab, this.outputSchema, context.batchRowsMax)
  }

  /** Whether the last call has ended because reading and writing had taken long enough. */
  get hasPaused(): boolean {
    return this.#hasPaused
  }

  processBatch(batch: RecordBatch, output: Output): boolean {
    const groups = this.#groups
    this.#hasPaused = false
    while (batch.begin < batch.end) {
      if (this.#hasPaused || !output.hasCapacity()) return false
      const { begin } = batch
      const n = Math.min(batch.end - begin, groups.rowsPerStep)
      this.#fold(batch, begin, n, output)
      batch.begin = begin + n
      groups.makeRoom()
      this.#hasPaused = groups.isCached && batch.begin < batch.end
    }
    groups.endBatch(batch)
    return true
  }

  override advance(watermarkMs: number, output: Output): boolean {
    return !this.#spec.isFinal || watermarkMs !== WATERMARK_MAX || this.#emitAll(output)
  }

  snapshot(writer: KeyedSnapshotWriter): void {
    this.#groups.snapshot(writer)
  }

  restore(reader: SnapshotReader): void {
    this.#groups.restore(reader)
  }

  override close(): void {
    this.#lists?.return(undefined)
    this.#groups?.free()
    this.#builder?.free()
    if (this.#scratchRows > 0) this.context.slab.free(this.#scratch, this.#scratchRows * SCRATCH_BYTES)
  }

  /** Folds rows in and tells what has become of their groups: first what was said of them before, then what holds now. */
  #fold(batch: RecordBatch, begin: number, n: number, output: Output): void {
    const groups = this.#groups
    groups.find(batch, begin, n)
    const { touched, count } = groups.touch(n)
    const known = this.#reserve(count)
    if (this.#spec.isFinal) {
      groups.fold(batch, begin, n)
      this.#removeDead(touched, count)
      return
    }
    const { slab } = this.context
    const alive = known + count * 4
    const isKnown = this.#isKnown
    // Of a set of rows that only grows nothing is ever said again.
    const skipsKnown = this.#results.length === 0 && !this.#spec.retracts
    let knownCount = 0
    for (let index = 0; index < count; index++) {
      const entry = slab.u32[(touched >>> 2) + index]
      isKnown[index] = groups.rowCountOf(entry) > 0 ? 1 : 0
      if (isKnown[index] === 1 && !skipsKnown) slab.u32[(known >>> 2) + knownCount++] = entry
    }
    const out = this.#builder.begin(false, true)
    this.#builder.ensureRows(knownCount + count)
    this.#write(known, knownCount, 0)
    groups.fold(batch, begin, n)
    const left = alive + count * 4
    const right = left + count * 4
    let before = 0
    let aliveCount = 0
    let pairs = 0
    let { u32, u8 } = slab
    for (let index = 0; index < count; index++) {
      const entry = u32[(touched >>> 2) + index]
      const isAlive = groups.rowCountOf(entry) > 0
      if (isKnown[index] === 1) {
        if (skipsKnown) continue
        u8[out.kinds + before] = isAlive ? RowKind.UPDATE_BEFORE : RowKind.DELETE
        if (isAlive) {
          u32[(left >>> 2) + pairs] = before
          u32[(right >>> 2) + pairs++] = knownCount + aliveCount
        }
        before++
      }
      if (!isAlive) continue
      u8[out.kinds + knownCount + aliveCount] = isKnown[index] === 1 ? RowKind.UPDATE_AFTER : RowKind.INSERT
      u32[(alive >>> 2) + aliveCount++] = entry
    }
    this.#write(alive, aliveCount, knownCount)
    const rows = knownCount + aliveCount
    const dropped = this.#spec.countsRows ? 0 : this.#dropSame(out, left, right, pairs)
    if (this.#spec.retracts) this.#removeDead(touched, count)
    if (rows === dropped) return
    this.#builder.finish(rows)
    if (dropped > 0) {
      ;({ u32, u8 } = slab)
      const selection = right + count * 4
      let selected = 0
      for (let row = 0; row < rows; row++) if (u8[out.kinds + row] !== DROPPED) u32[(selection >>> 2) + selected++] = row
      out.selection = selection
      out.selectedCount = selected
      out.rewind()
    }
    output.emit(out)
  }

  /** Marks pairs of rows, int32 left[n] and right[n], that say the same. Returns how many rows. */
  #dropSame(out: RecordBatch, left: number, right: number, n: number): number {
    if (n === 0) return 0
    const { slab, kernels } = this.context
    const flags = slab.allocateZeroed(n)
    for (const { descriptor } of this.#results) kernels.groupsDiffer(descriptor, left, right, n, flags)
    const { u8, u32 } = slab
    let dropped = 0
    for (let index = 0; index < n; index++) {
      if (u8[flags + index] === 1) continue
      u8[out.kinds + u32[(left >>> 2) + index]] = DROPPED
      u8[out.kinds + u32[(right >>> 2) + index]] = DROPPED
      dropped += 2
    }
    slab.free(flags, n)
    return dropped
  }

  /** Removes those of the groups u32[n] that have no rows. */
  #removeDead(entries: number, n: number): void {
    if (!this.#spec.retracts) return
    const { slab } = this.context
    const dead = slab.allocate(n * 4)
    let count = 0
    for (let index = 0; index < n; index++) {
      const entry = slab.u32[(entries >>> 2) + index]
      if (this.#groups.rowCountOf(entry) <= 0) slab.u32[(dead >>> 2) + count++] = entry
    }
    this.#groups.remove(dead, count)
    slab.free(dead, n * 4)
  }

  /** Writes groups u32[n] to rows from `row` on. */
  #write(entries: number, n: number, row: number): void {
    if (n === 0) return
    this.#groups.emitKeys(entries, n, this.#keys, row)
    this.#groups.emit(entries, n, this.#results, row)
  }

  get #keys(): readonly Column[] {
    return this.#builder.batch.columns.slice(0, this.#keyCount)
  }

  get #results(): readonly Column[] {
    return this.#builder.batch.columns.slice(this.#keyCount)
  }

  /** Emits all groups. False: the output refused. */
  #emitAll(output: Output): boolean {
    const { slab, batchRowsMax } = this.context
    if (this.#lists === undefined) {
      if (this.#spec.isGlobal) this.#groups.findOne(this.#spec.schema.fields[this.#spec.key[0]].type, true)
      this.#lists = this.#groups.lists()
    }
    for (;;) {
      if (this.#list === undefined) {
        const { value, done } = this.#lists.next()
        if (done === true) return true
        this.#list = value
        this.#next = 0
      }
      const { entries, count } = this.#list
      while (this.#next < count) {
        if (!output.hasCapacity()) return false
        const taken = Math.min(batchRowsMax, count - this.#next)
        const list = entries + this.#next * 4
        this.#next += taken
        const n = this.#spec.isGlobal ? taken : this.#groups.alive(list, taken)
        if (n === 0) continue
        const out = this.#builder.begin(false, true)
        this.#builder.ensureRows(n)
        this.#write(list, n, 0)
        slab.fill(out.kinds, RowKind.INSERT, n)
        output.emit(this.#builder.finish(n))
      }
      this.#list = undefined
    }
  }

  /** Address of room for five lists of u32[n], one of them twice as long. */
  #reserve(n: number): number {
    if (n > this.#scratchRows) {
      const { slab } = this.context
      if (this.#scratchRows > 0) slab.free(this.#scratch, this.#scratchRows * SCRATCH_BYTES)
      this.#scratchRows = n
      this.#scratch = slab.allocate(n * SCRATCH_BYTES)
      this.#isKnown = new Uint8Array(n)
    }
    return this.#scratch
  }
}
