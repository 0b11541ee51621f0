// Bindings of the kernels of texts, and the layout of patterns for them.

import type { Comparison } from './select.ts'

/** Bytes of a slice of a text: u32 where it starts, u32 where it ends; a start of 0 is NULL. */
export const SLICE_BYTES = 8

/** Bytes of the head of an arena: u32 where the next byte goes, u32 end of what may be written (with slack behind it), u32 what stopped a kernel. */
export const ARENA_HEAD_BYTES = 12

/** What a truth is: FALSE, TRUE, NULL. */
export const TRUTH_NULL = 2

/** In a pattern of LIKE, beside bytes: any of them, one code point. */
export const LIKE_ANY = 256
export const LIKE_ONE = 257

/** Instructions of a pattern. `x` and `y` are numbers of instructions but where it says otherwise. */
export const TextOp = {
  /** The byte `x`. */
  BYTE: 0,
  /** A byte for which the table of 256 bytes, `x` bytes behind the start of the program, is not 0. */
  CLASS: 1,
  /** Goes to `x`, and if that leads nowhere, to `y`. */
  SPLIT: 2,
  JUMP: 3,
  /** Keeps the place in slot `x`. */
  SAVE: 4,
  /** Goes to `y` if slot `x` has this place. */
  CHECK: 5,
  START: 6,
  END: 7,
  WORD_EDGE: 8,
  NO_WORD_EDGE: 9,
  /** The `y` bytes that stand `x` bytes behind the start of the program; stands for as many instructions. */
  BYTES: 10,
  /** As many bytes of the class `x` as there are, and on at `y`; fewer if that leads nowhere. */
  RUN: 11,
  /** The same where fewer would lead nowhere either. */
  LAST_RUN: 12,
  MATCH: 13,
} as const
export type TextOp = (typeof TextOp)[keyof typeof TextOp]

/** Instructions begin behind the head. u32 words of that:
 *
 *   0  how many instructions there are, of three words each
 *   1  how many slots
 *   2  1: a match may begin anywhere
 *   3  1: one may begin at the start of the text, whatever stands there
 *   4  offset of a table of 256 bytes: not 0 for those with which one may begin
 *   5  the only such byte, or 256
 *   6  offset of bytes that stand in every match
 *   7  how many they are
 */
export const PATTERN_HEAD_WORDS = 8
export const PATTERN_OP_WORDS = 3

/**
 * Kernels of texts. `slices` and `out` lie by physical row: slices of {@link SLICE_BYTES}, numbers (int32, -1 for NULL) or truths (u8, {@link TRUTH_NULL}).
 * Rows are those at logical positions begin..end - 1, through int32 `selection` unless it is 0. Constants have slack behind them.
 *
 * Kernels that write texts do so at the end of an arena. They and {@link textMatch} return `end`, or the position of a row that they have not done: the third
 * word of the arena then says how many bytes there have to be for it, or 0 for a text that is none for kernels; they are called again behind it, or for it.
 */
export interface TextKernels {
  /** Slices of a column. `parent`: descriptor of the ROW that it is a field of, or 0. */
  textSlices(column: number, parent: number, selection: number, begin: number, end: number, out: number): void
  /** Bytes of all texts. */
  textBytes(slices: number, selection: number, begin: number, end: number): number
  /** Writes texts to a cleared column with room for all bytes. Other rows of its `rowCount` are empty. Returns how many are NULL in a column that is NOT NULL. */
  textColumn(slices: number, selection: number, begin: number, end: number, target: number, rowCount: number): number
  /** The part behind the `index`-th of delimiters that have a byte at least; NULL if there are fewer, and of an empty text. */
  textSplit(slices: number, delimiter: number, delimiterBytes: number, index: number, selection: number, begin: number, end: number, out: number): void
  /** Turns letters of ASCII from the 26 that begin with `first` to the others. Stops at texts that are not ASCII. */
  textCase(slices: number, first: number, selection: number, begin: number, end: number, arena: number, out: number): number
  /** Other bytes for each appearance of `wantedBytes`, which are 1 at least. */
  textReplace(
    slices: number,
    wanted: number,
    wantedBytes: number,
    other: number,
    otherBytes: number,
    selection: number,
    begin: number,
    end: number,
    arena: number,
    out: number,
  ): number
  /** Two texts as one; where slices are 0 one of them is the constant between two addresses. */
  textConcat(
    left: number,
    leftStart: number,
    leftEnd: number,
    right: number,
    rightStart: number,
    rightEnd: number,
    selection: number,
    begin: number,
    end: number,
    arena: number,
    out: number,
  ): number
  /** Up to `count` code points from one on, counted from 0, or negative from the end; `clamp` 1: of shorter texts from their start on, else nothing. */
  textPart(slices: number, start: number, count: number, clamp: number, selection: number, begin: number, end: number, out: number): void
  /** Without bytes at the start (`sides` 1), the end (2) or both (3) for which a table of 256 is not 0. */
  textTrim(slices: number, table: number, sides: number, selection: number, begin: number, end: number, out: number): void
  /** Code points. */
  textLength(slices: number, selection: number, begin: number, end: number, out: number): void
  /** The place of bytes in code points from 1; 0: nowhere. */
  textPlace(slices: number, needle: number, needleBytes: number, selection: number, begin: number, end: number, out: number): void
  /** Compares with a constant, bytewise. */
  textCompare(operation: Comparison, slices: number, constant: number, constantBytes: number, selection: number, begin: number, end: number, out: number): void
  textCompareBoth(operation: Comparison, left: number, right: number, selection: number, begin: number, end: number, out: number): void
  /** Whether texts are among the slices of a table of `mask` + 1, a power of two, which is never full: each at the low bits of its XXH64, or behind it. */
  textAmong(slices: number, table: number, mask: number, selection: number, begin: number, end: number, out: number): void
  /** Whether whole texts are like a pattern of u16: bytes, {@link LIKE_ANY}, {@link LIKE_ONE}. */
  textLike(slices: number, pattern: number, patternLength: number, selection: number, begin: number, end: number, out: number): void
  /** The slice of a group in the first match; with a group of -1 whether there is one. `scratch` has room for the slots and for what is gone back to. */
  textMatch(
    slices: number,
    program: number,
    group: number,
    selection: number,
    begin: number,
    end: number,
    scratch: number,
    scratchBytes: number,
    arena: number,
    out: number,
  ): number
}
