// A schema in the words of the scan kernels.

import { childTypesOf, LENGTH_MAX, typeWordOf, type Field, type Schema } from '../batch/types.ts'
import type { ScanField } from '../kernels/json-scan.ts'

/** The fields of a schema, nested ones included, as the scanners take them. */
export function scanFieldsOf(schema: Schema): readonly ScanField[] {
  return schema.fields.map(scanFieldOf)
}

function scanFieldOf({ name, type }: Field): ScanField {
  const word = typeWordOf(type)
  const children = childTypesOf(type)
  return {
    name,
    type: word & 0xff,
    precision: (word >>> 8) & 0xff,
    scale: (word >>> 16) & 0xff,
    ...('length' in type && type.length < LENGTH_MAX && { length: type.length }),
    nullable: type.nullable,
    safeInteger: type.kind === 'BIGINT' && type.safeInteger,
    ...(children.length > 0 && { children: children.map(scanFieldOf) }),
  }
}
