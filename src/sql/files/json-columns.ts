// Which members the objects of a file of JSON lines have, and of which types they are.

import { ConnectorError } from '../../base/errors.ts'
import type { Field, LogicalType } from '../../batch/types.ts'
import type { FileHead } from '../../connector/file/file-head.ts'
import { BIGINT, BOOLEAN, DOUBLE, STRING } from '../functions/scalar-function.ts'
import { kindsOf, TextType, timeKindsOf } from './text-type.ts'

const LINES_MAX = 4096
/** Texts, which stay as they are, and numbers. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/**
 * The members of all objects, in the order in which they come.
 *
 * @param path What errors call the files.
 * @returns undefined if there is no line in any file, as far as they were read.
 * @throws {ConnectorError} `UNKNOWN_SHAPE` if the first line is no object, or a member is now of one kind, now of another.
 */
export function jsonColumns(path: string, heads: readonly FileHead[]): readonly Field[] | undefined {
  const row = new Members(path)
  let isEmpty = true
  for (const line of heads.flatMap(linesOf)) {
    const value = parsed(line)
    if (isObject(value)) row.add(value, '')
    else if (isEmpty)
      throw new ConnectorError('UNKNOWN_SHAPE', `Cannot read "${path}": its first line is no JSON object`, {
        hint: `Each line holds one object; ${remedy(line)}.`,
      })
    // Those who read the file say where it stands.
    else break
    isEmpty = false
  }
  if (isEmpty) return undefined
  if (row.fields.length === 0)
    throw new ConnectorError('UNKNOWN_SHAPE', `Cannot read "${path}": its objects are empty, as far as they were read, and so give no columns`, {
      hint: 'CREATE TABLE names the columns of later ones.',
    })
  return row.fields
}

/** What to do about a line that is no object. */
function remedy(line: string): string {
  if (/^\s*\[/.test(line)) return 'an array is written as lines by jq -c ".[]"'
  return /\}\s*$/.test(line)
    ? 'this one is broken: NaN, comments and single quotes are no JSON'
    : 'objects over several lines are written as one each by jq -c "."'
}

function linesOf({ bytes, isWhole }: FileHead): readonly string[] {
  const lines = new TextDecoder().decode(bytes).split('\n', LINES_MAX + 1)
  return lines.slice(0, isWhole ? LINES_MAX : Math.min(LINES_MAX, lines.length - 1)).filter((line) => line.trim() !== '')
}

/** The value of a line, in which integers stay integers and others do not become such: `1.0` is none. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line.replaceAll(TOKEN, (token) => (token.startsWith('"') ? token : kindsOf(token).includes('BIGINT') ? '1' : '0.5')))
  } catch {
    return undefined
  }
}

type Kind = 'boolean' | 'number' | 'text' | 'object' | 'array'
type JsonObject = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The members of objects in one place. */
class Members {
  readonly #path: string
  readonly #members = new Map<string, Seen>()

  constructor(path: string) {
    this.#path = path
  }

  /** @param prefix In front of their names. */
  add(object: JsonObject, prefix: string): void {
    for (const [name, value] of Object.entries(object)) {
      let seen = this.#members.get(name)
      if (seen === undefined) this.#members.set(name, (seen = new Seen(this.#path)))
      seen.add(value, prefix + name)
    }
  }

  get fields(): readonly Field[] {
    return [...this.#members].map(([name, { type }]) => ({ name, type }))
  }
}

/** The values that were seen in one place. */
class Seen {
  readonly #path: string
  #kind: Kind | undefined
  #isInteger = true
  readonly #text = new TextType(timeKindsOf)
  readonly #members: Members
  #element: Seen | undefined

  constructor(path: string) {
    this.#path = path
    this.#members = new Members(path)
  }

  /** @param member What errors call the place. */
  add(value: unknown, member: string): void {
    if (value === null) return
    const kind = kindOf(value)
    this.#kind ??= kind
    if (kind !== this.#kind)
      throw new ConnectorError('UNKNOWN_SHAPE', `Cannot read "${this.#path}": its member "${member}" is of several kinds, ${this.#kind} and ${kind}`, {
        hint: 'Write CREATE TABLE with a column of type STRING for it.',
      })
    if (typeof value === 'number') this.#isInteger &&= Number.isInteger(value)
    else if (typeof value === 'string') this.#text.add(value)
    else if (isObject(value)) this.#members.add(value, `${member}.`)
    else if (Array.isArray(value)) {
      this.#element ??= new Seen(this.#path)
      for (const element of value) this.#element.add(element, member)
    }
  }

  get type(): LogicalType {
    switch (this.#kind) {
      case 'boolean':
        return BOOLEAN
      case 'number':
        return this.#isInteger ? BIGINT : DOUBLE
      case 'object': {
        const { fields } = this.#members
        // A ROW has one field at least.
        return fields.length === 0 ? { kind: 'MAP', key: STRING, value: STRING, nullable: true } : { kind: 'ROW', fields, nullable: true }
      }
      case 'array':
        return { kind: 'ARRAY', element: this.#element?.type ?? STRING, nullable: true }
      default:
        return this.#text.type
    }
  }
}

function kindOf(value: unknown): Kind {
  if (Array.isArray(value)) return 'array'
  const kind = typeof value
  return kind === 'string' ? 'text' : kind === 'boolean' || kind === 'number' ? kind : 'object'
}
