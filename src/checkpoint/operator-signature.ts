// What a checkpoint says of an operator as a whole: what kind of operator it is, by what it is keyed, and what its state means beside its types. Plain
// data, made when the job is planned.

import { formatType, type LogicalType } from '../batch/types.ts'

/** One part of a key. */
export interface KeyPart {
  /** Its column; undefined for what a key function returns. */
  readonly name?: string
  /** Undefined: a key function's whose type nobody declared. */
  readonly type?: LogicalType
}

/** What an operator is. */
export interface OperatorSignature {
  /** In words: "process function", "File source". */
  readonly type: string
  /** In order; none: all records have one key. Undefined for operators without keyed state. */
  readonly key?: readonly KeyPart[]
  /** What its state means, by names that a person knows: `{ windows: 'tumbling, 60000 ms' }`. */
  readonly traits?: Readonly<Record<string, string>>
  /** Of a sink: the folder that it writes files into. Its state follows where that is another one. */
  readonly folder?: string
}

/** A key in words: "carrier STRING NOT NULL, day DATE". */
export function formatKeyParts(key: readonly KeyPart[]): string {
  if (key.length === 0) return 'one for all records'
  return key.map(({ name, type }) => [name ?? 'a function', ...(type === undefined ? [] : [formatType(type)])].join(' ')).join(', ')
}
