// What happens to records that cannot be read: fail, skip, null or dead-letter; always counted, never silent. Used by every source that reads
// a format, on the reader's thread. Invariant: records in = rows out + badRecords.

import { BadRecordError } from '../base/errors.ts'
import { BatchBuilder } from '../batch/batch-builder.ts'
import { decodeText, writeValue } from '../batch/values.ts'
import { defineSchema, type RowOfSchema, t } from '../batch/types.ts'
import type { OperatorContext, Output, SnapshotReader, SnapshotWriter } from '../operator/operator.ts'
import type { SourceSideOutput } from '../operator/source.ts'

/**
 * What a source does with a record that it cannot read as its schema says.
 *
 * - `fail`: the job fails with file, line, column, the reason and the text.
 * - `skip`: the record is left out and counted.
 * - `null`: a value that cannot be converted becomes NULL where its column allows it, and is counted (counter `nulledValues`); a record that
 *   is broken as a whole is left out and counted, as Flink's `ignore-parse-errors` does.
 * - `dead-letter`: the record goes to the side output `bad-records` (tag `BAD_RECORDS`), a file, or both, as its bytes with the reason and the
 *   place, and is counted. A job in which neither takes it is refused.
 */
export type BadRecordPolicy = 'fail' | 'skip' | 'null' | 'dead-letter'

export const BAD_RECORD_POLICIES: readonly BadRecordPolicy[] = ['fail', 'skip', 'null', 'dead-letter']

/** Id of the side output for the policy `dead-letter`. */
export const BAD_RECORDS_SIDE = 'bad-records'

/**
 * The rows of the side output. `raw` is NULL where the bytes are not text; `truncated` says that it holds only the first bytes of a line over the limit.
 * `offset` counts bytes, `line` from 1.
 */
export const BAD_RECORD_SCHEMA = defineSchema({
  raw: t.bytes().nullable(),
  truncated: t.boolean(),
  reason: t.string(),
  file: t.string(),
  line: t.safeInt().nullable(),
  offset: t.safeInt().nullable(),
})

/** A row of {@link BAD_RECORD_SCHEMA}. */
export type BadRecord = RowOfSchema<typeof BAD_RECORD_SCHEMA>

/** The side outputs of a source with this policy. */
export function badRecordOutputs(policy: BadRecordPolicy, deadLetterPath: string | undefined): ReadonlyMap<string, SourceSideOutput> {
  return policy === 'dead-letter' ? new Map([[BAD_RECORDS_SIDE, { schema: BAD_RECORD_SCHEMA, mustBeRead: deadLetterPath === undefined }]]) : new Map()
}

/** Keeps dead letters beside the side output. */
export interface DeadLetterTarget {
  /** Called on the reader's thread, before anything behind these records leaves the source. @throws {ConnectorError} If they cannot be kept. */
  keep(letters: readonly BadRecord[]): void
  close(): void
}

/** Why a record is bad. */
export interface BadRecordReason {
  /** `column 3 ("delay"): `, or empty if it concerns the record. */
  readonly where: string
  /** What is wrong, as it goes on behind `where`. */
  readonly reason: string
  /** As in `BadRecordPosition`. */
  readonly field?: string | undefined
  readonly column?: number | undefined
}

/** Where a bad record stands. */
export interface BadRecordPlace {
  readonly file: string
  /** Number of its line, from 1. Called only when somebody will read it. */
  line?(): number
  /** Its first byte. */
  readonly offset?: number
  /** Its place in words, if it has no line: `row group 2, row 17`. */
  readonly words?: string
}

/** How much of a record's text an error shows. */
const TEXT_SHOWN_MAX = 200
const LETTERS_MAX = 256

/** Carries out one policy for one reader. */
export class BadRecords {
  readonly policy: BadRecordPolicy
  readonly #context: OperatorContext
  readonly #target: DeadLetterTarget | undefined
  /** Waiting to be emitted; the first #kept of them are with the target already. */
  #letters: BadRecord[] = []
  #kept = 0
  #builder: BatchBuilder | undefined

  constructor(policy: BadRecordPolicy, context: OperatorContext, target?: DeadLetterTarget) {
    this.policy = policy
    this.#context = context
    this.#target = target
  }

  /** Whether letters wait to be emitted: call {@link flush} before reading on. */
  get isPending(): boolean {
    return this.#letters.length > 0
  }

  /** Whether so many letters wait that they should go before more records are read. */
  get isFull(): boolean {
    return this.#letters.length >= LETTERS_MAX
  }

  /**
   * Takes note of one record.
   *
   * @param raw The record's bytes, valid during the call; null if there are none to show.
   * @param truncated Whether these are only the first ones.
   * @throws {BadRecordError} Under the policy `fail`.
   */
  reject(place: BadRecordPlace, reason: BadRecordReason, raw: Uint8Array | null, truncated: boolean = false): void {
    if (this.policy === 'fail') this.#fail(place, reason, raw)
    this.#context.metrics.badRecords++
    if (this.policy !== 'dead-letter') return
    this.#letters.push({
      raw: raw === null ? null : raw.slice(),
      truncated,
      reason: reason.where + reason.reason,
      file: place.file,
      line: place.line?.() ?? null,
      offset: place.offset ?? null,
    })
  }

  /** Counts a value that became NULL. */
  countNulled(count: number): void {
    if (count > 0) this.#context.metrics.counter('nulledValues').value += count
  }

  /** Emits what waits. Returns false if the output cannot take it yet: call again before reading on. */
  flush(sides: Output): boolean {
    if (this.#letters.length === 0) return true
    if (this.#target !== undefined && this.#kept < this.#letters.length) {
      this.#target.keep(this.#letters.slice(this.#kept))
      this.#kept = this.#letters.length
    }
    const side = sides.side(BAD_RECORDS_SIDE)
    if (side === undefined) this.#letters = []
    while (this.#letters.length > 0) {
      // Capacity means as well that the last batch has been read, so that its memory may be used again.
      if (!side!.hasCapacity()) return false
      side!.emit(this.#fill())
    }
    this.#kept = 0
    return true
  }

  snapshot(writer: SnapshotWriter): void {
    for (const { raw, ...rest } of this.#letters)
      writer.element('dead-letters', Buffer.from(JSON.stringify({ ...rest, raw: raw === null ? null : Buffer.from(raw).toString('base64') })))
  }

  restore(reader: SnapshotReader): void {
    reader.elements('dead-letters', (bytes) => {
      const { raw, ...rest } = JSON.parse(Buffer.from(bytes).toString()) as Omit<BadRecord, 'raw'> & { raw: string | null }
      this.#letters.push({ ...rest, raw: raw === null ? null : new Uint8Array(Buffer.from(raw, 'base64')) })
    })
  }

  free(): void {
    this.#target?.close()
    this.#builder?.free()
    this.#builder = undefined
  }

  #fill(): BatchBuilder['batch'] {
    this.#builder ??= new BatchBuilder(this.#context.slab, BAD_RECORD_SCHEMA, LETTERS_MAX)
    const batch = this.#builder.begin(false, false)
    const letters = this.#letters.splice(0, LETTERS_MAX)
    this.#kept = Math.max(0, this.#kept - letters.length)
    const { fields } = BAD_RECORD_SCHEMA
    letters.forEach((letter, row) => fields.forEach(({ name }, index) => writeValue(batch.columns[index], row, letter[name as keyof BadRecord])))
    return this.#builder.finish(letters.length)
  }

  #fail(place: BadRecordPlace, { where, reason, field, column }: BadRecordReason, raw: Uint8Array | null): never {
    const line = place.line?.()
    const at = place.words ?? (line === undefined ? `offset ${place.offset ?? 0}` : `line ${line}`)
    throw new BadRecordError(
      'BAD_RECORD',
      `Cannot read record: ${place.file} ${at}${where === '' ? ': ' : `, ${where}`}${reason}${raw === null ? '' : `\n  ${shownText(raw)}`}`,
      {
        hint: looksSpread(line, raw)
          ? "JSON must have one object a line: jq -c '.[]' makes such lines of an array, jq -c . of objects over several lines."
          : "Correct the data or the schema, or set onBadRecord to 'skip', 'null' or 'dead-letter'.",
        position: { file: place.file, line, column, offset: place.offset, field },
      },
    )
  }
}

/** Whether a record is the first line of a file that seems to be an array of JSON objects, or an object over several lines. */
function looksSpread(line: number | undefined, raw: Uint8Array | null): boolean {
  return line === 1 && raw !== null && /^\s*(\[\s*(\{.*)?|\{\s*)$/.test(shownText(raw))
}

/** A record's bytes for people: cut, without control characters. */
export function shownText(raw: Uint8Array): string {
  // Four bytes hold any character, so this many hold enough of them.
  const text = decodeText(raw.subarray(0, TEXT_SHOWN_MAX * 4), 0, Math.min(raw.length, TEXT_SHOWN_MAX * 4)).replace(/[\r\n]+$/, '')
  const characters = Array.from(text)
  const isCut = characters.length > TEXT_SHOWN_MAX || raw.length > TEXT_SHOWN_MAX * 4
  return withoutControls(characters.slice(0, TEXT_SHOWN_MAX).join('')) + (isCut ? '…' : '')
}

/** A text with control characters as `\x09`, and byte order marks too: what cannot be seen cannot be found. */
export function withoutControls(text: string): string {
  return text.replace(/[\p{Cc}\ufeff]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
