// The keys of a batch's rows, whatever the key is made of. Used by the thread that owns the slab.

import type { Slab } from '../base/slab.ts'
import { TypeCode } from '../kernels/column-layout.ts'
import { type KeyBatch, KeyEncoder, type KeyKernels, keyFormOf } from '../kernels/keys.ts'
import type { KeyForm } from '../kernels/table-layout.ts'
import type { KeySpec } from './key-spec.ts'
import type { RecordBatch } from './record-batch.ts'
import { physicalKindOf, type Schema } from './types.ts'

/** Encodes the keys of batches of one schema. */
export class BatchKeys {
  readonly form: KeyForm
  readonly #columns: readonly number[]
  readonly #canonical: boolean
  readonly #encoder: KeyEncoder
  readonly #descriptors: number[]

  constructor(slab: Slab, kernels: KeyKernels, schema: Schema, key: KeySpec) {
    this.#canonical = key.kind === 'encoded'
    this.#columns = key.kind === 'encoded' ? [key.column] : key.columns
    this.form = keyFormOf(this.#columns.map((column) => keyKind(schema, column)))
    this.#encoder = new KeyEncoder(slab, kernels, this.form, this.#columns.length)
    this.#descriptors = this.#columns.map(() => 0)
  }

  /** The keys of the rows at logical positions `begin..begin + n - 1` of `selection` (0 = dense). Valid until the next call. */
  encode(batch: RecordBatch, selection: number, begin: number, n: number): KeyBatch {
    if (this.#canonical) return this.#encoder.encodeCanonicalColumn(batch.columns[this.#columns[0]].descriptor, selection, begin, n)
    const descriptors = this.#descriptors
    for (let index = 0; index < descriptors.length; index++) descriptors[index] = batch.columns[this.#columns[index]].descriptor
    return this.#encoder.encode(descriptors, selection, begin, n)
  }

  free(): void {
    this.#encoder.free()
  }
}

/** A column as the choice of the key's form sees it. The hidden column of canonical key bytes has no type of its own in the user's schema. */
function keyKind(schema: Schema, column: number): { readonly kind: ReturnType<typeof physicalKindOf>; readonly typeCode: number } {
  const type = schema.fields[column]?.type ?? { kind: 'VARBINARY', nullable: false, length: 0 }
  return { kind: physicalKindOf(type), typeCode: TypeCode[type.kind] }
}
