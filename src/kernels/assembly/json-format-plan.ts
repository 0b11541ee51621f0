// The format plan as the kernels see it: the constants of ../json-format-layout.ts (a test compares them), as byte offsets.

export const FORMAT_TRIMMED_FRACTION: u32 = 1
export const FORMAT_ISO_TIMESTAMPS: u32 = 2
export const FORMAT_QUOTE_ALL: u32 = 4
export const FORMAT_CAREFUL: u32 = 8
export const FORMAT_REFUSE: u32 = 16
export const FORMAT_REFUSE_NULL: u32 = 32

export const FORMAT_FLAGS: usize = 0
export const FORMAT_NODES: usize = 4
export const FORMAT_NODE_COUNT: usize = 8
export const FORMAT_RESERVE: usize = 12
export const FORMAT_MARKS: usize = 16
export const FORMAT_NULL: usize = 20
export const FORMAT_NULL_LENGTH: usize = 24
export const FORMAT_NEXT_ROW: usize = 64
export const FORMAT_REFUSED: usize = 68
export const FORMAT_REFUSED_NULL: usize = 72

export const WRITE_TYPE: usize = 0
export const WRITE_FLAGS: usize = 4
export const WRITE_COLUMN: usize = 8
export const WRITE_PARENT: usize = 12
export const WRITE_CHILD_INDEX: usize = 16
export const WRITE_CHILD_COUNT: usize = 20
export const WRITE_NEXT: usize = 24
export const WRITE_PREFIX: usize = 28
export const WRITE_PREFIX_LENGTH: usize = 32
export const WRITE_CLOSES: usize = 36
export const WRITE_VALUES: usize = 40
export const WRITE_VALIDITY: usize = 44
export const WRITE_OFFSETS: usize = 48
export const WRITE_DATA: usize = 52
export const WRITE_EXTRA: usize = 56
export const WRITE_CODES: usize = 60
export const WRITE_KIND: usize = 64
export const WRITE_WAY: usize = 68
export const WRITE_MEMO_MINUTE: usize = 80
export const WRITE_MEMO_TEXT: usize = 96
export const WRITE_NODE_BYTES: usize = 128

export const WRITE_DERIVED: u32 = 1
export const WRITE_ROW_LEVEL: u32 = 2
