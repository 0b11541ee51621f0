// Types as Flink prints them: in DESCRIBE, in SHOW CREATE, and in the CASTs of expressions.

import { classText, formatType, type LogicalType, withNullability } from '../batch/types.ts'
import { type Token, TokenKind, tokenize } from './tokens.ts'

/** As SHOW CREATE prints it: no short names. */
export function longTypeText(type: LogicalType): string {
  return typeText(type, (simple) => {
    if (simple.kind === 'VARCHAR' || simple.kind === 'VARBINARY') return `${simple.kind}(${simple.length})`
    return simple.kind === 'TIMESTAMP_LTZ' ? `TIMESTAMP(${simple.precision}) WITH LOCAL TIME ZONE` : simpleText(simple)
  })
}

/** As TYPEOF prints it. @param isWhole Whether nothing is shortened: `VARCHAR(2147483647)` for `STRING`. */
export function shownTypeText(type: LogicalType, isWhole: boolean): string {
  return isWhole ? longTypeText(type) : typeText(type, simpleText)
}

/** As DESCRIBE prints it, without NOT NULL on the outside. */
export function shortTypeText(type: LogicalType): string {
  return typeText({ ...type, nullable: true }, simpleText)
}

export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

function typeText(type: LogicalType, simple: (type: LogicalType) => string): string {
  const of = (child: LogicalType): string => typeText(child, simple)
  const nullability = type.nullable ? '' : ' NOT NULL'
  switch (type.kind) {
    case 'ARRAY':
    case 'MULTISET':
      return `${type.kind}<${of(type.element)}>${nullability}`
    case 'MAP':
      return `MAP<${of(type.key)}, ${of(type.value)}>${nullability}`
    case 'ROW': {
      const fields = type.fields.map((field) => `${quoted(field.name)} ${of(field.type)}`)
      const { className } = type
      return `${className === undefined ? `ROW<${fields.join(', ')}>` : `STRUCTURED<${[classText(className), ...fields].join(', ')}>`}${nullability}`
    }
    default:
      return simple(type) + nullability
  }
}

function simpleText(type: LogicalType): string {
  switch (type.kind) {
    case 'INTERVAL_YEAR_MONTH':
      return 'INTERVAL MONTH'
    case 'INTERVAL_DAY_TIME':
      return 'INTERVAL SECOND(3)'
    default:
      return formatType(withNullability(type, true))
  }
}

/** As a CAST prints the type that was written in it: `ARRAY< STRING >`, `INTEGER`, and no length that was not written. */
export function writtenTypeText(written: string): string {
  return new TypeWriter(tokenize(written)).type()
}

/** Reads a type that is known to be one. */
class TypeWriter {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  type(): string {
    let text = this.#bare()
    while (this.#token.kind === TokenKind.WORD) text += ` ${this.#take().upper}`
    return text
  }

  #bare(): string {
    const word = this.#take().upper
    if (this.#token.text === '<>') {
      this.#take()
      return `${word}<>`
    }
    const open = this.#token.text
    if (open === '<' || (word === 'ROW' && open === '(')) {
      this.#take()
      const parts = [this.#part(word)]
      while (this.#token.text === ',') {
        this.#take()
        parts.push(this.#part(word))
      }
      this.#take()
      return open === '<' ? `${word}< ${parts.join(', ')} >` : `${word}(${parts.join(', ')})`
    }
    if (word === 'DOUBLE' && this.#token.upper === 'PRECISION') this.#take()
    const name = word === 'INT' ? 'INTEGER' : word === 'DEC' || word === 'NUMERIC' ? 'DECIMAL' : word
    return name + this.#numbers()
  }

  /** A field of a row with its comment, the name of a class, or a type. */
  #part(of: string): string {
    if (of !== 'ROW' && of !== 'STRUCTURED') return this.type()
    const first = this.#take()
    if (first.kind === TokenKind.STRING) return classText(first.text)
    const name = quoted(first.text)
    const type = this.type()
    return this.#token.kind === TokenKind.STRING ? `${name} ${type} '${this.#take().text.replaceAll("'", "''")}'` : `${name} ${type}`
  }

  #numbers(): string {
    if (this.#token.text !== '(') return ''
    this.#take()
    const numbers: string[] = []
    for (let { text } = this.#take(); text !== ')'; text = this.#take().text) if (text !== ',') numbers.push(text)
    return `(${numbers.join(', ')})`
  }

  get #token(): Token {
    return this.#tokens[this.#at]
  }

  #take(): Token {
    return this.#tokens[this.#at++]
  }
}
