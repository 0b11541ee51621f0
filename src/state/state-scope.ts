// Where the states of one scope lie: at fixed offsets of a record that stands for the current key or namespace. Runs on the worker's thread.

/** Most states of a scope that lie in its records; further ones are late. */
export const INLINE_STATES_MAX = 64

/** Where one state lies, from the scope's record on. */
export interface StateSlot {
  /** Byte offset of the u32 with its presence bit. */
  readonly presence: number
  readonly mask: number
  /** Byte offset of its slot, a multiple of 8. */
  readonly offset: number
}

/** The record of the current key (or namespace, or of one late state), and what handles need of its owner. Handles read `record` each time. */
export interface StateScope {
  /** Address of the record, 0 if there is none (reading: absent; writing: {@link create}). */
  record: number
  /** Makes the record. */
  create(): number
  /** A handle has cleared its presence bit: the record may be empty now. */
  vacated(): void
}
