// The format plan as the kernels see it: the constants of ../json-format-layout.ts (a test compares them), as byte offsets.

export const FORMAT_TRIMMED_FRACTION: u32 = 1
export const FORMAT_ISO_TIMESTAMPS: u32 = 2
export const FORMAT_QUOTE_ALL: u32 = 4
export const FORMAT_CAREFUL: u32 = 8
export const FORMAT_REFUSE: u32 = 16
export const FORMAT_NO_NULL: u32 = 32
export const FORMAT_FLINK: u32 = 64
export const FORMAT_COMMENTS: u32 = 128
export const FORMAT_ONE_LINE: u32 = 256
export const FORMAT_NO_HEADER: u32 = 512
export const FORMAT_NULL_ELEMENTS: u32 = 1024

export const FORMAT_FLAGS: usize = 0
export const FORMAT_NODES: usize = 4
export const FORMAT_NODE_COUNT: usize = 8
export const FORMAT_RESERVE: usize = 12
export const FORMAT_MARKS: usize = 16
export const FORMAT_NULL: usize = 20
export const FORMAT_NULL_LENGTH: usize = 24
export const FORMAT_NEXT_ROW: usize = 64
export const FORMAT_REFUSED: usize = 68
export const FORMAT_REFUSAL: usize = 72

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
export const WRITE_NULLABLE: u32 = 4

export const REFUSAL_BROKEN: u32 = 1
export const REFUSAL_NULL_TEXT: u32 = 2
export const REFUSAL_NULL_TEXT_QUOTED: u32 = 3
export const REFUSAL_NULL: u32 = 4
export const REFUSAL_COMMENT: u32 = 5
export const REFUSAL_BLANK_LINE: u32 = 6
export const REFUSAL_BYTE_ORDER_MARK: u32 = 7
export const REFUSAL_LINE_FEED: u32 = 8
export const REFUSAL_ELEMENT_DELIMITER: u32 = 9
export const REFUSAL_ELEMENT_NULL_TEXT: u32 = 10
export const REFUSAL_NULL_ELEMENT: u32 = 11
export const REFUSAL_EMPTY_ELEMENT: u32 = 12
export const REFUSAL_LONG: u32 = 13
