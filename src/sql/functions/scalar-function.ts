// The contract of a scalar function, and the ways in which most find the types of their calls. Each family of functions is a table in a file of its own.

import { LENGTH_MAX, type LogicalType, withNullability } from '../../batch/types.ts'
import type { BoundCall, LiteralValue } from '../bound-expression.ts'
import type { Value } from '../value.ts'

/** What calls compute with beside their operands: what the session says. */
export interface EvaluationContext {
  /** `table.local-time-zone`: an IANA name or an offset. */
  readonly timeZone: string
  /** Epoch ms: of the record in a stream, of the query's start in batch. */
  nowMs(): number
  /** The event time of the operator, in epoch ms; -Infinity before the first watermark. */
  watermarkMs(): number
  readonly currentCatalog: string
  readonly currentDatabase: string
}

/** A call whose type is wanted. */
export interface CallSite {
  readonly operands: readonly SiteOperand[]
  /** The words behind the operands: `NULL ON EMPTY`, `RETURNING INT`. */
  readonly clauses: readonly { readonly words: string; readonly type: LogicalType | undefined }[]
}

export interface SiteOperand {
  /** Undefined: NULL, which has no type of its own. */
  readonly type: LogicalType | undefined
  /** What is written there, if it is a literal. Words of a function's grammar (`YEAR`, `BOTH`) are texts. */
  readonly literal: LiteralValue | undefined
}

/** The type of a call. */
export interface Resolution {
  readonly type: LogicalType
  /** To which the operands are cast; undefined: they stay as they are, where a NULL has the type of the first other one. */
  readonly operandTypes?: readonly LogicalType[]
}

/** A call that is compiled: takes the values of the operands, by place. */
export type ScalarCode = (...operands: Value[]) => Value

/** A function. */
export interface ScalarFunction {
  /** Undefined: it does not take such operands. */
  resolve(site: CallSite): Resolution | undefined
  /** Makes what computes a call; undefined: not these types yet. With strict functions no operand of it is null. @throws {CastError} from the code: for values that end the job */
  make(call: BoundCall, context: EvaluationContext): ScalarCode | undefined
  /** Whether the result is NULL if an operand is. @default true */
  readonly isStrict?: boolean
  /** Whether equal operands give equal results, so that a call of constants is one. @default true */
  readonly isDeterministic?: boolean
}

/** By upper-case name. */
export type FunctionTable = Readonly<Record<string, ScalarFunction>>

/** The type of a call by the types of its operands. Undefined: it does not take them. */
export type TypeRule = (operands: readonly LogicalType[]) => LogicalType | undefined

export const STRING: LogicalType = { kind: 'VARCHAR', length: LENGTH_MAX, nullable: true }
export const INT: LogicalType = { kind: 'INT', nullable: true }
export const BIGINT: LogicalType = { kind: 'BIGINT', safeInteger: false, nullable: true }
export const DOUBLE: LogicalType = { kind: 'DOUBLE', nullable: true }
export const BOOLEAN: LogicalType = { kind: 'BOOLEAN', nullable: true }

/** NULL if an operand is. */
export function strictType(rule: TypeRule): TypeRule {
  return (operands) => {
    const type = rule(operands)
    return (
      type &&
      withNullability(
        type,
        operands.some(({ nullable }) => nullable),
      )
    )
  }
}

/** Never NULL. */
export function requiredType(rule: TypeRule): TypeRule {
  return (operands) => {
    const type = rule(operands)
    return type && withNullability(type, false)
  }
}

/** May be NULL whatever the operands are. */
export function nullableType(rule: TypeRule): TypeRule {
  return (operands) => {
    const type = rule(operands)
    return type && withNullability(type, true)
  }
}

/** A function whose result has the type of its first operand. */
export function sameType(takes: (type: LogicalType) => boolean): TypeRule {
  return ([operand]) => (takes(operand) ? operand : undefined)
}

/** A function with one result type for all that it takes. */
export function alwaysType(result: LogicalType, takes: (type: LogicalType) => boolean): TypeRule {
  return (operands) => (operands.every(takes) ? result : undefined)
}

/** How many operands a function takes. */
export interface Arity {
  readonly least: number
  readonly most: number
}

/**
 * Finds the type by a rule over the operands as they are. A NULL has the type of the first other operand, or `nullType` if there is none.
 *
 * @param casts Whether the operands are cast to the type of the result, nullability apart.
 */
export function byRule(rule: TypeRule, { least, most }: Arity, nullType: LogicalType, casts = false): ScalarFunction['resolve'] {
  return ({ operands }) => {
    if (operands.length < least || operands.length > most) return undefined
    const first = operands.find(({ type }) => type !== undefined)?.type ?? nullType
    const types = operands.map(({ type }) => type ?? withNullability(first, true))
    const type = rule(types)
    return type && { type, operandTypes: casts ? types.map(({ nullable }) => withNullability(type, nullable)) : types }
  }
}

/** One parameter of {@link bySignature}: what it takes, and to which type that is cast. */
export interface Parameter {
  readonly takes: (type: LogicalType) => boolean
  readonly to: (type: LogicalType) => LogicalType
  /** The type of a NULL. */
  readonly type: LogicalType
}

/**
 * Finds the type of a call by its parameters. @param parameters Those behind the required ones may be left out. @param repeats Whether there may be more
 * like the last one.
 */
export function bySignature(
  parameters: readonly Parameter[],
  result: LogicalType | ((operands: readonly LogicalType[]) => LogicalType),
  nullability: 'strict' | 'nullable' | 'required' = 'strict',
  required = parameters.length,
  repeats = false,
): ScalarFunction['resolve'] {
  return ({ operands }) => {
    if (operands.length < required || (!repeats && operands.length > parameters.length)) return undefined
    const operandTypes: LogicalType[] = []
    for (const [index, { type }] of operands.entries()) {
      const parameter = parameters[Math.min(index, parameters.length - 1)]
      if (type !== undefined && !parameter.takes(type)) return undefined
      operandTypes.push(type === undefined ? withNullability(parameter.type, true) : withNullability(parameter.to(type), type.nullable))
    }
    const type = typeof result === 'function' ? result(operandTypes) : result
    const isNullable = nullability === 'nullable' || (nullability === 'strict' && operandTypes.some(({ nullable }) => nullable))
    return { type: withNullability(type, isNullable), operandTypes }
  }
}

/** As `resolve`, but it does not take a NULL that has no type: as Flink's older functions do not. */
export function withoutNull(resolve: ScalarFunction['resolve']): ScalarFunction['resolve'] {
  return (site) => (site.operands.some(({ type }) => type === undefined) ? undefined : resolve(site))
}
