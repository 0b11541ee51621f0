// JSON lines of records that are values of JavaScript: what a stream without a declared schema holds. Goes through JSON.stringify, so it is
// tens of times slower than columns.

import { PlanError, UserFunctionError } from '../../base/errors.ts'
import type { Slab } from '../../base/slab.ts'
import type { RecordBatch } from '../../batch/record-batch.ts'
import type { EncodeResult, LineEncoder } from '../line-format.ts'

const encoder = new TextEncoder()

/** Writes one object column. */
export class JsonObjectEncoder implements LineEncoder {
  readonly header = new Uint8Array(0)
  readonly #slab: Slab
  readonly #result: EncodeResult = { position: 0, end: 0 }
  #objects: readonly unknown[] = []

  constructor(slab: Slab) {
    this.#slab = slab
  }

  bind(batch: RecordBatch): void {
    this.#objects = batch.columns[0].objects
  }

  encode(selection: number, begin: number, end: number, target: number, targetEnd: number): EncodeResult {
    const { u8, i32 } = this.#slab
    let at = target
    let position = begin
    for (; position < end; position++) {
      const bytes = encoder.encode(`${jsonOf(this.#objects[selection === 0 ? position : i32[(selection >>> 2) + position]])}\n`)
      if (at + bytes.length > targetEnd) break
      u8.set(bytes, at)
      at += bytes.length
    }
    this.#result.position = position
    this.#result.end = at
    return this.#result
  }

  free(): void {}
}

/** A value as JSON, with the types that user code meets: bigints as numbers, maps as objects, bytes in base64. */
export function jsonOf(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value, replace)
  } catch (error) {
    throw new UserFunctionError('NOT_JSON', `Cannot write a record as JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  if (text === undefined) throw new PlanError('NOT_JSON', `Cannot write a record as JSON: a ${typeof value} has no JSON form`)
  return text.includes(BIGINT_MARK) ? text.replaceAll(MARKED_BIGINT, '$1') : text
}

/** Marks digits that must lose their quotes; a character that stands for nothing, so no text of a user has it by chance. */
const BIGINT_MARK = '\ufdd0'
const MARKED_BIGINT = /"\ufdd0(-?\d+)\ufdd0"/g

function replace(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${BIGINT_MARK}${value}${BIGINT_MARK}`
  if (value instanceof Map) return Object.fromEntries(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return value
}
