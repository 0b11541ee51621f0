// Which type all texts of a column are values of.

import { BIGINT, BOOLEAN, DOUBLE, STRING } from '../functions/scalar-function.ts'
import type { LogicalType } from '../../batch/types.ts'
import { parseDateLiteral, parseTimeLiteral, parseTimestampLiteral } from '../time-literals.ts'

const INTEGER = /^[+-]?(?:0|[1-9]\d*)$/
const NUMBER = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
const DATE = /^\d{4}-\d\d-\d\d$/
const TIME = /^\d\d:\d\d:\d\d(?:\.(\d{1,3}))?$/
const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.(\d{1,9}))?)(Z?)$/

type Kind = 'BOOLEAN' | 'BIGINT' | 'DOUBLE' | 'DATE' | 'TIME' | 'TIMESTAMP' | 'TIMESTAMP_LTZ'

/** What a text is a value of, narrower types first. Leading zeros are part of a code, and integers beyond 64 bits of a name: neither is a number. */
export function kindsOf(text: string): readonly Kind[] {
  if (/^(?:true|false)$/i.test(text)) return ['BOOLEAN']
  if (INTEGER.test(text)) return BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? ['BIGINT', 'DOUBLE'] : []
  if (NUMBER.test(text)) return Number.isFinite(Number(text)) ? ['DOUBLE'] : []
  return timeKindsOf(text)
}

/** As {@link kindsOf}, where numbers and truth values are told from texts by other means. */
export function timeKindsOf(text: string): readonly Kind[] {
  if (DATE.test(text)) return parseDateLiteral(text) === undefined ? [] : ['DATE']
  if (TIME.test(text)) return parseTimeLiteral(text) === undefined ? [] : ['TIME']
  const [, date, clock, , zone] = TIMESTAMP.exec(text) ?? []
  if (date === undefined || parseTimestampLiteral(`${date} ${clock}`) === undefined) return []
  return [zone === 'Z' ? 'TIMESTAMP_LTZ' : 'TIMESTAMP']
}

/** What is known of a column by the texts that were seen. */
export class TextType {
  readonly #kindsOf: (text: string) => readonly Kind[]
  /** Of which all texts are values; undefined: there was none yet. */
  #kinds: readonly Kind[] | undefined
  /** Digits behind the second. */
  #digits = 0

  constructor(kinds: (text: string) => readonly Kind[] = kindsOf) {
    this.#kindsOf = kinds
  }

  add(text: string): void {
    const kinds = this.#kindsOf(text)
    this.#kinds = this.#kinds === undefined ? kinds : this.#kinds.filter((kind) => kinds.includes(kind))
    if (kinds[0]?.startsWith('TIME') === true) this.#digits = Math.max(this.#digits, (TIMESTAMP.exec(text)?.[3] ?? TIME.exec(text)?.[1] ?? '').length)
  }

  /** Whether nothing would change with this text. */
  admits(text: string): boolean {
    const [kind] = this.#kinds ?? []
    return kind === undefined || this.#kindsOf(text).includes(kind)
  }

  /** STRING, unless every text is a value of something else. NULL is always admitted. */
  get type(): LogicalType {
    const [kind] = this.#kinds ?? []
    switch (kind) {
      case undefined:
        return STRING
      case 'BOOLEAN':
        return BOOLEAN
      case 'BIGINT':
        return BIGINT
      case 'DOUBLE':
        return DOUBLE
      case 'DATE':
        return { kind, nullable: true }
      case 'TIME':
        return { kind, precision: this.#precision(0), nullable: true }
      default:
        return { kind, precision: this.#precision(3), nullable: true }
    }
  }

  /** Milliseconds, microseconds or nanoseconds: what is cut would be lost. */
  #precision(least: number): number {
    return Math.max(least, Math.ceil(this.#digits / 3) * 3)
  }
}
