// Functions that users write in TypeScript, for SQL and tables: what they say of themselves. `CREATE FUNCTION f AS './functions.ts#f' LANGUAGE TYPESCRIPT`
// names one; each worker imports its module. Contracts and their checks only: user-function-calls.ts calls them.

import { PlanError } from '../base/errors.ts'
import { childTypesOf, type DataType, formatType, type LogicalType, type ValueOf } from '../batch/types.ts'

type Types = readonly DataType<unknown>[]

/** The values of declared types, by place. */
export type ValuesOf<A extends Types> = { readonly [K in keyof A]: ValueOf<A[K]> }

/** What a function is called with. */
export type CallValues<A extends Types, V> = [V] extends [never] ? [...ValuesOf<A>] : [...ValuesOf<A>, ...V[]]

/** What a function may be given. Values come as `t` says; NULL is null, and only arguments that are `nullable()` admit it. */
export interface FunctionArguments<A extends Types, V> {
  /** The types of the arguments. Values of other types that fit without a CAST are cast. */
  readonly arguments: readonly [...A]
  /** The type of any number of further arguments. */
  readonly rest?: DataType<V>
  /**
   * Whether equal arguments give equal results, so that a call that is written twice may be computed once.
   *
   * @default true
   */
  readonly deterministic?: boolean
}

/** A value for each row. */
export interface ScalarFunctionOptions<A extends Types, V, R> extends FunctionArguments<A, V> {
  readonly returns: DataType<R>
  /** Called on the worker's thread for each row, NULL or not; synchronous. */
  eval(...values: CallValues<A, V>): NoInfer<R>
}

/** Takes the rows of a table function; valid until it returns. */
export interface RowCollector<R> {
  collect(row: R): void
}

/** Any number of rows for each row. */
export interface TableFunctionOptions<A extends Types, V, R> extends FunctionArguments<A, V> {
  /** A row: `t.row({ … })`, whose fields are the columns; any other type is the one column. */
  readonly returns: DataType<R>
  /** Returns its rows (an array, a generator), or gives them to `this.collect(row)`. */
  eval(this: RowCollector<NoInfer<R>>, ...values: CallValues<A, V>): Iterable<NoInfer<R>> | void
}

/**
 * A value for the rows of a group, window or frame. What is known of them is in an accumulator: state, which is checkpointed, and which structured clone
 * must take. Methods change it in place, or return what takes its place.
 */
export interface AggregateFunctionOptions<A extends Types, V, ACC, R> extends FunctionArguments<A, V> {
  readonly returns: DataType<R>
  /** The type of accumulators, if state is to hold them as values of SQL: without the names of fields, and checked. */
  readonly accumulatorType?: DataType<ACC>
  createAccumulator(): ACC
  /** A row comes. */
  accumulate(accumulator: ACC, ...values: CallValues<A, V>): ACC | void
  /** A row that came before goes. Needed where rows change (behind joins, groups and the like), and by OVER frames that have a beginning. */
  retract?(accumulator: ACC, ...values: CallValues<A, V>): ACC | void
  /** Takes in what others know of other rows: windows that overlap are then computed of their parts. */
  merge?(accumulator: ACC, others: Iterable<ACC>): ACC | void
  /** The result so far. Changes nothing. */
  getValue(accumulator: ACC): NoInfer<R>
}

/** One way in which a function may be called. */
export interface FunctionSignature {
  readonly arguments: readonly LogicalType[]
  readonly rest: LogicalType | undefined
  readonly returns: LogicalType
  readonly accumulator: LogicalType | undefined
  /** The user's functions, with values as they are declared. */
  readonly code: FunctionCode
}

/** The functions of a signature, whatever its kind. */
export interface FunctionCode {
  eval?(...values: never[]): unknown
  createAccumulator?(): unknown
  accumulate?(accumulator: never, ...values: never[]): unknown
  retract?(accumulator: never, ...values: never[]): unknown
  merge?(accumulator: never, others: never): unknown
  getValue?(accumulator: never): unknown
}

/** What {@link scalarFunction}, {@link tableFunction} and {@link aggregateFunction} make. */
export interface UserFunctionDefinition {
  readonly kind: 'scalar' | 'table' | 'aggregate'
  readonly signatures: readonly FunctionSignature[]
  readonly deterministic: boolean
  /** Marks definitions, whichever copy of the package has made them. */
  readonly [DEFINITION]: true
}

declare const callType: unique symbol

/** A function that gives a value for each row. */
export interface ScalarFunctionDefinition<out F = unknown> extends UserFunctionDefinition {
  readonly kind: 'scalar'
  /** How it may be called. */
  readonly [callType]?: F
}

/** A function that makes rows of each row. */
export interface TableFunctionDefinition<out F = unknown> extends UserFunctionDefinition {
  readonly kind: 'table'
  readonly [callType]?: F
}

/** A function that gives a value for several rows. */
export interface AggregateFunctionDefinition<out F = unknown> extends UserFunctionDefinition {
  readonly kind: 'aggregate'
  readonly [callType]?: F
}

const DEFINITION = Symbol.for('millrace.user-function')
const COMMON = ['arguments', 'rest', 'returns', 'deterministic']
/** What each kind of function needs, and what it may have. */
const MEMBERS = {
  scalar: { needed: ['eval'], others: [] },
  table: { needed: ['eval'], others: [] },
  aggregate: { needed: ['createAccumulator', 'accumulate', 'getValue'], others: ['retract', 'merge', 'accumulatorType'] },
} as const

/**
 * A function that gives a value for each row. The types of `eval` follow from what is declared.
 *
 * @throws {PlanError} `INVALID_FUNCTION`
 * @example
 * // functions.ts
 * export const initials = scalarFunction({
 *   arguments: [t.string().nullable()],
 *   returns: t.string().nullable(),
 *   eval: (name) => name === null ? null : name.split(' ').map((part) => part[0]).join(''),
 * })
 * // CREATE FUNCTION initials AS './functions.ts#initials' LANGUAGE TYPESCRIPT;
 * // SELECT initials(name) FROM people;
 */
export function scalarFunction<const A extends Types, R, V = never>(
  options: ScalarFunctionOptions<A, V, R>,
): ScalarFunctionDefinition<(...values: CallValues<A, V>) => R> {
  return definitionOf('scalar', options)
}

/**
 * A function that makes any number of rows of each row.
 *
 * @throws {PlanError} `INVALID_FUNCTION`
 * @example
 * // functions.ts
 * export const words = tableFunction({
 *   arguments: [t.string()],
 *   returns: t.row({ word: t.string(), length: t.int() }),
 *   *eval(text) {
 *     for (const word of text.split(' ')) yield { word, length: word.length }
 *   },
 * })
 * // SELECT word, length FROM lines, LATERAL TABLE(words(line)) AS T(word, length);
 */
export function tableFunction<const A extends Types, R, V = never>(
  options: TableFunctionOptions<A, V, R>,
): TableFunctionDefinition<(...values: CallValues<A, V>) => Iterable<R>> {
  return definitionOf('table', options)
}

/**
 * A function that gives a value for several rows: those of a group, a window, or around a row.
 *
 * @throws {PlanError} `INVALID_FUNCTION`
 * @example
 * // functions.ts
 * export const weightedMean = aggregateFunction({
 *   arguments: [t.double(), t.int()],
 *   returns: t.double().nullable(),
 *   createAccumulator: () => ({ sum: 0, weight: 0 }),
 *   accumulate(known, value, weight) {
 *     known.sum += value * weight
 *     known.weight += weight
 *   },
 *   retract(known, value, weight) {
 *     known.sum -= value * weight
 *     known.weight -= weight
 *   },
 *   getValue: ({ sum, weight }) => (weight === 0 ? null : sum / weight),
 * })
 * // SELECT item, weightedMean(price, pieces) FROM orders GROUP BY item;
 */
export function aggregateFunction<const A extends Types, ACC, R, V = never>(
  options: AggregateFunctionOptions<A, V, ACC, R>,
): AggregateFunctionDefinition<(...values: CallValues<A, V>) => R> {
  return definitionOf('aggregate', options)
}

/**
 * One function of several, which differ in their arguments: a call finds the one that needs the fewest casts, of several the first.
 *
 * @throws {PlanError} `INVALID_FUNCTION` if they are of different kinds, or two take the same arguments.
 * @example
 * export const twice = overloaded(
 *   scalarFunction({ arguments: [t.int()], returns: t.int(), eval: (number) => number * 2 }),
 *   scalarFunction({ arguments: [t.string()], returns: t.string(), eval: (text) => text + text }),
 * )
 */
export function overloaded<D extends UserFunctionDefinition>(first: D, ...others: readonly NoInfer<Pick<D, 'kind'> & UserFunctionDefinition>[]): D {
  const all: readonly UserFunctionDefinition[] = [first, ...others]
  for (const one of all) if (!isUserFunction(one)) throw refused('overloaded() takes functions that scalarFunction() and the like have made')
  const other = all.find(({ kind }) => kind !== first.kind)
  if (other !== undefined) throw refused(`a ${first.kind} function and a ${other.kind} function cannot be one`)
  const signatures = all.flatMap((one) => one.signatures)
  const texts = signatures.map(argumentsText)
  const twice = texts.find((text, index) => texts.indexOf(text) !== index)
  if (twice !== undefined) throw refused(`two signatures take ${twice}`)
  return Object.freeze({ ...first, signatures, deterministic: all.every(({ deterministic }) => deterministic) })
}

/** Whether a value is what {@link scalarFunction} and the like make. */
export function isUserFunction(value: unknown): value is UserFunctionDefinition {
  return typeof value === 'object' && value !== null && (value as Partial<UserFunctionDefinition>)[DEFINITION] === true
}

/** What a signature takes, as SQL writes it: `(INT NOT NULL, STRING...)`. */
export function argumentsText(signature: Pick<FunctionSignature, 'arguments' | 'rest'>): string {
  const rest = signature.rest === undefined ? [] : [`${formatType(signature.rest)}...`]
  return `(${[...signature.arguments.map(formatType), ...rest].join(', ')})`
}

/** The row that a table function makes: of one column if it was not said to be one. */
export function rowTypeOf({ returns }: FunctionSignature): LogicalType & { readonly kind: 'ROW' } {
  return returns.kind === 'ROW' ? returns : { kind: 'ROW', fields: [{ name: 'EXPR$0', type: returns }], nullable: false }
}

function refused(reason: string): PlanError {
  return new PlanError('INVALID_FUNCTION', `Cannot define the function: ${reason}`)
}

function definitionOf<K extends UserFunctionDefinition['kind']>(kind: K, options: object): UserFunctionDefinition & { readonly kind: K } {
  if (typeof options !== 'object' || options === null) throw refused(`${kind}Function() takes an object with arguments, returns and its functions`)
  const given = options as Readonly<Record<string, unknown>>
  const { needed, others } = MEMBERS[kind]
  const known: readonly string[] = [...COMMON, ...needed, ...others]
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown !== undefined) throw refused(`there is no "${unknown}" of ${kind} functions, there are ${known.join(', ')}`)
  for (const name of [...needed, ...others.filter((other) => other !== 'accumulatorType' && given[other] !== undefined)])
    if (typeof given[name] !== 'function') throw refused(`"${name}" of ${kind} functions is a function`)
  if (!Array.isArray(given['arguments'])) throw refused('"arguments" is an array of types, such as [t.string()]')
  const { deterministic = true } = given
  if (typeof deterministic !== 'boolean') throw refused('"deterministic" is true or false')
  const optional = (name: string): LogicalType | undefined => (given[name] === undefined ? undefined : sqlType(given[name], name))
  const signature: FunctionSignature = {
    arguments: given['arguments'].map((type, index) => sqlType(type, `arguments[${index}]`)),
    rest: optional('rest'),
    returns: sqlType(given['returns'], 'returns'),
    accumulator: optional('accumulatorType'),
    code: options,
  }
  return Object.freeze({ kind, signatures: [signature], deterministic, [DEFINITION]: true as const })
}

function sqlType(type: unknown, name: string): LogicalType {
  const logical = (type as Partial<DataType<unknown>> | undefined)?.logical
  if (typeof logical?.kind !== 'string') throw refused(`"${name}" is a type, such as t.string() or t.int().nullable()`)
  const objects = (one: LogicalType): boolean => one.kind === 'OBJECT' || childTypesOf(one).some((child) => objects(child.type))
  if (objects(logical)) throw refused(`"${name}" is a type of SQL, which t.object() is not`)
  return logical
}
