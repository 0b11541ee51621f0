// A sink that prints records as Flink's print connector does: `+I[1, abc, 2001-02-03T04:05]`. For looking at small results.

import { writeSync } from 'node:fs'
import { inspect } from 'node:util'
import { ConnectorError } from '../base/errors.ts'
import { RoaringBitmap } from '../base/roaring-bitmap.ts'
import { type OptionKeys, refuseUnknownOptions } from '../base/option-keys.ts'
import { type RecordBatch, ROW_KIND_TEXT } from '../batch/record-batch.ts'
import { type Decimal, isObjectSchema, type LogicalType, type Schema } from '../batch/types.ts'
import { variantText } from '../batch/variant.ts'
import { readValue } from '../batch/values.ts'
import type { OperatorContext, OperatorMetrics } from '../operator/operator.ts'
import type { Sink, SinkWriter } from '../operator/sink.ts'
import { doubleText } from '../base/double-text.ts'

const STANDARD_OUTPUT = 1
const STANDARD_ERROR = 2
const BUFFER_CHARACTERS = 65_536
const MS_PER_DAY = 86_400_000
const OBJECT_DEPTH_MAX = 6

/** Options of {@link printSink}. */
export interface PrintSinkOptions {
  /** Printed before every record, as `name> `. */
  readonly identifier?: string
  /**
   * Print to standard error.
   * @default false
   */
  readonly standardError?: boolean
  /** Receives the text instead of standard output. Called on the thread of the subtask, with whole lines. */
  readonly write?: (text: string) => void
}

const KEYS: OptionKeys<PrintSinkOptions> = { identifier: true, standardError: true, write: true }

class PrintWriter implements SinkWriter {
  readonly #schema: Schema
  readonly #metrics: OperatorMetrics
  readonly #write: (bytes: Buffer) => number
  readonly #prefix: string
  #text = ''
  /** What a full pipe has not taken yet. */
  #waiting: Buffer = Buffer.alloc(0)

  constructor(schema: Schema, context: OperatorContext, options: PrintSinkOptions) {
    this.#schema = schema
    this.#metrics = context.metrics
    const { identifier, write } = options
    const parts = [...(identifier === undefined ? [] : [identifier]), ...(context.parallelism > 1 ? [String(context.subtaskIndex + 1)] : [])]
    this.#prefix = parts.length === 0 ? '' : `${parts.join(':')}> `
    const file = options.standardError === true ? STANDARD_ERROR : STANDARD_OUTPUT
    this.#write = write === undefined ? (bytes) => writeSync(file, bytes) : (bytes) => (write(bytes.toString()), bytes.length)
  }

  hasCapacity(): boolean {
    return this.#waiting.length === 0 || this.flush()
  }

  write(batch: RecordBatch): boolean {
    const isObject = isObjectSchema(this.#schema)
    for (; batch.begin < batch.end; batch.begin++) {
      if (this.#text.length >= BUFFER_CHARACTERS && !this.flush()) return false
      const row = batch.physicalRow(batch.begin)
      const record = isObject
        ? printedObject(readValue(batch.columns[0], row))
        : `${ROW_KIND_TEXT[batch.kindOf(row)]}[${batch.columns.map((column) => printedValue(readValue(column, row), column.type)).join(', ')}]`
      this.#text += `${this.#prefix}${record}\n`
    }
    return true
  }

  flush(): boolean {
    if (this.#text !== '') {
      this.#waiting = Buffer.concat([this.#waiting, Buffer.from(this.#text)])
      this.#text = ''
    }
    while (this.#waiting.length > 0) {
      try {
        const count = this.#write(this.#waiting)
        this.#waiting = this.#waiting.subarray(count)
        this.#metrics.bytesWritten += count
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'EAGAIN') return false
        if (code === 'EPIPE') throw new ConnectorError('OUTPUT_CLOSED', 'Cannot print: the reader of the output has gone', { cause: error })
        throw new ConnectorError('OUTPUT_FAILED', `Cannot print: ${(error as Error).message}`, { cause: error })
      }
    }
    return true
  }

  finish(): boolean {
    return this.flush()
  }

  snapshot(): void {}

  restore(): void {}

  close(): void {}
}

/** A value as Java prints the class that Flink gives user code for its type. */
export function printedValue(value: unknown, type: LogicalType): string {
  if (value === null) return 'null'
  switch (type.kind) {
    case 'FLOAT':
      return doubleText(value as number, Math.fround)
    case 'DOUBLE':
      return doubleText(value as number, Number)
    case 'DECIMAL':
      return (value as Decimal).toString()
    case 'DATE':
      return printedDate(value as number)
    case 'TIME':
      return printedTime(value as number, 0)
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      const [ms, nanos] = type.precision <= 3 ? [value as number, 0] : splitNanos(value as bigint)
      const day = Math.floor(ms / MS_PER_DAY)
      const time = printedTime(ms - day * MS_PER_DAY, nanos)
      // Instant prints its seconds always, LocalDateTime only if there are any.
      return type.kind === 'TIMESTAMP' ? `${printedDate(day)}T${time}` : `${printedDate(day)}T${time.length === 5 ? `${time}:00` : time}Z`
    }
    case 'BITMAP':
      return RoaringBitmap.fromBytes(value as Uint8Array).toString()
    case 'BINARY':
    case 'VARBINARY':
      return `[${Array.from(value as Uint8Array, (byte) => (byte << 24) >> 24).join(', ')}]`
    case 'VARIANT':
      return variantText(value as Uint8Array)
    case 'ARRAY':
      return `[${(value as unknown[]).map((item) => printedValue(item, type.element)).join(', ')}]`
    case 'MAP':
      return `{${[...(value as Map<unknown, unknown>)].map(([key, item]) => `${printedValue(key, type.key)}=${printedValue(item, type.value)}`).join(', ')}}`
    case 'MULTISET':
      return `{${[...(value as Map<unknown, number>)].map(([key, count]) => `${printedValue(key, type.element)}=${count}`).join(', ')}}`
    case 'ROW':
      return `+I[${type.fields.map((field) => printedValue((value as Record<string, unknown>)[field.name], field.type)).join(', ')}]`
    case 'OBJECT':
      return inspect(value, { breakLength: Infinity, depth: OBJECT_DEPTH_MAX })
    default:
      return (value as string | number | bigint | boolean).toString()
  }
}

function splitNanos(nanos: bigint): [number, number] {
  const rest = ((nanos % 1_000_000n) + 1_000_000n) % 1_000_000n
  return [Number((nanos - rest) / 1_000_000n), Number(rest)]
}

function printedDate(days: number): string {
  // Civil date from a day count, exact for every int32.
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const digits = String(Math.abs(year)).padStart(4, '0')
  return `${year < 0 ? '-' : year > 9999 ? '+' : ''}${digits}-${pad(month)}-${pad(day)}`
}

/** As `LocalTime`: seconds only if there are any, fractions in groups of three digits. */
function printedTime(msOfDay: number, nanosOfMs: number): string {
  const minutes = Math.floor(msOfDay / 60_000)
  const seconds = Math.floor(msOfDay / 1000) % 60
  const nanos = (msOfDay % 1000) * 1e6 + nanosOfMs
  const text = `${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`
  if (seconds === 0 && nanos === 0) return text
  if (nanos === 0) return `${text}:${pad(seconds)}`
  const digits = String(nanos).padStart(9, '0')
  const shown = nanos % 1e6 === 0 ? 3 : nanos % 1000 === 0 ? 6 : 9
  return `${text}:${pad(seconds)}.${digits.slice(0, shown)}`
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}

/**
 * A sink that prints every record with its kind, to standard output. With an identifier or several writers each line begins with
 * `identifier:subtask> `, as in Flink. Records that are values of JavaScript are printed as `util.inspect` shows them.
 *
 * @throws {PlanError} `INVALID_OPTION`
 */
export function printSink(options: PrintSinkOptions = {}): Sink {
  refuseUnknownOptions('make a print sink', options, KEYS)
  return {
    name: 'Print',
    needsEventLoop: false,
    parallelismMax: Infinity,
    describe: () => (options.standardError === true ? 'standard error' : 'standard output'),
    createWriter: (schema, context) => new PrintWriter(schema, context, options),
  }
}

/** A value of JavaScript: text as it is, everything else as `console.log` shows it, in one line. */
function printedObject(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value, { breakLength: Infinity, depth: OBJECT_DEPTH_MAX })
}
