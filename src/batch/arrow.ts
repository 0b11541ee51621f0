// A batch as an Apache Arrow record batch. Buffers are handed over as views, not copied, but for TIMESTAMP(7..9) and DECIMAL up to 18 digits, which
// Arrow holds in another width. `apache-arrow` is an optional peer of the package, which nothing here loads: the caller brings the module it uses,
// so that there is one set of Arrow's classes in the process.

import type * as Arrow from 'apache-arrow'
import { BadRecordError, PlanError } from '../base/errors.ts'
import { PhysicalKind } from '../kernels/column-layout.ts'
import { BatchDecoder, encodeBatch, encodedBytesMax } from './batch-codec.ts'
import { bitBytes, type Column } from './column.ts'
import type { RecordBatch } from './record-batch.ts'
import { formatType, type LogicalType, type Schema } from './types.ts'

/** The module `apache-arrow`. */
export type ArrowModule = typeof Arrow

/** An Arrow batch, and the memory that it lies in. */
export interface ArrowLoan {
  readonly batch: Arrow.RecordBatch
  /** Gives back memory of its own, if it has any. The Arrow batch must not be read afterwards. */
  release(): void
}

/**
 * The pending rows of the batch as an Arrow record batch. If these are all there are, its buffers are the batch's own memory: valid as long as the
 * batch is, and never to be written; otherwise the rows are gathered into memory of their own in the batch's slab. Row kinds, timestamps and crossings
 * stay behind.
 *
 * @param schema Its first columns that are shown; there may be a key's column behind them.
 * | SQL | Arrow |
 * |---|---|
 * | BOOLEAN, TINYINT..BIGINT, FLOAT, DOUBLE | Bool, Int8..Int64, Float32, Float64 |
 * | DECIMAL(p, s) | Decimal128(p, s) |
 * | CHAR, VARCHAR / BINARY, VARBINARY, VARIANT, BITMAP | Utf8 / Binary |
 * | DATE, TIME | DateDay, TimeMillisecond |
 * | TIMESTAMP(p), p 0..3 / 4..6 / 7..9 | Timestamp in ms / us / ns; TIMESTAMP_LTZ with time zone UTC |
 * | INTERVAL YEAR TO MONTH / DAY TO SECOND | IntervalYearMonth / DurationMillisecond |
 * | ARRAY, MAP, MULTISET, ROW | List, Map, Map to Int32, Struct |
 * | any, dictionary-encoded | Dictionary with Int32 codes |
 *
 * @throws {PlanError} `NO_ARROW_TYPE` for columns of JavaScript objects.
 * @throws {BadRecordError} `VALUE_OUT_OF_TYPE` for a TIMESTAMP(7..9) that int64 nanoseconds cannot hold (years 1677 to 2262).
 */
export function toArrow(arrow: ArrowModule, batch: RecordBatch, schema: Schema = batch.schema): ArrowLoan {
  if (batch.selection === 0 && batch.begin === 0 && batch.end === batch.rowCount) return { batch: whole(arrow, batch, schema), release() {} }
  const { slab, begin, end } = batch
  const bytes = encodedBytesMax(batch, begin, end)
  const frame = slab.allocate(bytes)
  const decoder = new BatchDecoder(slab, batch.schema)
  const release = (): void => {
    decoder.free()
    slab.free(frame, bytes)
  }
  try {
    const written = encodeBatch(batch, begin, end, slab.u8, frame)
    return { batch: whole(arrow, decoder.decode(frame, written), schema), release }
  } catch (error) {
    release()
    throw error
  }
}

function whole(arrow: ArrowModule, batch: RecordBatch, schema: Schema): Arrow.RecordBatch {
  const builder = new ArrowBuilder(arrow)
  const rows = batch.rowCount
  const fields = schema.fields.map(({ name, type }, index) => new arrow.Field(name, builder.typeOf(batch.columns[index]), type.nullable))
  const children = fields.map((field, index) => builder.dataOf(batch.columns[index], field.type, rows))
  const data = arrow.makeData({ type: new arrow.Struct(fields), length: rows, nullCount: 0, children })
  return new arrow.RecordBatch(new arrow.Schema(fields), data)
}

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

class ArrowBuilder {
  readonly #arrow: ArrowModule

  constructor(arrow: ArrowModule) {
    this.#arrow = arrow
  }

  typeOf(column: Column): Arrow.DataType {
    const arrow = this.#arrow
    return column.dictionary === null ? this.#plainTypeOf(column) : new arrow.Dictionary(this.#plainTypeOf(column.dictionary), new arrow.Int32())
  }

  #plainTypeOf({ type, children }: Column): Arrow.DataType {
    const arrow = this.#arrow
    switch (type.kind) {
      case 'BOOLEAN':
        return new arrow.Bool()
      case 'TINYINT':
        return new arrow.Int8()
      case 'SMALLINT':
        return new arrow.Int16()
      case 'INT':
        return new arrow.Int32()
      case 'BIGINT':
        return new arrow.Int64()
      case 'FLOAT':
        return new arrow.Float32()
      case 'DOUBLE':
        return new arrow.Float64()
      case 'DECIMAL':
        return new arrow.Decimal(type.scale, type.precision, 128)
      case 'CHAR':
      case 'VARCHAR':
        return new arrow.Utf8()
      case 'BINARY':
      case 'VARBINARY':
      case 'VARIANT':
      case 'BITMAP':
        return new arrow.Binary()
      case 'DATE':
        return new arrow.DateDay()
      case 'TIME':
        return new arrow.TimeMillisecond()
      case 'TIMESTAMP':
      case 'TIMESTAMP_LTZ': {
        const zone = type.kind === 'TIMESTAMP_LTZ' ? 'UTC' : null
        if (type.precision <= 3) return new arrow.TimestampMillisecond(zone)
        return type.precision <= 6 ? new arrow.TimestampMicrosecond(zone) : new arrow.TimestampNanosecond(zone)
      }
      case 'INTERVAL_YEAR_MONTH':
        return new arrow.IntervalYearMonth()
      case 'INTERVAL_DAY_TIME':
        return new arrow.DurationMillisecond()
      case 'ARRAY':
        return new arrow.List(this.#field('element', children[0]))
      case 'MAP':
      case 'MULTISET': {
        // Arrow knows no NULL keys.
        const key = new arrow.Field('key', this.typeOf(children[0]), false)
        // oxlint-disable-next-line eslint/no-underscore-dangle -- Arrow's name
        return new arrow.Map_(new arrow.Field('entries', new arrow.Struct([key, this.#field('value', children[1])]), false) as never)
      }
      case 'ROW':
        return new arrow.Struct(type.fields.map(({ name }, index) => this.#field(name, children[index])))
      case 'OBJECT':
        throw new PlanError('NO_ARROW_TYPE', 'Cannot make an Arrow column of JavaScript objects: Arrow has no such type', {
          hint: 'Give the stream columns with .returns(schema).',
        })
    }
  }

  #field(name: string, column: Column): Arrow.Field {
    return new this.#arrow.Field(name, this.typeOf(column), column.type.nullable)
  }

  dataOf(column: Column, type: Arrow.DataType, rows: number): Arrow.Data {
    const arrow = this.#arrow
    const { slab, kind, nullCount } = column
    const { buffer } = slab.u8
    const common = { type, length: rows, nullCount, ...(nullCount > 0 && { nullBitmap: new Uint8Array(buffer, column.validity, bitBytes(rows)) }) }
    const make = (rest: object): Arrow.Data => arrow.makeData({ ...common, ...rest } as never)
    if (column.dictionary !== null) {
      const dictionary = new arrow.Vector([this.dataOf(column.dictionary, (type as Arrow.Dictionary).dictionary, dictionaryRows(column, rows))])
      return make({ data: new Int32Array(buffer, column.values, rows), dictionary })
    }
    switch (kind) {
      case PhysicalKind.BIT:
        return make({ data: new Uint8Array(buffer, column.values, bitBytes(rows)) })
      case PhysicalKind.INT8:
        return make({ data: new Int8Array(buffer, column.values, rows) })
      case PhysicalKind.INT16:
        return make({ data: new Int16Array(buffer, column.values, rows) })
      case PhysicalKind.INT32:
        return make({ data: new Int32Array(buffer, column.values, rows) })
      case PhysicalKind.INT64: {
        const values = new BigInt64Array(buffer, column.values, rows)
        return make({ data: column.type.kind === 'DECIMAL' ? widened(values) : values })
      }
      case PhysicalKind.FLOAT32:
        return make({ data: new Float32Array(buffer, column.values, rows) })
      case PhysicalKind.FLOAT64:
        return make({ data: new Float64Array(buffer, column.values, rows) })
      case PhysicalKind.INT128:
        return make({ data: new Uint32Array(buffer, column.values, rows * 4) })
      case PhysicalKind.TIMESTAMP_NANOS:
        return make({ data: nanoseconds(column, rows) })
      case PhysicalKind.BYTES: {
        const valueOffsets = new Int32Array(buffer, column.offsets, rows + 1)
        return make({ valueOffsets, data: new Uint8Array(buffer, column.data, valueOffsets[rows]) })
      }
      case PhysicalKind.LIST: {
        const valueOffsets = new Int32Array(buffer, column.offsets, rows + 1)
        return make({ valueOffsets, child: this.dataOf(column.children[0], (type as Arrow.List).valueType, valueOffsets[rows]) })
      }
      case PhysicalKind.MAP: {
        const valueOffsets = new Int32Array(buffer, column.offsets, rows + 1)
        const entries = type.children[0].type
        return make({ valueOffsets, child: this.#structOf(column.children, entries, valueOffsets[rows]) })
      }
      case PhysicalKind.STRUCT:
        return make({ children: column.children.map((child, index) => this.dataOf(child, type.children[index].type, rows)) })
      case PhysicalKind.OBJECT:
        return unsupported(column.type)
    }
  }

  #structOf(columns: readonly Column[], type: Arrow.DataType, rows: number): Arrow.Data {
    return this.#arrow.makeData({
      type,
      length: rows,
      nullCount: 0,
      children: columns.map((child, index) => this.dataOf(child, type.children[index].type, rows)),
    } as never)
  }
}

function unsupported(type: LogicalType): never {
  throw new PlanError('NO_ARROW_TYPE', `Cannot make an Arrow column of ${formatType(type)}`)
}

/** Rows that the codes name. */
function dictionaryRows(column: Column, rows: number): number {
  const { i32 } = column.slab
  let last = -1
  for (let row = 0; row < rows; row++) if (column.isValid(row)) last = Math.max(last, i32[(column.values >>> 2) + row])
  return last + 1
}

function widened(values: BigInt64Array): Uint32Array {
  const wide = new BigInt64Array(values.length * 2)
  values.forEach((value, row) => {
    wide[row * 2] = value
    wide[row * 2 + 1] = value >> 63n
  })
  return new Uint32Array(wide.buffer)
}

function nanoseconds(column: Column, rows: number): BigInt64Array {
  const { i64, i32 } = column.slab
  const target = new BigInt64Array(rows)
  for (let row = 0; row < rows; row++) {
    if (!column.isValid(row)) continue
    const value = i64[(column.values >>> 3) + row] * 1_000_000n + BigInt(i32[(column.extra >>> 2) + row])
    if (value < INT64_MIN || value > INT64_MAX)
      throw new BadRecordError('VALUE_OUT_OF_TYPE', `Cannot store ${value} ns since 1970 as an Arrow timestamp: 64 bits hold the years 1677 to 2262`)
    target[row] = value
  }
  return target
}
