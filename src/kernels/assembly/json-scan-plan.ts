// The JSON scan plan as the kernel sees it: the constants of ../json-scan-layout.ts (a test compares them), as byte offsets.

export const JSON_FLINK: u32 = 1
export const JSON_FAIL_ON_MISSING: u32 = 2
export const JSON_REJECT_UNKNOWN: u32 = 4
export const JSON_NULL_ON_ERROR: u32 = 8
export const JSON_ISO_TIMESTAMPS: u32 = 16

export const PLAN_FLAGS: usize = 0
export const PLAN_NODES: usize = 4
export const PLAN_NODE_COUNT: usize = 8
export const PLAN_SCRATCH: usize = 12
export const PLAN_SCRATCH_BYTES: usize = 16
export const PLAN_DEVIATIONS: usize = 20
export const PLAN_DEVIATIONS_MAX: usize = 24
export const PLAN_SHAPES: usize = 28
export const PLAN_SHAPE_BYTES: usize = 32
export const PLAN_SHAPES_MAX: usize = 36
export const PLAN_STEPS_MAX: usize = 40
export const PLAN_SHAPE_COUNT: usize = 64
export const PLAN_SHAPE_CURRENT: usize = 68
export const PLAN_LEARN_CREDIT: usize = 72
export const PLAN_DEVIATION_COUNT: usize = 76
export const PLAN_OBJECT_STAMP: usize = 80

export const RESULT_ROWS: usize = 128
export const RESULT_CONSUMED: usize = 132
export const RESULT_STATUS: usize = 136
export const RESULT_REASON: usize = 140
export const RESULT_LINE_START: usize = 144
export const RESULT_LINE_END: usize = 148
export const RESULT_PROBLEM: usize = 152
export const RESULT_NODE: usize = 156
export const RESULT_SLOW_ROWS: usize = 160
export const RESULT_DUPLICATE_KEYS: usize = 164
export const RESULT_NULLED_VALUES: usize = 168

export const STATUS_DONE: u32 = 0
export const STATUS_ROWS_FULL: u32 = 1
export const STATUS_BAD_RECORD: u32 = 2
export const STATUS_NEED_MORE: u32 = 3
export const STATUS_DATA_FULL: u32 = 4

export const BAD_SYNTAX: u32 = 1
export const BAD_NOT_AN_OBJECT: u32 = 2
export const BAD_TRAILING_DATA: u32 = 3
export const BAD_TOO_DEEP: u32 = 4
export const BAD_INVALID_UTF8: u32 = 5
export const BAD_CONTROL_CHARACTER: u32 = 6
export const BAD_INVALID_ESCAPE: u32 = 7
export const BAD_LONE_SURROGATE: u32 = 8
export const BAD_UNKNOWN_FIELD: u32 = 9
export const BAD_TOO_MANY_DUPLICATES: u32 = 10
export const BAD_FIELD_COUNT: u32 = 11
export const BAD_QUOTE: u32 = 12
export const BAD_TYPE_MISMATCH: u32 = 16
export const BAD_OUT_OF_RANGE: u32 = 17
export const BAD_INEXACT: u32 = 18
export const BAD_INVALID_VALUE: u32 = 19
export const BAD_MISSING_FIELD: u32 = 20
export const BAD_NULL_NOT_ALLOWED: u32 = 21

export const DEPTH_MAX: u32 = 128
export const MAP_FILTER_BYTES: usize = 65536
export const MAP_DUPLICATES_MAX: u32 = 256

export const NODE_TYPE: usize = 0
export const NODE_FLAGS: usize = 4
export const NODE_COLUMN: usize = 8
export const NODE_PARENT: usize = 12
export const NODE_CHILD_INDEX: usize = 16
export const NODE_FIRST_CHILD: usize = 20
export const NODE_CHILD_COUNT: usize = 24
export const NODE_NEXT_SIBLING: usize = 28
export const NODE_NAME: usize = 32
export const NODE_NAME_LENGTH: usize = 36
export const NODE_TABLE: usize = 40
export const NODE_TABLE_MASK: usize = 44
export const NODE_INDEX: usize = 48
export const NODE_VALUES: usize = 52
export const NODE_VALIDITY: usize = 56
export const NODE_OFFSETS: usize = 60
export const NODE_DATA: usize = 64
export const NODE_DATA_CAPACITY: usize = 68
export const NODE_EXTRA: usize = 72
export const NODE_ROW_CAPACITY: usize = 76
export const NODE_ROWS: usize = 80
export const NODE_STATE: usize = 84
export const NODE_STAMP: usize = 88
export const NODE_KIND: usize = 92
export const NODE_FILTER: usize = 96
export const NODE_BYTES: usize = 128

export const NODE_NULLABLE: u32 = 1
export const NODE_SAFE_INTEGER: u32 = 2
export const NODE_DERIVED: u32 = 4
export const NODE_ROW_LEVEL: u32 = 8
export const NODE_PLAIN_NAME: u32 = 16
