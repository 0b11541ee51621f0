// Calls of functions that users write: which signature takes the arguments, and what computes the call. What goes wrong in one is told with the
// function, the values that it was given, and where the call stands.

import { UserFunctionError } from '../base/errors.ts'
import { formatType, type LogicalType, sameType, withNullability } from '../batch/types.ts'
import { refusePromise } from '../operator/function.ts'
import type { BoundCall } from './bound-expression.ts'
import type { Resolution, ScalarCode, SiteOperand } from './functions/scalar-function.ts'
import { canAssign } from './implicit-casts.ts'
import type { SqlPosition } from './sql-error.ts'
import { argumentsText, type FunctionSignature, rowTypeOf, type UserFunctionDefinition } from './user-functions.ts'
import { type FromUser, fromUserOf, RefusedValue, shownValue, toUserOf } from './user-values.ts'
import type { Value } from './value.ts'

/** A function that calls find by its name. */
export interface NamedFunction {
  /** As plans and errors show it. */
  readonly name: string
  readonly definition: UserFunctionDefinition
  /** Where the catalog has it: with the catalog and database, or without for one of the system. */
  readonly path: readonly string[]
}

/** Shows a value to a function. @throws {RefusedValue} for a NULL that it does not take */
export type ArgumentReader = (value: Value) => never

/** A call of a function that a user has written. Part of bound expressions; the same for the same function as text: `toJSON`. */
export class UserCall {
  readonly name: string
  readonly kind: UserFunctionDefinition['kind']
  readonly isDeterministic: boolean
  /** NULL is theirs. */
  readonly isStrict = false
  readonly signature: FunctionSignature
  /** See {@link NamedFunction.path}. */
  readonly path: readonly string[]
  readonly #position: SqlPosition | undefined

  /** @param position Where the call stands; undefined: in no text. */
  constructor({ name, definition, path }: NamedFunction, signature: FunctionSignature, position: SqlPosition | undefined) {
    this.name = name
    this.kind = definition.kind
    this.isDeterministic = definition.deterministic
    this.signature = signature
    this.path = path
    this.#position = position
  }

  /** What tells one function from another in texts of plans, and so whose state is whose. */
  toJSON(): string {
    const { accumulator, returns } = this.signature
    return `${this.kind} ${this.name}${argumentsText(this.signature)} ${formatType(returns)}${accumulator === undefined ? '' : ` of ${formatType(accumulator)}`}`
  }

  /** What computes the call: of a table function an array of its rows. */
  make({ operands }: Pick<BoundCall, 'operands'>): ScalarCode {
    const readers = this.readersOf(operands.length)
    return this.kind === 'table' ? this.#tableCode(readers) : this.#scalarCode(readers)
  }

  #scalarCode(readers: readonly ArgumentReader[]): ScalarCode {
    const { code, returns } = this.signature
    const take = this.takerOf(returns)
    const fail = (error: unknown, values: readonly Value[]): never => {
      throw this.failure('eval', error, values)
    }
    const [first, second] = readers
    // Of few arguments no array is made.
    if (readers.length === 1)
      return (value) => {
        try {
          return take(code.eval!(first(value)))
        } catch (error) {
          return fail(error, [value])
        }
      }
    if (readers.length === 2)
      return (one, other) => {
        try {
          return take(code.eval!(first(one), second(other)))
        } catch (error) {
          return fail(error, [one, other])
        }
      }
    return (...values) => {
      try {
        return take(code.eval!(...readers.map((read, index) => read(values[index]))))
      } catch (error) {
        return fail(error, values)
      }
    }
  }

  #tableCode(readers: readonly ArgumentReader[]): ScalarCode {
    const { code, returns } = this.signature
    const take = this.takerOf(returns)
    const isRow = returns.kind === 'ROW'
    return (...values) => {
      const rows: Value[] = []
      const collect = (row: unknown): void => {
        const taken = take(row)
        // A row that is NULL is no row.
        if (!isRow) rows.push([taken])
        else if (taken !== null) rows.push(taken)
      }
      try {
        const given = readers.map((read, index) => read(values[index]))
        const returned = code.eval!.apply({ collect } as never, given)
        refuseAsync(returned)
        if (returned !== undefined) for (const row of returned as Iterable<unknown>) collect(row)
        return rows
      } catch (error) {
        throw this.failure('eval', error, values)
      }
    }
  }

  /** What a function has given, which is neither a promise nor undefined. @throws {RefusedValue} */
  settled(result: unknown): unknown {
    if (typeof result === 'object') refuseAsync(result)
    if (result === undefined) throw new RefusedValue('it returned undefined, and NULL is null')
    return result
  }

  /** What it gives, as a value. @throws {RefusedValue} */
  takerOf(type: LogicalType): FromUser {
    const take = fromUserOf(type)
    return (given) => take(this.settled(given))
  }

  /** What shows it each of its arguments. */
  readersOf(count: number): readonly ArgumentReader[] {
    return Array.from({ length: count }, (_, index): ArgumentReader => {
      const type = this.#typeAt(index)
      const show = toUserOf(type)
      return (value) => {
        if (value === null && !type.nullable) throw new RefusedValue(`argument ${index + 1} is NULL, and ${formatType(type)} admits none`)
        return (show === undefined || value === null ? value : show(value)) as never
      }
    })
  }

  /** An argument as errors show it. */
  #shown(value: Value, index: number): string {
    const type = this.#typeAt(index)
    // A number that is too large for its type is what the error is about.
    const show = value === null || type.kind === 'BIGINT' ? undefined : toUserOf(type)
    return shownValue(show === undefined ? value : show(value))
  }

  #typeAt(index: number): LogicalType {
    return typeAt(this.signature, index)!
  }

  /** What a function of the user has thrown. @param of Which one it was: `eval`, `accumulate`. */
  failure(of: string, thrown: unknown, values: readonly Value[]): UserFunctionError {
    const place = this.#position === undefined ? '' : `, line ${this.#position.line}, column ${this.#position.column}`
    const reason = thrown instanceof RefusedValue ? thrown.message : String(thrown)
    const given = values.map((value, index) => this.#shown(value, index)).join(', ')
    return new UserFunctionError('USER_FUNCTION_FAILED', `Function "${this.name}" failed in ${of}(${given})${place}: ${reason}`, { cause: thrown })
  }
}

function refuseAsync(result: unknown): void {
  try {
    refusePromise(result)
  } catch {
    throw new RefusedValue('it returned a promise, and must be synchronous')
  }
}

/** The type of an argument, by its place; undefined: the function takes fewer. */
function typeAt({ arguments: types, rest }: FunctionSignature, index: number): LogicalType | undefined {
  return types[index] ?? rest
}

/** How a call is typed, and what computes it. */
export interface ResolvedCall {
  readonly call: UserCall
  readonly resolution: Required<Resolution>
}

/** The signature that takes some operands: the one that needs the fewest casts, of several the first. Undefined: none does. */
export function resolveUserCall(named: NamedFunction, operands: readonly SiteOperand[], position: SqlPosition | undefined): ResolvedCall | undefined {
  let found: FunctionSignature | undefined
  let least = Infinity
  for (const signature of named.definition.signatures) {
    const casts = castsOf(signature, operands)
    if (casts < least) [found, least] = [signature, casts]
  }
  if (found === undefined) return undefined
  const signature = found
  const call = new UserCall(named, signature, position)
  const operandTypes = operands.map(({ type }, index) => withNullability(typeAt(signature, index)!, type?.nullable ?? true))
  return { call, resolution: { type: resultOf(signature, named.definition.kind), operandTypes } }
}

/** Of a table function: an array of its rows. */
function resultOf(signature: FunctionSignature, kind: UserFunctionDefinition['kind']): LogicalType {
  if (kind !== 'table') return signature.returns
  return { kind: 'ARRAY', element: withNullability(rowTypeOf(signature), false), nullable: false }
}

/** How many operands have to be cast; Infinity: it does not take them. */
function castsOf(signature: FunctionSignature, operands: readonly SiteOperand[]): number {
  if (operands.length < signature.arguments.length || (operands.length > signature.arguments.length && signature.rest === undefined)) return Infinity
  let casts = 0
  for (const [index, { type }] of operands.entries()) {
    const wanted = typeAt(signature, index)!
    if ((type?.nullable ?? true) && !wanted.nullable) return Infinity
    if (type === undefined || sameType(withNullability(type, wanted.nullable), wanted)) continue
    if (!canAssign(type, wanted)) return Infinity
    casts++
  }
  return casts
}

/** What is wrong with the operands of a call that no signature takes, and what to do. */
export function refusalOf({ name, definition }: NamedFunction, operands: readonly SiteOperand[]): { readonly message: string; readonly hint: string } {
  const given = operands.map(({ type }) => (type === undefined ? 'NULL' : formatType(type))).join(', ')
  const taken = definition.signatures.map((signature) => `${name}${argumentsText(signature)}`).join(', ')
  const nullable = operands.map(({ type, literal }) => ({ type: type && withNullability(type, false), literal }))
  const refusesNull = definition.signatures.some((signature) => Number.isFinite(castsOf(signature, nullable)))
  return {
    message: `${name} does not take (${given})`,
    hint: refusesNull ? `There is ${taken}: declare arguments nullable(), or COALESCE what may be NULL.` : `There is ${taken}.`,
  }
}
