// The format plan: how a schema is described to the kernels `formatJson` and `formatCsv`, and where they say how far they came. The one
// drawing of it; `assembly/json-format-plan.ts` mirrors the constants and a test compares them. A plan belongs to one thread.
//
//   plan     header (128 bytes, below) | nodes (128 bytes each, depth first) | texts
//   node     one column or nested field; its prefix is the text before its value: `{"a":`, `,"b":`, or a delimiter in CSV.
//            `closes` braces follow the value: those of the ROWs that end with it. A ROW has no value of its own unless it is NULL or empty.

/** Fractions of seconds without trailing zeros, as Flink prints them; else as many digits as the precision says. */
export const FORMAT_TRIMMED_FRACTION = 1
/** Timestamps with T instead of a blank. */
export const FORMAT_ISO_TIMESTAMPS = 2
/** CSV: quote every text, not only where it must be. */
export const FORMAT_QUOTE_ALL = 4
/** CSV: values that are no texts may hold the delimiter or equal the text of NULL; look at each. */
export const FORMAT_CAREFUL = 8
/** CSV: a value that is not read back as it is ends the call. The flags below say how it is read. */
export const FORMAT_REFUSE = 16
/** CSV: no text stands for NULL. */
export const FORMAT_NO_NULL = 32
/** CSV: the text of NULL, unless it is empty, is NULL in quotes too, and arrays are written as Flink does. */
export const FORMAT_FLINK = 64
/** CSV: records that begin with # are passed over. */
export const FORMAT_COMMENTS = 128
/** CSV: readers take every line feed for the end of a record. */
export const FORMAT_ONE_LINE = 256
/** CSV: a record may be the beginning of a file, where a byte order mark is passed over. */
export const FORMAT_NO_HEADER = 512
/** CSV: the text of NULL is read as NULL between the elements of an array. */
export const FORMAT_NULL_ELEMENTS = 1024

// Words of the header.
export const FORMAT_FLAGS = 0
export const FORMAT_NODES = 1
export const FORMAT_NODE_COUNT = 2
/** Bytes that a row takes at most, but for texts, binaries and the elements of lists: what is kept free while a row is written. */
export const FORMAT_RESERVE = 3
/** CSV: the delimiter, the quote and the escape character (0 = the quote doubled), the element delimiter, one a byte. */
export const FORMAT_MARKS = 4
/** CSV: the text of NULL. */
export const FORMAT_NULL = 5
export const FORMAT_NULL_LENGTH = 6
// The result block.
/** The next row to write: `end`, or the one that found the buffer full. */
export const FORMAT_NEXT_ROW = 16
/** CSV: the index of the node whose value was refused in that row, 0 if none was. */
export const FORMAT_REFUSED = 17
/** CSV: why, a {@link CsvRefusal}. */
export const FORMAT_REFUSAL = 18
export const FORMAT_HEADER_BYTES = 128

// Words of a node.
export const WRITE_TYPE = 0
export const WRITE_FLAGS = 1
export const WRITE_COLUMN = 2
export const WRITE_PARENT = 3
export const WRITE_CHILD_INDEX = 4
export const WRITE_CHILD_COUNT = 5
/** The node behind this one's subtree, 0 at the end. */
export const WRITE_NEXT = 6
export const WRITE_PREFIX = 7
export const WRITE_PREFIX_LENGTH = 8
export const WRITE_CLOSES = 9
// Of the kernel, good for one call.
export const WRITE_VALUES = 10
export const WRITE_VALIDITY = 11
export const WRITE_OFFSETS = 12
export const WRITE_DATA = 13
export const WRITE_EXTRA = 14
/** int32 codes into the dictionary whose buffers stand above, 0 = none. */
export const WRITE_CODES = 15
export const WRITE_KIND = 16
/** How the commonest values are written without asking for type and kind, 0 = they are asked for. */
export const WRITE_WAY = 17
// The last minute written and its text: int64, then 16 bytes.
export const WRITE_MEMO_MINUTE = 20
export const WRITE_MEMO_TEXT = 24
export const WRITE_NODE_BYTES = 128

export const WRITE_DERIVED = 1
/** The node is written by the loop over rows; others by their list. */
export const WRITE_ROW_LEVEL = 2
export const WRITE_NULLABLE = 4

/** Why CSV has no form for a value. */
export const CsvRefusal = {
  /** It holds the delimiter or a line end, and there is neither quote nor escape. */
  BROKEN: 1,
  /** Without a quote it reads as NULL. */
  NULL_TEXT: 2,
  /** In quotes it reads as NULL. */
  NULL_TEXT_QUOTED: 3,
  /** It is NULL, and no text stands for that. */
  NULL: 4,
  /** It makes its record a comment. */
  COMMENT: 5,
  /** It makes its record a blank line. */
  BLANK_LINE: 6,
  /** It begins with a byte order mark, and may be the beginning of a file. */
  BYTE_ORDER_MARK: 7,
  /** It holds a line feed. */
  LINE_FEED: 8,
  /** An element holds the element delimiter. */
  ELEMENT_DELIMITER: 9,
  /** An element reads as NULL. */
  ELEMENT_NULL_TEXT: 10,
  /** An element is NULL, and no text stands for that between elements. */
  NULL_ELEMENT: 11,
  /** The only element is empty, which reads as no element. */
  EMPTY_ELEMENT: 12,
  /** It is no text, needs quotes or escapes within, and is longer than the reader's scratch. */
  LONG: 13,
} as const
export type CsvRefusal = (typeof CsvRefusal)[keyof typeof CsvRefusal]
