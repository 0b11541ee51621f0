// JSON lines: one object a line. A description; the work is done by the scan and format kernels.

import type { Slab } from '../../base/slab.ts'
import { PlanError } from '../../base/errors.ts'
import { type OptionKeys, refuseUnknownOptions } from '../../base/option-keys.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import { isObjectSchema, type Schema } from '../../batch/types.ts'
import { JsonFormatPlan } from '../../kernels/json-format.ts'
import { JsonScanPlan, type ScanResult } from '../../kernels/json-scan.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { JsonObjectEncoder } from './json-object-encoder.ts'
import {
  checkUtf8Option,
  type EncodeResult,
  type LineDecoder,
  type LineEncoder,
  type LineFormat,
  refuseBitmap,
  refuseVariant,
  type Utf8Option,
} from '../line-format.ts'
import { scanFieldsOf } from '../scan-fields.ts'

/** Options of {@link jsonFormat}. */
export interface JsonFormatOptions {
  /**
   * How values become the declared types. `strict`: the JSON type must match, nothing is rounded, declared lengths hold; times are cut to their
   * precision. `flink`: as Flink's `json` format does: numbers from strings, text from any value and of any length, fractions cut off,
   * half of a surrogate pair as a question mark.
   * @default 'strict'
   */
  readonly conversion?: 'strict' | 'flink'
  /**
   * A missing member is a bad record even if its column admits NULL.
   * @default false
   */
  readonly failOnMissingField?: boolean
  /**
   * A member that the schema does not have is a bad record.
   * @default false
   */
  readonly rejectUnknownFields?: boolean
  /**
   * The form of timestamps: `2001-02-03 12:34:56.789` or `2001-02-03T12:34:56.789`. `strict` reads both.
   * @default 'SQL'
   */
  readonly timestampFormat?: 'SQL' | 'ISO-8601'
  /**
   * What becomes of bytes that are not UTF-8: `strict`, their record is bad; `replace`, U+FFFD stands for them, and the record is counted
   * (counter `replacedRecords`).
   * @default 'strict'
   */
  readonly utf8?: Utf8Option
}

const KEYS: OptionKeys<JsonFormatOptions> = { conversion: true, failOnMissingField: true, rejectUnknownFields: true, timestampFormat: true, utf8: true }

class JsonDecoder implements LineDecoder {
  readonly columns = []
  readonly #plan: JsonScanPlan
  readonly #kernels: Kernels

  constructor(plan: JsonScanPlan, kernels: Kernels) {
    this.#plan = plan
    this.#kernels = kernels
  }

  get nulledValues(): number {
    return this.#plan.counters.nulledValues
  }

  get duplicateKeys(): number {
    return this.#plan.counters.duplicateKeys
  }

  bind(batch: RecordBatch): void {
    this.#plan.setColumns(batch.columns.map((column) => column.descriptor))
  }

  decode(input: number, inputEnd: number, firstRow: number, maxRows: number): ScanResult {
    return this.#plan.scan(this.#kernels, input, inputEnd, firstRow, maxRows)
  }

  free(): void {
    this.#plan.free()
  }
}

class JsonEncoder implements LineEncoder {
  readonly header = new Uint8Array(0)
  readonly #plan: JsonFormatPlan
  readonly #kernels: Kernels
  readonly #result: EncodeResult = { position: 0, end: 0 }

  constructor(plan: JsonFormatPlan, kernels: Kernels) {
    this.#plan = plan
    this.#kernels = kernels
  }

  bind(batch: RecordBatch): void {
    this.#plan.setColumns(batch.columns.map((column) => column.descriptor))
  }

  encode(selection: number, begin: number, end: number, target: number, targetEnd: number): EncodeResult {
    const { bytes, nextRow } = this.#plan.format(this.#kernels, selection, begin, end, target, targetEnd)
    this.#result.position = nextRow
    this.#result.end = target + bytes
    return this.#result
  }

  free(): void {
    this.#plan.free()
  }
}

/** JSON lines, as {@link jsonFormat} describes them. */
export class JsonFormat implements LineFormat {
  readonly kind = 'lines'
  readonly name = 'json'
  readonly header = false
  readonly spansLines = false
  readonly fieldWord = 'field'
  readonly delimiter = undefined
  readonly utf8: Utf8Option
  readonly options: Required<Omit<JsonFormatOptions, 'utf8'>>

  constructor(options: JsonFormatOptions) {
    this.utf8 = checkUtf8Option('a JSON', options.utf8)
    this.options = {
      conversion: options.conversion ?? 'strict',
      failOnMissingField: options.failOnMissingField ?? false,
      rejectUnknownFields: options.rejectUnknownFields ?? false,
      timestampFormat: options.timestampFormat ?? 'SQL',
    }
    if (this.options.conversion !== 'strict' && this.options.conversion !== 'flink')
      throw new PlanError('INVALID_OPTION', `Cannot make a JSON format: conversion is "strict" or "flink", not "${String(this.options.conversion)}"`)
  }

  describe(): string {
    return `JSON lines, ${this.options.conversion}`
  }

  check(schema: Schema): void {
    if (isObjectSchema(schema)) return
    for (const { name, type } of schema.fields) {
      if (type.kind === 'OBJECT')
        throw new PlanError('UNSUPPORTED_TYPE', `Cannot read or write column "${name}" as JSON: values of JavaScript have no JSON form`)
      refuseVariant(name, type, 'JSON')
      refuseBitmap(name, type, 'JSON')
    }
  }

  parseHeader(): undefined {}

  createDecoder(schema: Schema, slab: Slab, kernels: Kernels, nullOnError: boolean): LineDecoder {
    const plan = new JsonScanPlan(slab, scanFieldsOf(schema), { ...this.options, nullOnError })
    return new JsonDecoder(plan, kernels)
  }

  createEncoder(schema: Schema, slab: Slab, kernels: Kernels): LineEncoder {
    if (isObjectSchema(schema)) return new JsonObjectEncoder(slab)
    const { conversion, timestampFormat } = this.options
    return new JsonEncoder(
      new JsonFormatPlan(slab, scanFieldsOf(schema), { timestampFormat, fraction: conversion === 'flink' ? 'trimmed' : 'precision' }),
      kernels,
    )
  }
}

/**
 * JSON lines: one object a line, members by name in any order.
 *
 * @throws {PlanError} `INVALID_OPTION`
 */
export function jsonFormat(options: JsonFormatOptions = {}): JsonFormat {
  refuseUnknownOptions('make a JSON format', options, KEYS)
  return new JsonFormat(options)
}
