// What operators compute. Their types come from the binder (type-rules.ts).

import { childTypesOf, Decimal, type LogicalType } from '../../batch/types.ts'
import { type BoundCall, type BoundExpression, textOf } from '../bound-expression.ts'
import { toDecimal, wrapInteger } from '../casts.ts'
import { equalityInside, equalityOf, mapOf, rowEquality, valueAt } from '../collection-values.ts'
import { decimalArithmetic } from '../decimal-arithmetic.ts'
import { likePattern } from '../like.ts'
import { intervalArithmetic } from '../time-arithmetic.ts'
import { compareValues, isSame, type Value } from '../value.ts'
import type { ScalarCode, ScalarFunction } from './scalar-function.ts'
import { variantItem } from './variants.ts'

type Operator = Pick<ScalarFunction, 'make' | 'isStrict'>

/** By name. AND and OR are the interpreter's, since they need not look at both operands. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  '+': { make: arithmetic },
  '-': { make: arithmetic },
  '*': { make: arithmetic },
  '/': { make: arithmetic },
  '%': { make: arithmetic },
  'PREFIX +': { make: () => (value) => value },
  'PREFIX -': {
    make:
      ({ type }) =>
      (value) =>
        negated(value, type),
  },
  '||': { make: ({ type }) => (type.kind === 'CHAR' || type.kind === 'VARCHAR' ? (left, right) => (left as string) + (right as string) : undefined) },
  '=': comparison((order) => order === 0),
  '<>': comparison((order) => order !== 0),
  '<': comparison((order) => order < 0),
  '<=': comparison((order) => order <= 0),
  '>': comparison((order) => order > 0),
  '>=': comparison((order) => order >= 0),
  'IS DISTINCT FROM': { isStrict: false, make: (call) => distinction(call, true) },
  'IS NOT DISTINCT FROM': { isStrict: false, make: (call) => distinction(call, false) },
  LIKE: { make: like },
  ROW: list(),
  ARRAY: list(),
  MAP: {
    isStrict: false,
    make:
      () =>
      (...values) =>
        mapOf(values.flatMap((value, index) => (index % 2 === 0 ? [[value, values[index + 1]]] : []))),
  },
  ITEM: {
    make: ({ operands: [of, at] }) =>
      of.type.kind === 'VARIANT'
        ? variantItem(at.type)
        : of.type.kind === 'ARRAY'
          ? (array, index) => (array as readonly Value[])[Number(index) - 1] ?? null
          : valueAt,
  },
  FIELD: { make: () => (row, index) => (row as readonly Value[])[index as number] },
}

function list(): Operator {
  return {
    isStrict: false,
    make:
      () =>
      (...values) =>
        values,
  }
}

/** Most patterns are constants, and are read once. */
function like({ operands }: BoundCall): ScalarCode {
  let last: { readonly pattern: Value; readonly escape: Value | undefined; readonly matches: (text: string) => boolean } | undefined
  return (text, pattern, escape) => {
    if (last === undefined || last.pattern !== pattern || last.escape !== escape)
      last = { pattern, escape, matches: likePattern(pattern as string, operands.length > 2 ? (escape as string) : undefined) }
    return last.matches(text as string)
  }
}

function comparison(holds: (order: number) => boolean): Operator {
  return {
    make: ({ operands: [left, right] }) => {
      // Flink takes what says the same for equal, NaN too.
      if (isSameText(left, right) && !isRow(left)) return () => holds(0)
      const { type } = left
      if (childTypesOf(type).length > 0) return collectionComparison(left, right, holds)
      // NaN is equal to nothing, and neither less nor greater.
      return (left, right) => (Number.isNaN(left) || Number.isNaN(right) ? holds(Number.NaN) : holds(compareValues(left, right)))
    },
  }
}

/** NULL is not distinct from NULL; NaN is from NaN, but for what says the same. */
function distinction({ operands: [left, right] }: BoundCall, isDistinct: boolean): ScalarCode {
  if (isSameText(left, right)) return () => !isDistinct
  // Rows that are written beside each other are distinct where all of their fields are.
  if (isDistinct && isRow(left) && isRow(right))
    return (one, other) => (one as readonly Value[]).every((field, index) => !isSame(field, (other as readonly Value[])[index]))
  if (childTypesOf(left.type).length > 0) {
    const isEqual = equalityInside(left.type)
    return (one, other) => isEqual(one, other) !== isDistinct
  }
  return (one, other) => (isSame(one, other) && !Number.isNaN(one)) !== isDistinct
}

function isSameText(left: BoundExpression, right: BoundExpression): boolean {
  return left.kind !== 'literal' && textOf(left) === textOf(right)
}

/** Collections are equal or not, and have no order. Only rows written beside each other may be neither, for their NULLs. */
function collectionComparison(left: BoundExpression, right: BoundExpression, holds: (order: number) => boolean): ScalarCode {
  if (left.type.kind === 'ROW' && isRow(left) && isRow(right) && holds(0) && !holds(1)) return rowEquality(left.type)
  const isEqual = equalityOf(left.type)
  return (one, other) => holds(isEqual(one, other) ? 0 : 1)
}

function isRow(expression: BoundExpression): boolean {
  if (expression.kind === 'cast') return expression.isImplicit && isRow(expression.operand)
  return expression.kind === 'call' && expression.name === 'ROW'
}

function arithmetic({ name, type, operands: [left, right] }: BoundCall): ScalarCode | undefined {
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT': {
      if ([left, right].some((operand) => operand.type.kind === 'DECIMAL')) {
        const shape = { precision: 38, scale: 0 }
        return (one, other) => {
          const result = decimalArithmetic(name, toDecimal(one), toDecimal(other), shape)
          return result && wrapInteger(result.unscaled, type.kind)
        }
      }
      return (one, other) => wrapInteger(integerArithmetic(name, BigInt(one as number), BigInt(other as number)), type.kind)
    }
    case 'FLOAT':
    case 'DOUBLE': {
      const round = type.kind === 'FLOAT' ? Math.fround : Number
      return (one, other) => round(doubleArithmetic(name, numberOf(one), numberOf(other)))
    }
    case 'DECIMAL':
      return (one, other) => decimalArithmetic(name, toDecimal(one), toDecimal(other), type)
    default:
      return intervalArithmetic(name, left.type, right.type)
  }
}

function numberOf(value: Value): number {
  return value instanceof Decimal ? value.toNumber() : Number(value)
}

function integerArithmetic(operator: string, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    default:
      if (right === 0n) throw new RangeError('Division by zero')
      return operator === '/' ? left / right : left % right
  }
}

function doubleArithmetic(operator: string, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    default:
      return operator === '/' ? left / right : left % right
  }
}

/** The value with the other sign; the least integer stays what it is. */
export function negated(value: Value, type: LogicalType): Value {
  if (value instanceof Decimal) return new Decimal(-value.unscaled, value.scale)
  if (typeof value === 'bigint') return wrapInteger(-value, 'BIGINT')
  if (type.kind === 'TINYINT' || type.kind === 'SMALLINT' || type.kind === 'INT') return wrapInteger(-BigInt(value as number), type.kind)
  return -(value as number)
}
