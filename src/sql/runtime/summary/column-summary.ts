// What SUMMARIZE says of one column: its values are read in place, batch by batch, and none is kept but the least and the greatest.

import type { Slab } from '../../../base/slab.ts'
import { BatchKeys } from '../../../batch/batch-keys.ts'
import type { Column } from '../../../batch/column.ts'
import { type RecordBatch, readInt64AsNumber } from '../../../batch/record-batch.ts'
import { childTypesOf, Decimal, isText, type LogicalType, type Schema } from '../../../batch/types.ts'
import { decodeText, readValue } from '../../../batch/values.ts'
import { PhysicalKind } from '../../../kernels/column-layout.ts'
import type { KeyKernels } from '../../../kernels/keys.ts'
import { castOf } from '../../casts.ts'
import { type EvaluationContext, STRING } from '../../functions/scalar-function.ts'
import { compareValues, type Value } from '../../value.ts'
import { DistinctSketch } from './distinct-sketch.ts'
import { QuantileSketch } from './quantile-sketch.ts'

/** How many decimals of a mean or a deviation are shown. */
const SHOWN_DIGITS = 15
const NUMBERS: ReadonlySet<string> = new Set(['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL'])
const TIMES: ReadonlySet<string> = new Set(['DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP_LTZ'])

/** As SUMMARIZE shows it; null where there is nothing to say of the type, or no value. */
export interface SummaryTexts {
  readonly min: string | null
  readonly max: string | null
  readonly avg: string | null
  readonly std: string | null
  readonly quantiles: readonly (string | null)[]
}

/** Where columns of batches of one job lie. */
export interface SummaryPlace {
  readonly slab: Slab
  readonly kernels: KeyKernels
  readonly schema: Schema
}

/** One column's values so far. */
export class ColumnSummary {
  readonly type: LogicalType
  readonly #index: number
  readonly #keys: BatchKeys | undefined
  readonly #distinct = new DistinctSketch()
  readonly #quantiles = new QuantileSketch()
  #nulls = 0
  /** Of numbers and times. */
  #numbers = 0
  #sum = 0
  /** What the sum has lost to rounding. */
  #lost = 0
  /** Of the numbers so far, for the spread alone: it drifts. */
  #mean = 0
  /** The sum of squared distances from the mean. */
  #spread = 0
  #min: Value = null
  #max: Value = null
  #leastNumber = Infinity
  #greatestNumber = -Infinity
  #leastBytes: Uint8Array | undefined
  #greatestBytes: Uint8Array | undefined

  constructor(index: number, type: LogicalType, { slab, kernels, schema }: SummaryPlace) {
    this.#index = index
    this.type = type
    this.#keys = hasKey(type) ? new BatchKeys(slab, kernels, schema, { kind: 'columns', columns: [index] }) : undefined
  }

  get nulls(): number {
    return this.#nulls
  }

  /** Undefined: values of the type have no keys. */
  get distinct(): number | undefined {
    return this.#keys === undefined ? undefined : this.#distinct.count
  }

  /** Takes the rows at positions `begin..end - 1` of a batch. */
  add(batch: RecordBatch, begin: number, end: number): void {
    const column = batch.columns[this.#index]
    const { slab } = column
    const keys = this.#keys?.encode(batch, batch.selection, begin, end - begin)
    const hashes = keys === undefined ? 0 : keys.hashes >>> 2
    const values = column.dictionary ?? column
    const codes = column.dictionary === null ? -1 : column.values >>> 2
    const isNumeric = NUMBERS.has(this.type.kind) || TIMES.has(this.type.kind)
    const isTextual = isText(this.type)
    for (let position = begin; position < end; position++) {
      const row = batch.physicalRow(position)
      if (!column.isValid(row)) {
        this.#nulls++
        continue
      }
      if (hashes !== 0) {
        const at = hashes + 2 * (position - begin)
        this.#distinct.add(slab.u32[at + 1], slab.u32[at])
      }
      const place = codes < 0 ? row : slab.i32[codes + row]
      if (isNumeric) this.#addNumber(values, place)
      else if (isTextual) this.#addText(values, place)
      else if (this.type.kind === 'BOOLEAN') this.#addValue(readValue(values, place) as boolean)
    }
  }

  free(): void {
    this.#keys?.free()
  }

  texts(context: EvaluationContext): SummaryTexts {
    const { kind } = this.type
    const isNumber = NUMBERS.has(kind)
    const [min, max] = isText(this.type)
      ? [this.#leastBytes, this.#greatestBytes].map((bytes) => (bytes === undefined ? null : decodeText(bytes, 0, bytes.length)))
      : [this.#min, this.#max].map((value) => this.#text(value, context))
    const sum = Number.isFinite(this.#sum) ? this.#sum + this.#lost : this.#sum
    const mean = this.#numbers === 0 ? undefined : sum / this.#numbers
    return {
      min,
      max,
      avg: mean === undefined ? null : isNumber ? measureText(mean) : this.#textOfNumber(mean, context),
      std: isNumber && this.#numbers > 1 ? measureText(Math.sqrt(this.#spread / (this.#numbers - 1))) : null,
      quantiles: [0.25, 0.5, 0.75].map((share) => {
        const value = this.#quantiles.quantile(share)
        return value === undefined ? null : this.#textOfNumber(value, context)
      }),
    }
  }

  #addNumber(column: Column, row: number): void {
    const number = numberAt(column, row)
    this.#numbers++
    const sum = this.#sum + number
    this.#lost += Math.abs(this.#sum) >= Math.abs(number) ? this.#sum - sum + number : number - sum + this.#sum
    this.#sum = sum
    const distance = number - this.#mean
    this.#mean += distance / this.#numbers
    this.#spread += distance * (number - this.#mean)
    this.#quantiles.add(number)
    // Two that are one as numbers may differ where numbers are too coarse.
    const isCoarse = column.kind > PhysicalKind.FLOAT64 || !Number.isSafeInteger(number)
    if (number < this.#leastNumber || (number === this.#leastNumber && isCoarse)) {
      this.#leastNumber = number
      const value = readValue(column, row) as Value
      if (this.#min === null || compareValues(value, this.#min) < 0) this.#min = value
    }
    if (number > this.#greatestNumber || (number === this.#greatestNumber && isCoarse)) {
      this.#greatestNumber = number
      const value = readValue(column, row) as Value
      if (this.#max === null || compareValues(value, this.#max) > 0) this.#max = value
    }
  }

  #addText(column: Column, row: number): void {
    const { u8, i32 } = column.slab
    const at = (column.offsets >>> 2) + row
    const [start, end] = [column.data + i32[at], column.data + i32[at + 1]]
    if (this.#leastBytes === undefined || compareBytes(u8, start, end, this.#leastBytes) < 0) this.#leastBytes = u8.slice(start, end)
    if (this.#greatestBytes === undefined || compareBytes(u8, start, end, this.#greatestBytes) > 0) this.#greatestBytes = u8.slice(start, end)
  }

  #addValue(value: boolean): void {
    if (this.#min === null || value < this.#min) this.#min = value
    if (this.#max === null || value > this.#max) this.#max = value
  }

  #text(value: Value, context: EvaluationContext): string | null {
    if (value === null) return null
    return typeof value === 'boolean' || this.#isBinary ? String(value) : (castOf(this.type, STRING, context)!(value) as string)
  }

  /** A number as a value of the column's type, between values as well. */
  #textOfNumber(number: number, context: EvaluationContext): string | null {
    const { type } = this
    if (!Number.isFinite(number) || this.#isBinary) return measureText(number)
    switch (type.kind) {
      case 'DECIMAL':
        return number.toFixed(type.scale)
      case 'TIMESTAMP':
      case 'TIMESTAMP_LTZ':
        return this.#text(type.precision > 3 ? BigInt(Math.round(number * 1000)) * 1000n : Math.round(number), context)
      case 'BIGINT':
        return BigInt(Math.round(number)).toString()
      default:
        return this.#text(Math.round(number), context)
    }
  }

  /** Whether values are numbers in base two, whose text is JavaScript's. */
  get #isBinary(): boolean {
    return this.type.kind === 'FLOAT' || this.type.kind === 'DOUBLE'
  }
}

/** Whether the key kernels take a type: maps have no order. */
function hasKey(type: LogicalType): boolean {
  return type.kind !== 'MAP' && type.kind !== 'MULTISET' && type.kind !== 'OBJECT' && childTypesOf(type).every((child) => hasKey(child.type))
}

/** A number, or a time in days or milliseconds, with a fraction below. */
function numberAt(column: Column, row: number): number {
  const { slab, type, values } = column
  switch (column.kind) {
    case PhysicalKind.INT8:
      return slab.i8[values + row]
    case PhysicalKind.INT16:
      return slab.i16[(values >>> 1) + row]
    case PhysicalKind.INT32:
      return slab.i32[(values >>> 2) + row]
    case PhysicalKind.FLOAT32:
      return slab.f32[(values >>> 2) + row]
    case PhysicalKind.FLOAT64:
      return slab.f64[(values >>> 3) + row]
    case PhysicalKind.INT64: {
      const stored = readInt64AsNumber(slab, values + row * 8)
      if (type.kind === 'DECIMAL') return stored / 10 ** type.scale
      return (type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && type.precision > 3 ? stored / 1000 : stored
    }
    case PhysicalKind.TIMESTAMP_NANOS:
      return readInt64AsNumber(slab, values + row * 8) + slab.i32[(column.extra >>> 2) + row] / 1e6
    default: {
      const value = readValue(column, row)
      return value instanceof Decimal ? value.toNumber() : Number(value)
    }
  }
}

/** By code points, as UTF-8 is ordered. */
function compareBytes(u8: Uint8Array, start: number, end: number, other: Uint8Array): number {
  const shared = Math.min(end - start, other.length)
  for (let index = 0; index < shared; index++) {
    const difference = u8[start + index] - other[index]
    if (difference !== 0) return difference
  }
  return end - start - other.length
}

/** Means are no values of their column, and their last digits say nothing. */
function measureText(number: number): string {
  return Number.isFinite(number) ? String(Number(number.toPrecision(SHOWN_DIGITS))) : String(number)
}
