// Bindings of the selection kernels.

/** How a value compares with a constant. The last three are for text and bytes only. */
export const Comparison = {
  EQUAL: 0,
  NOT_EQUAL: 1,
  LESS: 2,
  LESS_OR_EQUAL: 3,
  GREATER: 4,
  GREATER_OR_EQUAL: 5,
  STARTS_WITH: 6,
  ENDS_WITH: 7,
  CONTAINS: 8,
} as const
export type Comparison = (typeof Comparison)[keyof typeof Comparison]

/**
 * Selection kernels. Each looks at the rows at logical positions begin..begin + n - 1 (through int32 `selection` unless it is 0), writes the
 * physical rows for which the condition holds to int32 `out`, in order, and returns how many. No condition holds for NULL. `out` has room for
 * n + 1 rows and may be `selection`: AND is one call after another, with begin 0.
 */
export interface SelectKernels {
  /** Rows whose bit (by physical row) is `wanted`, 0 or 1. */
  selectBits(bits: number, wanted: number, selection: number, begin: number, n: number, out: number): number
  /** Rows whose byte (by physical row) is not 0. */
  selectBytes(bytes: number, selection: number, begin: number, n: number, out: number): number
  /** Rows that are NULL (`wanted` 1) or are not (0). */
  selectNull(column: number, wanted: number, selection: number, begin: number, n: number, out: number): number
  /** Rows whose integer (of any width), BIT or TIMESTAMP_NANOS (in epoch nanoseconds) compares with a constant of 64 bits. */
  selectInteger(operation: Comparison, column: number, constant: bigint, selection: number, begin: number, n: number, out: number): number
  /** Rows whose FLOAT or DOUBLE compares with a constant as IEEE 754 says: NaN is only NOT_EQUAL. */
  selectFloat(operation: Comparison, column: number, constant: number, selection: number, begin: number, n: number, out: number): number
  /** Rows whose bytes compare with `constantBytes` bytes at `constant` (with slack behind them), dictionary-encoded or not. */
  selectText(operation: Comparison, column: number, constant: number, constantBytes: number, selection: number, begin: number, n: number, out: number): number
  /** OR: rows of either of two ascending lists. `out` is neither of them and has room for both. */
  selectUnion(left: number, leftCount: number, right: number, rightCount: number, out: number): number
  /** NOT: rows that are not in an ascending list of some of them. */
  selectDifference(selection: number, begin: number, n: number, excluded: number, excludedCount: number, out: number): number
}
