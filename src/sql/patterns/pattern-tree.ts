// What a regular expression is made of, as its parser leaves it and its compiler takes it.

import type { CharacterTest } from './character-classes.ts'

/** Where text is looked at between characters. */
export type Boundary =
  | 'start of text'
  | 'end of text'
  | 'end of text or of its last line'
  | 'end of text or of its last line, which a line feed ends'
  | 'start of line'
  | 'end of line'
  | 'start of line, which a line feed ends'
  | 'end of line, which a line feed ends'
  | 'word boundary'
  | 'no word boundary'
  | 'end of the last match'

export type PatternNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'character'; readonly code: number }
  | { readonly kind: 'class'; readonly test: CharacterTest }
  | { readonly kind: 'boundary'; readonly at: Boundary }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly of: readonly PatternNode[] }
  | { readonly kind: 'group'; readonly number: number; readonly of: PatternNode }
  | { readonly kind: 'repeat'; readonly of: PatternNode; readonly least: number; readonly most: number; readonly mode: 'greedy' | 'lazy' | 'possessive' }
  /** What is matched once and for all: no other way through it is tried. */
  | { readonly kind: 'atomic'; readonly of: PatternNode }
  | { readonly kind: 'look'; readonly of: PatternNode; readonly isBehind: boolean; readonly isNegative: boolean }

/** A pattern that was read. */
export interface PatternTree {
  readonly root: PatternNode
  /** Without the whole, which is group 0. */
  readonly groupCount: number
}

/** A text that is no pattern. */
export class PatternSyntaxError extends Error {
  override readonly name = 'PatternSyntaxError'
}

/** A pattern that asks for what is not there; it may well be one. */
export class PatternUnsupportedError extends Error {
  override readonly name = 'PatternUnsupportedError'
}
