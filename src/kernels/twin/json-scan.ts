// The JSON-lines scanner in plain TypeScript: reads lines to values, one character at a time. Slow and simple on purpose; the oracle of the
// kernel `scanJson` in property tests. Bad records are reported by the first problem in reading order, as the kernel does.

import { TypeCode } from '../column-layout.ts'
import { BadReason, DEPTH_MAX } from '../json-scan-layout.ts'
import { type JsonScanOptions, type ScanField, isConversionReason } from '../json-scan.ts'
import { BadRecord, CONVERTS_TO_NULL, type TokenKind, type TwinMode, type TwinValue, convertTwin } from './json-text.ts'

/** One line's outcome: its rows (several for an array in Flink mode, none for a blank line), or why it is bad. */
export type LineOutcome = { readonly rows: { [name: string]: TwinValue }[] } | { readonly reason: number; readonly field: string }

/** Reads one line, without its line feed. */
export function scanJsonLineTwin(fields: readonly ScanField[], options: JsonScanOptions, line: Uint8Array): LineOutcome {
  try {
    return { rows: new LineReader(line, options).record({ name: '', type: TypeCode.ROW, nullable: false, children: fields }) }
  } catch (error) {
    if (error instanceof BadRecord) return { reason: error.reason, field: error.field }
    throw error
  }
}

type Row = { [name: string]: TwinValue }

class LineReader {
  readonly #bytes: Uint8Array
  readonly #options: JsonScanOptions
  readonly #mode: TwinMode
  #at = 0

  constructor(bytes: Uint8Array, options: JsonScanOptions) {
    this.#bytes = bytes
    this.#options = options
    this.#mode = { flink: options.conversion === 'flink', isoTimestamps: options.timestampFormat === 'ISO-8601' }
  }

  record(root: ScanField): Row[] {
    this.#blanks()
    if (this.#at === this.#bytes.length) return []
    const rows: Row[] = []
    const first = this.#peek()
    if (first === '{') rows.push(this.#object(root, null, 1))
    else if (first === '[' && this.#mode.flink) {
      this.#sequence(']', () => {
        if (this.#peek() !== '{') {
          this.#skip(1)
          throw new BadRecord(BadReason.NOT_AN_OBJECT, '')
        }
        rows.push(this.#object(root, null, 2))
      })
    } else {
      this.#skip(0)
      throw new BadRecord(BadReason.NOT_AN_OBJECT, '')
    }
    this.#blanks()
    if (this.#at < this.#bytes.length && !this.#mode.flink) throw new BadRecord(BadReason.TRAILING_DATA, '')
    return rows
  }

  #peek(): string {
    return this.#at < this.#bytes.length ? String.fromCharCode(this.#bytes[this.#at]) : '\n'
  }

  #blanks(): void {
    while (' \t\r'.includes(this.#peek())) this.#at++
  }

  #expect(character: string): void {
    if (this.#peek() !== character) throw new BadRecord(BadReason.SYNTAX, '')
    this.#at++
  }

  /** Reads the items of an object or array whose opening bracket is here, commas between them, through the closing one. */
  #sequence(close: string, item: () => void): void {
    this.#at++
    this.#blanks()
    if (this.#peek() === close) {
      this.#at++
      return
    }
    for (;;) {
      item()
      this.#blanks()
      if (this.#peek() === close) {
        this.#at++
        return
      }
      this.#expect(',')
      this.#blanks()
    }
  }

  #key(): string {
    if (this.#peek() !== '"') throw new BadRecord(BadReason.SYNTAX, '')
    return this.#string()
  }

  #colon(): void {
    this.#blanks()
    this.#expect(':')
    this.#blanks()
  }

  #object(field: ScanField, path: string | null, depth: number): Row {
    const row: Row = Object.create(null)
    const pathOf = (child: ScanField): string => (path === null ? child.name : `${path}.${child.name}`)
    this.#sequence('}', () => {
      const name = this.#key()
      this.#colon()
      const child = field.children!.find((candidate) => candidate.name === name)
      if (child) row[name] = this.#value(child, pathOf(child), depth)
      else if (this.#options.rejectUnknownFields) throw new BadRecord(BadReason.UNKNOWN_FIELD, path ?? '')
      else this.#skip(depth)
    })
    for (const child of field.children!) {
      if (child.name in row) continue
      if (!child.nullable || (this.#options.failOnMissingField && !this.#options.nullOnError)) throw new BadRecord(BadReason.MISSING_FIELD, pathOf(child))
      row[child.name] = nullOf(child)
    }
    return row
  }

  #value(field: ScanField, path: string, depth: number): TwinValue {
    const start = this.#at
    try {
      return this.#typed(field, path, depth)
    } catch (error) {
      if (!(error instanceof BadRecord) || !this.#options.nullOnError || !isConversionReason(error.reason) || !field.nullable) throw error
      this.#at = start
      this.#skip(depth)
      return nullOf(field)
    }
  }

  #typed(field: ScanField, path: string, depth: number): TwinValue {
    const first = this.#peek()
    if (first === 'n') {
      this.#word('null')
      if (!field.nullable) throw new BadRecord(BadReason.NULL_NOT_ALLOWED, path)
      return nullOf(field)
    }
    const open = field.type === TypeCode.ARRAY ? '[' : '{'
    const container = field.type >= TypeCode.ARRAY
    if (container && first === open) {
      if (depth >= DEPTH_MAX) throw new BadRecord(BadReason.TOO_DEEP, '')
      if (field.type === TypeCode.ROW) return this.#object(field, path, depth + 1)
      return field.type === TypeCode.ARRAY ? this.#array(field, path, depth + 1) : this.#map(field, path, depth + 1)
    }
    const start = this.#at
    if (container || first === '{' || first === '[') {
      const text = this.#text(depth)
      if (container || !this.#mode.flink || (field.type !== TypeCode.CHAR && field.type !== TypeCode.VARCHAR))
        throw new BadRecord(BadReason.TYPE_MISMATCH, path)
      return text
    }
    const string = first === '"' ? this.#string() : undefined
    if (string === undefined) this.#skip(depth)
    const text = string ?? Buffer.from(this.#bytes.subarray(start, this.#at)).toString('latin1')
    return this.#convert(field, path, text, string !== undefined ? 'string' : 'tf'.includes(first) ? 'word' : 'number')
  }

  #convert(field: ScanField, path: string, text: string, kind: TokenKind): TwinValue {
    try {
      return convertTwin(field, text, kind, this.#mode)
    } catch (reason) {
      if (reason === CONVERTS_TO_NULL) return null
      if (typeof reason === 'number') throw new BadRecord(reason, path)
      throw reason
    }
  }

  #array(field: ScanField, path: string, depth: number): TwinValue[] {
    const items: TwinValue[] = []
    this.#sequence(']', () => items.push(this.#value(field.children![0], `${path}.${field.children![0].name}`, depth)))
    return items
  }

  #map(field: ScanField, path: string, depth: number): TwinValue[] {
    const [keyField, value] = field.children!
    const entries = new Map<TwinValue, TwinValue>()
    this.#sequence('}', () => {
      const key = this.#convert(keyField, `${path}.${keyField.name}`, this.#key(), 'string')
      this.#colon()
      const read = this.#value(value, `${path}.${value.name}`, depth)
      // The last one wins, and stands where it stood.
      entries.delete(key)
      entries.set(key, read)
    })
    return [...entries]
  }

  #skip(depth: number): void {
    this.#text(depth)
  }

  #word(word: string): void {
    for (const character of word) {
      if (this.#peek() !== character) throw new BadRecord(BadReason.SYNTAX, '')
      this.#at++
    }
  }

  /** Reads any value; gives it back as compact JSON. */
  #text(depth: number): string {
    const first = this.#peek()
    if (first === '"') return quote(this.#string())
    if (first === '{' || first === '[') {
      if (depth >= DEPTH_MAX) throw new BadRecord(BadReason.TOO_DEEP, '')
      const items: string[] = []
      this.#sequence(first === '{' ? '}' : ']', () => {
        let item = ''
        if (first === '{') {
          item = `${quote(this.#key())}:`
          this.#colon()
        }
        items.push(item + this.#text(depth + 1))
      })
      return first === '{' ? `{${items.join(',')}}` : `[${items.join(',')}]`
    }
    const start = this.#at
    if (first === 't') this.#word('true')
    else if (first === 'f') this.#word('false')
    else if (first === 'n') this.#word('null')
    else {
      const number = /^-?\d*(?:\.\d*)?(?:[eE][+-]?\d*)?/.exec(Buffer.from(this.#bytes.subarray(start)).toString('latin1'))!
      if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(number[0])) throw new BadRecord(BadReason.SYNTAX, '')
      this.#at += number[0].length
    }
    return Buffer.from(this.#bytes.subarray(start, this.#at)).toString('latin1')
  }

  /** Reads the string whose quote is here. */
  #string(): string {
    this.#at++
    let out = ''
    for (;;) {
      const character = this.#peek()
      if (character === '"') {
        this.#at++
        return out
      }
      if (character === '\\') out += this.#escape()
      else if (character === '\n') throw new BadRecord(BadReason.SYNTAX, '')
      else if (character < ' ') {
        if (!this.#mode.flink) throw new BadRecord(BadReason.CONTROL_CHARACTER, '')
        out += character
        this.#at++
      } else if (character < '\x80') {
        out += character
        this.#at++
      } else out += this.#character()
    }
  }

  /** One character of two to four bytes. */
  #character(): string {
    const first = this.#bytes[this.#at]
    const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.#bytes.subarray(this.#at, this.#at + length))
      this.#at += length
      return text
    } catch {
      throw new BadRecord(BadReason.INVALID_UTF8, '')
    }
  }

  #unit(at: number): number {
    const text = Buffer.from(this.#bytes.subarray(at, at + 4)).toString('latin1')
    if (!/^[0-9a-fA-F]{4}$/.test(text)) throw new BadRecord(BadReason.INVALID_ESCAPE, '')
    return Number.parseInt(text, 16)
  }

  #escape(): string {
    const letter = this.#at + 1 < this.#bytes.length ? String.fromCharCode(this.#bytes[this.#at + 1]) : '\n'
    const short = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }[letter]
    if (short !== undefined) {
      this.#at += 2
      return short
    }
    if (letter !== 'u') throw new BadRecord(BadReason.INVALID_ESCAPE, '')
    const unit = this.#unit(this.#at + 2)
    if (unit < 0xd800 || unit > 0xdfff) {
      this.#at += 6
      return String.fromCharCode(unit)
    }
    if (unit > 0xdbff || this.#bytes[this.#at + 6] !== 0x5c || this.#bytes[this.#at + 7] !== 0x75) return this.#loneSurrogate()
    const low = this.#unit(this.#at + 8)
    if (low < 0xdc00 || low > 0xdfff) return this.#loneSurrogate()
    this.#at += 12
    return String.fromCharCode(unit, low)
  }

  #loneSurrogate(): string {
    if (!this.#mode.flink) throw new BadRecord(BadReason.LONE_SURROGATE, '')
    this.#at += 6
    return '?'
  }
}

/** NULL of a field. A flattened ROW has no NULL of its own: its fields are NULL. */
function nullOf(field: ScanField): TwinValue {
  if (!field.flattened) return null
  const row: Row = Object.create(null)
  for (const child of field.children!) row[child.name] = nullOf(child)
  return row
}

function quote(text: string): string {
  return JSON.stringify(text).replace(/\\u([0-9a-f]{4})/g, (_, digits: string) => `\\u${digits.toUpperCase()}`)
}
