// Functions of no family: formats, what a type is called, what the session is.

import { randomUUID } from 'node:crypto'
import { type Decimal, isText, type LogicalType } from '../../batch/types.ts'
import { splitTimestamp, timestampText } from '../times.ts'
import type { Value } from '../value.ts'
import { hashOfValue } from './hash-codes.ts'
import { type FormatArgument, javaFormat } from './java-format.ts'
import { bySignature, type FunctionTable, INT, type ScalarFunction, STRING } from './scalar-function.ts'
import { TEXT, withoutBareNull } from './texts.ts'
import { shownTypeText } from '../type-text.ts'

/** The type of a NULL that has none, where that matters. */
const NULL_TYPE: LogicalType = { kind: 'OBJECT', nullable: true }

/** The type of a value, in words; whole ones if the second operand says so. */
const TYPEOF: ScalarFunction = {
  resolve({ operands: [operand, isWhole, ...rest] }) {
    if (operand === undefined || rest.length > 0 || (isWhole !== undefined && typeof isWhole.literal !== 'boolean')) return undefined
    const flag = isWhole === undefined ? [] : [{ kind: 'BOOLEAN', nullable: false } as const]
    return { type: STRING, operandTypes: [operand.type ?? NULL_TYPE, ...flag] }
  },
  isStrict: false,
  make: ({ operands: [{ type }, isWhole] }) => {
    const text = type.kind === 'OBJECT' ? 'NULL' : shownTypeText(type, isWhole?.kind === 'literal' && isWhole.value === true)
    return () => text
  },
}

// ---- PRINTF ----

/** How Java calls what a value is there; undefined: what it prints of such values is not theirs. */
function argumentOf(type: LogicalType): ((value: Value) => FormatArgument) | undefined {
  switch (type.kind) {
    case 'BOOLEAN':
      return (value) => ({ kind: 'truth', value: value as boolean })
    case 'TINYINT':
    case 'SMALLINT':
      return (value) => ({ kind: 'whole', value: BigInt(value as number), bits: type.kind === 'TINYINT' ? 8 : 16 })
    case 'INT':
    case 'DATE':
    case 'TIME':
    case 'INTERVAL_YEAR_MONTH':
      return (value) => ({ kind: 'whole', value: BigInt(value as number), bits: 32 })
    case 'BIGINT':
    case 'INTERVAL_DAY_TIME':
      return (value) => ({ kind: 'whole', value: BigInt(value as number | bigint), bits: 64 })
    case 'FLOAT':
    case 'DOUBLE':
      return (value) => ({ kind: 'approximate', value: value as number, round: type.kind === 'FLOAT' ? Math.fround : Number })
    case 'DECIMAL':
      return (value) => ({ kind: 'text', value: (value as Decimal).toString() })
    case 'CHAR':
    case 'VARCHAR':
      return (value) => ({ kind: 'text', value: value as string })
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return (value) => ({ kind: 'text', value: isoText(value as number | bigint) })
    case 'OBJECT':
      return () => null
    default:
      return undefined
  }
}

/** As Java prints it: seconds only if they are not zero, of a fraction three, six or nine digits. */
function isoText(value: number | bigint): string {
  const { ms, nanos } = splitTimestamp(value)
  const [whole] = timestampText(ms).split('.')
  const fraction = String((((ms % 1000) + 1000) % 1000) * 1_000_000 + nanos).padStart(9, '0')
  const minutes = whole.replace(' ', 'T').slice(0, -3)
  const seconds = whole.slice(-3)
  if (fraction === '000000000') return seconds === ':00' ? minutes : minutes + seconds
  return `${minutes}${seconds}.${fraction.replace(/(?:000){1,2}$/, '')}`
}

const PRINTF: ScalarFunction = {
  resolve({ operands: [format, ...rest] }) {
    if (format === undefined || (format.type !== undefined && !isText(format.type))) return undefined
    return { type: STRING, operandTypes: [format.type ?? STRING, ...rest.map(({ type }) => type ?? NULL_TYPE)] }
  },
  isStrict: false,
  make: ({ operands: [, ...operands] }) => {
    const makers = operands.map(({ type }) => argumentOf(type))
    if (!makers.every((maker) => maker !== undefined)) return undefined
    return (format, ...values) =>
      format === null
        ? null
        : (javaFormat(
            format as string,
            values.map((value, index) => (value === null ? null : makers[index](value))),
          ) ?? null)
  },
}

// ---- others ----

export const MISCELLANEOUS_FUNCTIONS: FunctionTable = {
  TYPEOF,
  PRINTF,
  // Planning asks for it of other values too.
  HASH_CODE: { resolve: withoutBareNull(bySignature([TEXT], INT)), make: () => hashOfValue },
  UUID: { resolve: bySignature([], { kind: 'CHAR', length: 36, nullable: false }), isDeterministic: false, make: () => () => randomUUID() },
  CURRENT_DATABASE: {
    resolve: bySignature([], STRING),
    make:
      (_, { currentDatabase }) =>
      () =>
        currentDatabase,
  },
}
