// The types of expressions: what TypeScript knows of the results of operators. SQL's own rules (type-rules.ts) know more, and decide.

import type { Decimal } from '../../batch/types.ts'
import type { Expression } from './expression.ts'

/** Numbers, and what is counted in numbers: times and intervals. */
export type Numeric = number | bigint | Decimal | null

export type Textual = string | Uint8Array | null

/** @internal What says of which type an expression is. It is there for TypeScript only. */
export declare const expressionValue: unique symbol

/** Something of which TypeScript knows the values: an {@link Expression}. */
export interface Valued<out T> {
  readonly [expressionValue]: T
}

/** An expression, or a value, which becomes a literal. */
export type Operand<T> = T | Valued<T>

/** `null` if a value may be NULL. */
export type NullOf<T> = Extract<T, null>

/** Whether it is `any`. */
type IsAny<T> = 0 extends 1 & T ? true : false

/** What values of a type may be compared with: numbers of all kinds with each other, and with a `Date`, which is an instant. */
export type ComparableTo<T> = IsAny<T> extends true ? unknown : [Exclude<T, null>] extends [number | bigint | Decimal] ? Numeric | Date : Widened<T> | null

/** Of a literal its type. */
export type Widened<T> = T extends number ? number : T extends string ? string : T extends boolean ? boolean : T extends bigint ? bigint : T

/** Whether a number is written, and whole: an INT. */
type IsWhole<T> = T extends number ? (number extends T ? false : `${T}` extends `${bigint}` ? true : false) : false

/**
 * What an arithmetic operator makes. A number may be an INT or a DOUBLE: beside a bigint or a Decimal both are thinkable, unless it is a whole number that is
 * written there.
 */
export type ArithmeticResult<A, B> = IsAny<A> extends true ? any : ResultOf<Exclude<A, null>, Exclude<B, null>> | NullOf<A | B> // oxlint-disable-line typescript/no-explicit-any -- of a table whose columns TypeScript does not know

type ResultOf<A, B> = [A] extends [number]
  ? [B] extends [number]
    ? number
    : B
  : [B] extends [number]
    ? IsWhole<B> extends true
      ? A
      : A | number
    : [A] extends [bigint]
      ? B
      : A

/** A row of a table whose columns TypeScript does not know. */
export type AnyRow = Readonly<Record<string, any>> // oxlint-disable-line typescript/no-explicit-any -- its columns are known when it is planned

/** The columns of a table in a callback: an expression each. */
export type Columns<R> = { readonly [K in keyof R]-?: Expression<R[K]> }

/** What a callback of `select` returns: an expression or a value for each column. */
export type Selection = Readonly<Record<string, unknown>>

/** The rows that a selection makes. */
export type RowOfSelection<S extends Selection> = { readonly [K in keyof S]: S[K] extends Valued<infer T> ? T : Widened<S[K]> }

/** Both rows in one: of a join. */
export type Joined<L, R> = { readonly [K in keyof L | keyof R]: K extends keyof L ? L[K] : K extends keyof R ? R[K] : never }

/** Rows that may be missing: of the outer side of a join. */
export type Padded<R> = { readonly [K in keyof R]: R[K] | null }
