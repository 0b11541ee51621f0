// Objects: values of structured types, which are rows with the name of a class.

import { isText, type LogicalType, withNullability } from '../../batch/types.ts'
import type { Value } from '../value.ts'
import type { CallSite, FunctionTable, Resolution, SiteOperand } from './scalar-function.ts'

type StructuredType = LogicalType & { readonly kind: 'ROW'; readonly className: string }
type Values = readonly Value[]

/** Whether a text may be the name of a class: Java's identifiers with points between them. */
export function isClassName(name: string): boolean {
  return /^[\p{L}\p{Nl}_$][\p{L}\p{N}_$]*(?:\.[\p{L}\p{Nl}_$][\p{L}\p{N}_$]*)*$/u.test(name)
}

function isStructured(type: LogicalType | undefined): type is StructuredType {
  return type?.kind === 'ROW' && type.className !== undefined
}

/** The text that is written there. */
function writtenText({ type, literal }: SiteOperand): string | undefined {
  return type !== undefined && isText(type) && typeof literal === 'string' ? literal : undefined
}

/** Fields and their types, behind the first operand; undefined: they are no pairs, a name is not written or there twice, or a NULL has no type. */
function fieldsOf({ operands }: CallSite): ReadonlyMap<string, LogicalType> | undefined {
  if (operands.length % 2 !== 1) return undefined
  const fields = new Map<string, LogicalType>()
  for (let index = 1; index < operands.length; index += 2) {
    const name = writtenText(operands[index])
    const { type } = operands[index + 1]
    if (name === undefined || type === undefined || fields.has(name)) return undefined
    fields.set(name, type)
  }
  return fields
}

/** How calls are written: said where they are not. */
export const OBJECT_FORMS: Readonly<Record<string, string | undefined>> = {
  OBJECT_OF:
    "Write OBJECT_OF('com.acme.User', 'name', a, 'age', b): class and fields are texts that are written there, each field once, with a value that has a type.",
  OBJECT_UPDATE: "Write OBJECT_UPDATE(object, 'age', b): fields of the object are texts that are written there, each once, with a value that has a type.",
}

export const OBJECT_FUNCTIONS: FunctionTable = {
  /** An object of a class, by the names and values of its fields. */
  OBJECT_OF: {
    isStrict: false,
    resolve(site): Resolution | undefined {
      const fields = fieldsOf(site)
      const className = fields && writtenText(site.operands[0])
      if (fields === undefined || fields.size === 0 || className === undefined || !isClassName(className)) return undefined
      return { type: { kind: 'ROW', className, fields: [...fields].map(([name, type]) => ({ name, type })), nullable: true } }
    },
    make:
      () =>
      (_class, ...parts) =>
        parts.filter((_, index) => index % 2 === 1),
  },
  /** The same object with other values in some fields, which may be of other types. */
  OBJECT_UPDATE: {
    isStrict: false,
    resolve(site): Resolution | undefined {
      const fields = fieldsOf(site)
      const type = site.operands[0]?.type
      if (fields === undefined || !isStructured(type)) return undefined
      if ([...fields.keys()].some((name) => !type.fields.some((field) => field.name === name))) return undefined
      const updated: LogicalType = { ...type, fields: type.fields.map((field) => ({ ...field, type: fields.get(field.name) ?? field.type })) }
      return { type: withNullability(updated, true) }
    },
    make({ operands, type }) {
      const { fields } = type as StructuredType
      const places = operands.flatMap((operand, index) =>
        index % 2 === 1 && operand.kind === 'literal' ? [fields.findIndex(({ name }) => name === operand.value)] : [],
      )
      return (object, ...parts) => {
        if (object === null) return null
        const updated = [...(object as Values)]
        for (const [index, place] of places.entries()) updated[place] = parts[2 * index + 1]
        return updated
      }
    },
  },
}
