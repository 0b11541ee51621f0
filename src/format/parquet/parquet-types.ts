// How Parquet's types become ours: the schema of a file, and which declared types a file column may be read as. Pure; any thread.

import type { SchemaElement } from 'hyparquet'
import { PlanError } from '../../base/errors.ts'
import { DECIMAL_PRECISION_MAX, formatType, isText, LENGTH_MAX, type Field, type LogicalType } from '../../batch/types.ts'

/** One node of a file's schema. */
export interface ParquetNode {
  readonly element: SchemaElement
  readonly children: readonly ParquetNode[]
  /** Names from the top-level column down. */
  readonly path: readonly string[]
  /** Definition level at which a value of this node is present. */
  readonly definitionLevel: number
  /** Number of repeated nodes from the root down to this one. */
  readonly repetitionLevel: number
}

/** What the values of a leaf mean, whichever of Parquet's three generations of annotations says so. */
export type LeafMeaning =
  | { readonly kind: 'boolean' | 'float' | 'double' | 'float16' | 'date' | 'text' | 'bytes' }
  | { readonly kind: 'integer'; readonly bits: number; readonly signed: boolean }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'time'; readonly unitNanos: number }
  | { readonly kind: 'timestamp'; readonly unitNanos: number; readonly utc: boolean }

const UNIT_NANOS = { MILLIS: 1e6, MICROS: 1e3, NANOS: 1 }

/** The tree behind the flat list of a footer. */
export function schemaTree(elements: readonly SchemaElement[]): ParquetNode {
  let next = 0
  const build = (path: readonly string[], definition: number, repetition: number): ParquetNode => {
    const element = elements[next++]
    if (element === undefined) throw new RangeError('the schema names more columns than it has')
    const isRoot = next === 1
    const ownPath = isRoot ? [] : [...path, element.name]
    const definitionLevel = definition + (isRoot || element.repetition_type === 'REQUIRED' ? 0 : 1)
    const repetitionLevel = repetition + (!isRoot && element.repetition_type === 'REPEATED' ? 1 : 0)
    const children: ParquetNode[] = []
    for (let index = 0; index < (element.num_children ?? 0); index++) children.push(build(ownPath, definitionLevel, repetitionLevel))
    return { element, children, path: ownPath, definitionLevel, repetitionLevel }
  }
  return build([], 0, 0)
}

/** Whether a column is a plain list of values and NULLs. */
export function isFlat(node: ParquetNode): boolean {
  return node.children.length === 0 && node.element.type !== undefined && node.element.repetition_type !== 'REPEATED'
}

export function meaningOf(element: SchemaElement): LeafMeaning {
  const { type, converted_type: converted, logical_type: logical } = element
  if (logical?.type === 'DECIMAL' || converted === 'DECIMAL') {
    const { precision = element.precision ?? 0, scale = element.scale ?? 0 } = logical?.type === 'DECIMAL' ? logical : {}
    return { kind: 'decimal', precision, scale }
  }
  switch (type) {
    case 'BOOLEAN':
      return { kind: 'boolean' }
    case 'FLOAT':
      return { kind: 'float' }
    case 'DOUBLE':
      return { kind: 'double' }
    case 'INT96':
      return { kind: 'timestamp', unitNanos: 1, utc: true }
    case 'INT32':
    case 'INT64': {
      if (logical?.type === 'TIMESTAMP') return { kind: 'timestamp', unitNanos: UNIT_NANOS[logical.unit], utc: logical.isAdjustedToUTC }
      if (logical?.type === 'TIME') return { kind: 'time', unitNanos: UNIT_NANOS[logical.unit] }
      if (logical?.type === 'DATE' || converted === 'DATE') return { kind: 'date' }
      if (logical?.type === 'INTEGER') return { kind: 'integer', bits: logical.bitWidth, signed: logical.isSigned }
      if (converted === 'TIMESTAMP_MILLIS' || converted === 'TIMESTAMP_MICROS')
        return { kind: 'timestamp', unitNanos: converted === 'TIMESTAMP_MILLIS' ? 1e6 : 1e3, utc: true }
      if (converted === 'TIME_MILLIS' || converted === 'TIME_MICROS') return { kind: 'time', unitNanos: converted === 'TIME_MILLIS' ? 1e6 : 1e3 }
      const sized = /^(U?)INT_(\d+)$/.exec(converted ?? '')
      if (sized !== null) return { kind: 'integer', bits: Number(sized[2]), signed: sized[1] === '' }
      return { kind: 'integer', bits: type === 'INT32' ? 32 : 64, signed: true }
    }
    default:
      if (logical?.type === 'FLOAT16') return { kind: 'float16' }
      if (logical?.type === 'STRING' || logical?.type === 'ENUM' || logical?.type === 'JSON') return { kind: 'text' }
      if (converted === 'UTF8' || converted === 'ENUM' || converted === 'JSON') return { kind: 'text' }
      return { kind: 'bytes' }
  }
}

/** The type that fits a node without loss. */
export function naturalType(node: ParquetNode): LogicalType {
  const { element, children } = node
  if (element.repetition_type === 'REPEATED') return { kind: 'ARRAY', nullable: false, element: presentType(node, false) }
  const nullable = element.repetition_type !== 'REQUIRED'
  if (isList(node)) return { kind: 'ARRAY', nullable, element: listElement(node).type }
  if (isMap(node)) {
    const [key, value] = children[0].children
    return { kind: 'MAP', nullable, key: naturalType(key), value: naturalType(value) }
  }
  return presentType(node, nullable)
}

function presentType(node: ParquetNode, nullable: boolean): LogicalType {
  if (node.children.length > 0)
    return { kind: 'ROW', nullable, fields: node.children.map((child): Field => ({ name: child.element.name, type: naturalType(child) })) }
  const meaning = meaningOf(node.element)
  switch (meaning.kind) {
    case 'boolean':
      return { kind: 'BOOLEAN', nullable }
    case 'float':
    case 'float16':
      return { kind: 'FLOAT', nullable }
    case 'double':
      return { kind: 'DOUBLE', nullable }
    case 'date':
      return { kind: 'DATE', nullable }
    case 'time':
      return { kind: 'TIME', nullable, precision: 3 }
    case 'timestamp':
      return { kind: meaning.utc ? 'TIMESTAMP_LTZ' : 'TIMESTAMP', nullable, precision: 9 - Math.log10(meaning.unitNanos) }
    case 'decimal':
      if (meaning.precision < 1 || meaning.precision > DECIMAL_PRECISION_MAX || meaning.scale < 0 || meaning.scale > meaning.precision)
        throw new PlanError('UNSUPPORTED_TYPE', `Cannot read column "${node.path.join('.')}": DECIMAL(${meaning.precision}, ${meaning.scale}) is not supported`)
      return { kind: 'DECIMAL', nullable, precision: meaning.precision, scale: meaning.scale }
    case 'integer': {
      const bits = meaning.signed ? meaning.bits : meaning.bits * 2
      if (bits > 64) return { kind: 'DECIMAL', nullable, precision: 20, scale: 0 }
      if (bits > 32) return { kind: 'BIGINT', nullable, safeInteger: false }
      return { kind: bits > 16 ? 'INT' : bits > 8 ? 'SMALLINT' : 'TINYINT', nullable }
    }
    case 'text':
      return { kind: 'VARCHAR', nullable, length: LENGTH_MAX }
    case 'bytes':
      return node.element.type === 'FIXED_LEN_BYTE_ARRAY'
        ? { kind: 'BINARY', nullable, length: node.element.type_length ?? 1 }
        : { kind: 'VARBINARY', nullable, length: LENGTH_MAX }
  }
}

/** Whether a node is a list in the standard's form: a group around one repeated node. */
export function isList(node: ParquetNode): boolean {
  const { converted_type: converted, logical_type: logical } = node.element
  return (converted === 'LIST' || logical?.type === 'LIST') && node.children.length === 1 && node.children[0].element.repetition_type === 'REPEATED'
}

/** Whether a node is a map: a group around repeated pairs. */
export function isMap(node: ParquetNode): boolean {
  const { converted_type: converted, logical_type: logical } = node.element
  const isAnnotated = converted === 'MAP' || converted === 'MAP_KEY_VALUE' || logical?.type === 'MAP'
  return isAnnotated && node.children.length === 1 && node.children[0].children.length === 2 && node.children[0].element.repetition_type === 'REPEATED'
}

/** The element of a list: the only child of the repeated node (three levels), or the repeated node itself (two levels, old writers). */
export function listElement(node: ParquetNode): { readonly node: ParquetNode; readonly type: LogicalType; readonly isWrapped: boolean } {
  const repeated = node.children[0]
  const { name } = repeated.element
  const isWrapped = repeated.children.length === 1 && name !== 'array' && name !== `${node.element.name}_tuple`
  return isWrapped
    ? { node: repeated.children[0], type: naturalType(repeated.children[0]), isWrapped }
    : { node: repeated, type: presentType(repeated, false), isWrapped }
}

/** Why a leaf cannot be read as `type`; undefined if it can (values may still prove too large and make bad records). */
export function mismatch(element: SchemaElement, type: LogicalType): string | undefined {
  const meaning = meaningOf(element)
  const fits = ((): boolean => {
    switch (meaning.kind) {
      case 'boolean':
        return type.kind === 'BOOLEAN'
      case 'float':
      case 'float16':
        return type.kind === 'FLOAT' || type.kind === 'DOUBLE'
      case 'double':
        return type.kind === 'DOUBLE'
      case 'integer':
        return ['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'DECIMAL', 'DOUBLE'].includes(type.kind)
      case 'decimal':
        return type.kind === 'DECIMAL'
      case 'date':
        return type.kind === 'DATE'
      case 'time':
        return type.kind === 'TIME'
      case 'timestamp':
        return type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ'
      case 'text':
      case 'bytes':
        return isText(type) || type.kind === 'BINARY' || type.kind === 'VARBINARY'
    }
  })()
  if (fits) return undefined
  const shown = 'bits' in meaning ? `${meaning.signed ? '' : 'unsigned '}integer of ${meaning.bits} bits` : meaning.kind
  return `the file has ${shown} values, which cannot be read as ${formatType(type)}`
}
