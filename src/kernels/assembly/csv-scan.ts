// The CSV scanner (RFC 4180 with an optional escape character). Two readers, as for JSON: `matchRecords` takes one record after the other and stops
// before the first that is not as expected; `parseRecord` takes everything and is the judge. Invariant: a row counts only when its record has
// been read to its line end; everything written for it before lies behind the committed rows and offsets.

import { KIND_BYTES, KIND_INT16, KIND_INT32, KIND_INT64, KIND_LIST, TYPE_ARRAY, TYPE_CHAR, TYPE_VARCHAR, clearBit, setBit } from './column'
import {
  CSV_BOOLEAN, CSV_BOUNDED_TEXT, CSV_COMMENTS, CSV_DECIMAL, CSV_DOUBLE, CSV_END, CSV_FIELDS, CSV_FIELD_COUNT, CSV_FINAL, CSV_INTEGER, CSV_MARKS, CSV_MAY_BE_QUOTED, CSV_NOWHERE, CSV_NO_NULL,
  CSV_NULL, CSV_NULL_LENGTH, CSV_NULL_UNQUOTED, CSV_RECORD_BYTES_MAX, CSV_RUN_ROWS, CSV_SKIP, CSV_TEXT, CSV_TIMESTAMP, ENTRY_BYTES, ENTRY_DATA, ENTRY_KIND, ENTRY_LENGTH, ENTRY_MEMO, ENTRY_MEMO_MS, ENTRY_NODE, ENTRY_OFFSETS,
  ENTRY_VALIDITY, ENTRY_VALUES,
} from './csv-scan-plan'
import {
  BAD_FIELD_COUNT, BAD_INVALID_UTF8, BAD_NULL_NOT_ALLOWED, BAD_QUOTE, BAD_TYPE_MISMATCH, JSON_FLINK, JSON_NULL_ON_ERROR, NODE_DATA, NODE_FIRST_CHILD, NODE_FLAGS, NODE_INDEX,
  NODE_KIND, NODE_LENGTH, NODE_NULLABLE, NODE_OFFSETS, NODE_ROW_CAPACITY, NODE_TYPE, NODE_VALIDITY, NODE_VALUES, PLAN_FLAGS, PLAN_SCRATCH, PLAN_SCRATCH_BYTES, RESULT_LINE_END,
  RESULT_LINE_START, RESULT_NODE, RESULT_NULLED_VALUES, RESULT_PROBLEM, RESULT_REASON, RESULT_SLOW_ROWS, STATUS_BAD_RECORD, STATUS_DATA_FULL, STATUS_DONE, STATUS_NEED_MORE,
  STATUS_ROWS_FULL,
} from './json-scan-plan'
import { bind, bytesOfRoom, finish, lastLineEnd, openValidity } from './json-scan-rows'
import { CONVERTED, CONVERTED_TO_NULL, FULL_DATA, TOKEN_TEXT, closeBytes, convertText, timestampForms, trimStart } from './json-scan-values'
import { countByte } from './lines'
import { EXACT_POWERS, POWERS_U64, eightDigits } from './numbers'
import { MS_PER_DAY, parseTimestamp, parsedDays, parsedMs } from './timestamps'
import { utf8FirstBad, utf8IsValid } from './utf8'

/** The record goes on behind the last line feed. */
const INCOMPLETE: u32 = 252
/** Not a byte: for a mark that there is not. */
const NO_BYTE: u32 = 0x100
/** At most so many records are matched before their bytes are checked. */
const RUN_ROWS_MAX: u32 = 128

// Of the call at hand.
let plan: usize = 0
let flags: u32 = 0
let delimiter: u32 = 0
let quote: u32 = 0
let escape: u32 = 0
let nullText: usize = 0
let nullLength: u32 = 0
/** Behind the last line feed of the input. */
let limit: usize = 0
let reason: u32 = 0
let problem: usize = 0
let problemNode: usize = 0
/** A blank line is a record of one field, which is NULL. */
let blankIsNull: bool = false
/** The record at hand has a quote or an escape: line feeds may stand in it. */
let mayHoldFeeds: bool = false

/**
 * Scans the records of [input, inputEnd) and writes a row of the plan's columns for each, from `firstRow` on. Returns the rows written; the
 * rest of the answer is the plan's result block. A last line without a line feed is not consumed, nor a record whose quotes are open.
 */
export function scanCsv(scanPlan: usize, input: usize, inputEnd: usize, firstRow: u32, maxRows: u32): u32 {
  plan = scanPlan
  flags = load<u32>(plan, PLAN_FLAGS)
  delimiter = load<u8>(plan, CSV_MARKS)
  quote = load<u8>(plan, CSV_MARKS + 1)
  escape = load<u8>(plan, CSV_MARKS + 2)
  nullText = <usize>load<u32>(plan, CSV_NULL)
  nullLength = load<u32>(plan, CSV_NULL_LENGTH)
  limit = lastLineEnd(input, inputEnd)
  store<u32>(plan, 0, RESULT_REASON)
  const capacity = bind(plan, firstRow)
  if (limit == input || maxRows == 0) return finish(plan, input, input, firstRow, firstRow, 0, limit == input ? STATUS_NEED_MORE : STATUS_ROWS_FULL)
  const inputLimit = limit
  const rowEnd = max(firstRow, min<u32>(firstRow + min<u32>(maxRows, <u32>(limit - input)), capacity))
  openValidity(plan, rowEnd)
  bindEntries()
  blankIsNull = nullLength == 0 && load<u32>(plan, CSV_FIELD_COUNT) == 1 && takesNull(<usize>load<u32>(<usize>load<u32>(plan, CSV_FIELDS), ENTRY_NODE))
  let row = firstRow
  // Kept across calls: each bad record ends one.
  let runRows = max<u32>(load<u32>(plan, CSV_RUN_ROWS), 1)
  let lines: u32 = 0
  let p = input
  let status = STATUS_DONE
  while (p < inputLimit && status == STATUS_DONE) {
    // As many lines as certainly fit: no text is longer than its record.
    const room = bytesOfRoom(plan, row)
    limit = <u32>(inputLimit - p) <= room ? inputLimit : lastLineEnd(p, p + room)
    if (limit == p) { status = STATUS_DATA_FULL; break }
    const segment = p
    while (p < limit) {
      const first = <u32>load<u8>(p)
      // Blank lines and comments.
      if (!blankIsNull && isLineEnd(p)) { p = skipLineEnd(p); lines += 1; continue }
      if (first == 0x23 && (flags & CSV_COMMENTS) != 0) {
        while (load<u8>(p) != 0x0a) p += 1
        p += 1
        lines += 1
        continue
      }
      if (row == rowEnd) { status = STATUS_ROWS_FULL; break }
      reason = 0
      const run = p
      p = matchRecords(run, row, min(row + runRows, rowEnd))
      if (!matchedNonAscii || utf8IsValid(run, p)) {
        runRows = min(runRows * 2, RUN_ROWS_MAX)
        lines += matchedRow - row + matchedFeeds
        row = matchedRow
        if (!matchedOdd) continue
      } else {
        // One by one from here on, until it is found which record it is.
        p = run
        if (runRows != 1) { runRows = 1; continue }
      }
      reason = 0
      mayHoldFeeds = false
      const behind = parseRecord(p, row)
      store<u32>(plan, load<u32>(plan, RESULT_SLOW_ROWS) + 1, RESULT_SLOW_ROWS)
      if (behind == 0) {
        if (reason == INCOMPLETE) {
          if (limit < inputLimit) {
            if (p == segment) status = STATUS_DATA_FULL
            break
          }
          if (mayGoOn(p)) { status = STATUS_NEED_MORE; break }
          reason = BAD_QUOTE
          problem = p
          problemNode = 0
        }
        status = reason == FULL_DATA ? STATUS_DATA_FULL : STATUS_BAD_RECORD
        break
      }
      if (mayHoldFeeds && isTooLong(p, behind)) {
        reason = BAD_QUOTE
        status = STATUS_BAD_RECORD
        break
      }
      row += 1
      lines += countByte(p, behind, 0x0a)
      p = behind
    }
  }
  if (status == STATUS_BAD_RECORD) {
    let why = reason
    let where = problem
    limit = inputLimit
    mayHoldFeeds = false
    let end = recordEnd(p)
    if (end == 0) status = STATUS_NEED_MORE
    else {
      // Too long, or its quotes make no sense behind its first line: how much is known of it depends on how much of it is here, so that line
      // alone is bad, for a quote that is not closed.
      const firstEnd = firstLineEnd(p)
      if ((mayHoldFeeds && isTooLong(p, end)) || reason == INCOMPLETE || (reason != 0 && problem >= firstEnd)) {
        why = BAD_QUOTE
        where = p
        problemNode = 0
        end = firstEnd
      }
      store<u32>(plan, why, RESULT_REASON)
      store<u32>(plan, <u32>(p - input), RESULT_LINE_START)
      store<u32>(plan, <u32>(where - input), RESULT_PROBLEM)
      store<u32>(plan, problemNode == 0 ? 0 : load<u32>(problemNode, NODE_INDEX), RESULT_NODE)
      store<u32>(plan, <u32>(end - input), RESULT_LINE_END)
    }
  }
  store<u32>(plan, runRows, CSV_RUN_ROWS)
  return finish(plan, input, p, firstRow, row, lines, status)
}

// @ts-ignore: decorator
@inline function isLineEnd(p: usize): bool { return load<u8>(p) == 0x0a || (load<u8>(p) == 0x0d && load<u8>(p, 1) == 0x0a) }

/** Behind the line feed of the line end at `p`. */
// @ts-ignore: decorator
@inline function skipLineEnd(p: usize): usize { return load<u8>(p) == 0x0a ? p + 1 : p + 2 }

/** Whether there is a node for the field and its column takes NULL. */
function takesNull(node: usize): bool { return node != 0 && (load<u32>(node, NODE_FLAGS) & NODE_NULLABLE) != 0 }

/** Whether the record at `p`, whose quotes are open, may be closed by bytes yet to come. */
function mayGoOn(p: usize): bool {
  return load<u32>(plan, CSV_FINAL) == 0 && <u32>(limit - p) <= load<u32>(plan, CSV_RECORD_BYTES_MAX)
}

/** Whether a record whose line end is before `behind` has more bytes than allowed. */
// @ts-ignore: decorator
@inline function isTooLong(p: usize, behind: usize): bool {
  return <u32>(behind - p) - 1 - u32(load<u8>(behind - 2) == 0x0d) > load<u32>(plan, CSV_RECORD_BYTES_MAX)
}

/** Behind the first line of the record at `p`. */
function firstLineEnd(p: usize): usize {
  while (load<u8>(p) != 0x0a) p += 1
  return p + 1
}

/** Behind the record at `p`; if its quotes make no sense, behind its first line; 0 if that cannot be told yet. */
function recordEnd(p: usize): usize {
  const node = problemNode
  reason = 0
  let behind = p
  while (true) {
    behind = walkField(behind)
    if (behind == 0) break
    if (<u32>load<u8>(behind) != delimiter) break
    behind += 1
  }
  problemNode = node
  if (behind != 0) return skipLineEnd(behind)
  if (reason == INCOMPLETE && mayGoOn(p)) return 0
  return firstLineEnd(p)
}

// ---------------------------------------------------------------------------------------------------------------- the expected way

// What matchRecords says beside the position it stopped at.
/** The row of the record it stopped before. */
let matchedRow: u32 = 0
/** Line feeds within the quotes of what it read. */
let matchedFeeds: u32 = 0
/** That record is for the general way. Otherwise there may be none, or no row for it. */
let matchedOdd: bool = false
/** A byte beyond ASCII was seen in texts or near them: what was read need not be UTF-8. */
let matchedNonAscii: bool = false

/**
 * Reads records from `start` on until there are `rowEnd` rows. Returns the position of the record that it stopped before. A number or a time is read as
 * if it were one; one byte behind it tells if it was none, or the record's last, or NULL, or quoted. Texts are not known to be UTF-8 yet.
 */
function matchRecords(start: usize, firstRow: u32, rowEnd: u32): usize {
  const end = limit
  const mark = delimiter
  const fields = <usize>load<u32>(plan, CSV_FIELDS)
  const last = fields + (<usize>load<u32>(plan, CSV_FIELD_COUNT) - 1) * ENTRY_BYTES
  // The address of a byte that ends no field: where a reader goes that cannot read its field.
  const nowhere = plan + CSV_NOWHERE
  // The quote, unless quoted fields are for the general way: Flink takes a quoted text of NULL for NULL.
  const plainQuote = quote == 0 || ((flags & JSON_FLINK) != 0 && nullLength != CSV_NO_NULL && nullLength != 0) ? NO_BYTE : quote
  const nullFirst = load<u32>(plan, CSV_NULL_UNQUOTED) == 0 || nullLength == 0 ? NO_BYTE : <u32>load<u8>(nullText)
  const emptyIsNull = nullLength == 0
  // Longer texts of NULL are for the general way.
  const isShortNull = load<u32>(plan, CSV_NULL_UNQUOTED) != 0 && nullLength <= 16
  const nullBytes = v128.load(nullText)
  const nullBeyond = nullLength < 16 ? 0xffff & (0xffff << <i32>nullLength) : 0
  const marks = i8x16.splat(<i8>delimiter)
  // Where there is no quote or escape a line feed, which ends an unquoted field anyway.
  const quotes = i8x16.splat(<i8>(quote == 0 ? 0x0a : quote))
  const escapes = i8x16.splat(<i8>(escape == 0 ? 0x0a : escape))
  let p = start
  let row = firstRow
  let record = start
  let entry = fields
  /** What ends the field: the delimiter, or no byte, until its quote is closed. */
  let expected = mark
  let seen = i8x16.splat(0)
  let hasQuotes = false
  /** Not 0 if line feeds may stand in the quotes of the record. */
  let feeds: i32 = 0
  matchedFeeds = 0
  matchedOdd = false
  while (true) {
    let begin = p
    const operation = load<u32>(entry)
    switch (operation) {
      case CSV_INTEGER: {
        let sign: u64 = 0
        if (load<u8>(p) == 0x2d) { sign = 1; p += 1 }
        const characters = i8x16.sub(v128.load(p), i8x16.splat(0x30))
        const digits = <u32>ctz(i8x16.bitmask(i8x16.ge_u(characters, i8x16.splat(10))) | 0x10000)
        if (digits - 1 >= 15) { p = nowhere; break }
        p += <usize>digits
        let value: u64
        const word = i64x2.extract_lane(characters, 0)
        if (digits <= 8) value = eightDigits(word << <u64>(0 - (digits << 3)))
        else value = eightDigits(word) * load<u64>(POWERS_U64 + (<usize>(digits - 8) << 3)) + eightDigits(i64x2.extract_lane(characters, 1) << <u64>(0 - (digits << 3)))
        const values = <usize>load<u32>(entry, ENTRY_VALUES)
        const kind = load<u32>(entry, ENTRY_KIND)
        if (kind == KIND_INT64) store<u64>(values + (<usize>row << 3), (value ^ (0 - sign)) + sign)
        else if (kind == KIND_INT32) {
          if (value > 0x7fffffff + sign) p = nowhere
          store<u32>(values + (<usize>row << 2), <u32>((value ^ (0 - sign)) + sign))
        } else if (kind == KIND_INT16) {
          if (value > 0x7fff + sign) p = nowhere
          store<u16>(values + (<usize>row << 1), <u16>((value ^ (0 - sign)) + sign))
        } else {
          if (value > 0x7f + sign) p = nowhere
          store<u8>(values + <usize>row, <u8>((value ^ (0 - sign)) + sign))
        }
        break
      }
      case CSV_DOUBLE: case CSV_DECIMAL: {
        let sign: u64 = 0
        if (load<u8>(p) == 0x2d) { sign = 1; p += 1 }
        // Digits, perhaps a point and digits, at most eight a side and fifteen in all: a sixteenth is found to end no field.
        const nonDigits = i8x16.bitmask(i8x16.ge_u(i8x16.sub(v128.load(p), i8x16.splat(0x30)), i8x16.splat(10))) | 0x10000
        const whole = <u32>ctz(nonDigits)
        if (whole - 1 >= 8) { p = nowhere; break }
        let value = eightDigits(load<u64>(p) << <u64>(0 - (whole << 3)))
        p += <usize>whole
        let places: u32 = 0
        if (load<u8>(p) == 0x2e) {
          places = <u32>ctz(nonDigits >> <i32>(whole + 1))
          if (places - 1 >= 8) { p = nowhere; break }
          value = value * load<u64>(POWERS_U64 + (<usize>places << 3)) + eightDigits(load<u64>(p, 1) << <u64>(0 - (places << 3)))
          p += 1 + <usize>places
        }
        const values = <usize>load<u32>(entry, ENTRY_VALUES)
        if (operation == CSV_DOUBLE) {
          const number = <f64><i64>value / load<f64>(EXACT_POWERS + (<usize>places << 3))
          store<u64>(values + (<usize>row << 3), reinterpret<u64>(number) | (sign << 63))
        } else {
          const node = <usize>load<u32>(entry, ENTRY_NODE)
          const precision: u32 = load<u8>(node, NODE_TYPE + 1), scale: u32 = load<u8>(node, NODE_TYPE + 2)
          if (places > scale || whole + scale > 18) { p = nowhere; break }
          value *= load<u64>(POWERS_U64 + (<usize>(scale - places) << 3))
          if (value >= load<u64>(POWERS_U64 + (<usize>precision << 3))) { p = nowhere; break }
          store<u64>(values + (<usize>row << 3), (value ^ (0 - sign)) + sign)
        }
        break
      }
      case CSV_TEXT: case CSV_BOUNDED_TEXT: {
        const offsets = <usize>load<u32>(entry, ENTRY_OFFSETS) + (<usize>row << 2)
        const data = <usize>load<u32>(entry, ENTRY_DATA)
        let out = data + <usize>load<u32>(offsets)
        const first = <u32>load<u8>(p)
        if (first == nullFirst && (i8x16.bitmask(i8x16.eq(v128.load(p), nullBytes)) | nullBeyond) == 0xffff) { p = nowhere; break }
        if (first != plainQuote) {
          let stops: i32
          while (true) {
            const bytes = v128.load(p)
            v128.store(out, bytes)
            seen = v128.or(seen, bytes)
            // Line ends are among the control characters up to them: one comparison for both.
            stops = i8x16.bitmask(v128.or(v128.or(i8x16.eq(bytes, marks), i8x16.eq(bytes, quotes)), v128.or(i8x16.eq(bytes, escapes), i8x16.le_u(bytes, i8x16.splat(0x0d)))))
            if (stops != 0) break
            p += 16
            out += 16
          }
          p += <usize>ctz(stops)
          out += <usize>ctz(stops)
          if (p == begin && emptyIsNull) { p = nowhere; break }
        } else {
          hasQuotes = true
          p += 1
          while (true) {
            if (p >= end) { p = nowhere; break }
            const bytes = v128.load(p)
            v128.store(out, bytes)
            seen = v128.or(seen, bytes)
            const lineFeeds = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(0x0a)))
            const stops = i8x16.bitmask(v128.or(i8x16.eq(bytes, quotes), i8x16.eq(bytes, escapes)))
            if (stops == 0) { feeds |= lineFeeds; p += 16; out += 16; continue }
            const clean = <usize>ctz(stops)
            feeds |= lineFeeds & ((1 << <i32>clean) - 1)
            p += clean
            out += clean
            const stop = <u32>load<u8>(p)
            if (stop == plainQuote) {
              if (<u32>load<u8>(p, 1) != plainQuote) break
              // A doubled one.
              store<u8>(out, <u8>stop)
              p += 2
            } else if (stop == 0x0a) {
              // There is no escape.
              feeds = 1
              p += 1
            } else { p = nowhere; break }
            out += 1
          }
          if (p == nowhere) break
          // The quote may be one that lies behind the input.
          if (p >= end) { p = nowhere; break }
          p += 1
        }
        store<u32>(offsets, <u32>(out - data), 4)
        if (operation != CSV_TEXT && <u32>(out - data) - load<u32>(offsets) > load<u32>(entry, ENTRY_LENGTH)) p = nowhere
        break
      }
      case CSV_TIMESTAMP: {
        if (v128.any_true(v128.xor(v128.load(p), v128.load(entry, ENTRY_MEMO))) && !rememberMinute(entry, p)) { p = nowhere; break }
        // `:SS`, and `.mmm` if it is there.
        const rest = load<u64>(p, 16)
        let seconds = (rest >> 8) & 0xffff
        if (((seconds + 0x4646) | (seconds - 0x3030)) & 0x8080 || (rest & 0xff) != 0x3a) { p = nowhere; break }
        seconds -= 0x3030
        const second = (seconds & 0xff) * 10 + (seconds >> 8)
        if (second > 59) { p = nowhere; break }
        let ms: u64 = 0
        p += 19
        if (<u8>(rest >> 24) == 0x2e) {
          const digits = (rest >> 32 & 0xffffff) - 0x303030
          if ((digits | (digits + 0x767676)) & 0x808080) { p = nowhere; break }
          ms = (digits & 0xff) * 100 + (digits >> 8 & 0xff) * 10 + (digits >> 16)
          p += 4
        }
        store<i64>(<usize>load<u32>(entry, ENTRY_VALUES) + (<usize>row << 3), load<i64>(entry, ENTRY_MEMO_MS) + <i64>(second * 1000 + ms))
        break
      }
      case CSV_BOOLEAN: {
        // No branch on what nobody can predict.
        const word = load<u64>(p)
        const isTrue = <u32>(<u32>word == 0x65757274)
        if ((isTrue | <u32>(word << 24 == 0x65736c6166000000)) == 0) { p = nowhere; break }
        const at = <usize>load<u32>(entry, ENTRY_VALUES) + (row >> 3)
        store<u8>(at, <u8>((<u32>load<u8>(at) & ~(<u32>1 << (row & 7))) | (isTrue << (row & 7))))
        p += 5 - <usize>isTrue
        break
      }
      case CSV_SKIP: {
        if (<u32>load<u8>(p) == quote && quote != 0) { p = nowhere; break }
        let stops: i32
        while (true) {
          const bytes = v128.load(p)
          seen = v128.or(seen, bytes)
          stops = i8x16.bitmask(v128.or(v128.or(i8x16.eq(bytes, marks), i8x16.eq(bytes, quotes)), v128.or(i8x16.eq(bytes, escapes), i8x16.le_u(bytes, i8x16.splat(0x0d)))))
          if (stops != 0) break
          p += 16
        }
        p += <usize>ctz(stops)
        break
      }
      default:
        p = nowhere
    }
    let stop = <u32>load<u8>(p)
    if (stop == expected) { p += 1; entry += ENTRY_BYTES; continue }
    // The last field of a record, or something else than expected.
    let isOdd = false
    if (p == nowhere) {
      p = begin
      stop = <u32>load<u8>(p)
      if (expected != mark) isOdd = true
      else if (stop == plainQuote && (1 << operation & CSV_MAY_BE_QUOTED) != 0) {
        hasQuotes = true
        expected = NO_BYTE
        p += 1
        continue
      } else {
        const behind = p + <usize>nullLength
        if (isShortNull && operation != CSV_SKIP && (i8x16.bitmask(i8x16.eq(v128.load(p), nullBytes)) | nullBeyond) == 0xffff && behind < end && (<u32>load<u8>(behind) == mark || isLineEnd(behind))) {
          const validity = <usize>load<u32>(entry, ENTRY_VALIDITY)
          const offsets = <usize>load<u32>(entry, ENTRY_OFFSETS)
          // A text that takes no NULL is what it is, which is nothing only if it is empty.
          if (validity != 0) clearBit(validity, row)
          else isOdd = !emptyIsNull || (operation != CSV_TEXT && operation != CSV_BOUNDED_TEXT)
          if (offsets != 0) store<u32>(offsets + (<usize>row << 2), load<u32>(offsets + (<usize>row << 2)), 4)
          p = behind
          stop = <u32>load<u8>(p)
        } else isOdd = true
      }
    } else if (expected != mark) {
      if (stop == plainQuote && p + 1 < end) {
        p += 1
        stop = <u32>load<u8>(p)
      } else isOdd = true
    } else isOdd = stop != mark && !isLineEnd(p)
    if (isOdd) {
      // The field begins before its quote.
      if (expected != mark) begin -= 1
      if (quote != 0 && <u32>load<u8>(begin) == quote) {
        hasQuotes = true
        feeds = 1
      }
      p = matchOddField(entry, begin, row)
      if (p == 0) { matchedOdd = true; break }
      stop = <u32>load<u8>(p)
    }
    expected = mark
    if (stop == mark) { p += 1; entry += ENTRY_BYTES; continue }
    // Too few fields, or that long: no record to the general way.
    if (entry != last || !isLineEnd(p)) { matchedOdd = true; break }
    p = skipLineEnd(p)
    if (hasQuotes && isTooLong(record, p)) { matchedOdd = true; break }
    if (feeds != 0) {
      matchedFeeds += countByte(record, p, 0x0a) - 1
      feeds = 0
    }
    row += 1
    record = p
    entry = fields
    hasQuotes = false
    if (row == rowEnd || p >= end) break
    const first = <u32>load<u8>(p)
    if (first == 0x0a || first == 0x0d || (first == 0x23 && (flags & CSV_COMMENTS) != 0)) break
  }
  matchedRow = row
  matchedNonAscii = i8x16.bitmask(seen) != 0
  return record
}

/** Reads a field by the conversion table. Returns the position of the delimiter or line end behind it, 0 if it is for the general way. */
function matchOddField(entry: usize, p: usize, row: u32): usize {
  if (load<u32>(entry) == CSV_END) return 0
  const node = <usize>load<u32>(entry, ENTRY_NODE)
  if (quote != 0 && <u32>load<u8>(p) == quote) {
    p = walkField(p)
    if (p != 0 && !utf8IsValid(fieldStart, fieldEnd)) return 0
  } else p = walkPlainField(p)
  if (p == 0) return 0
  if (node == 0) return p
  // Elements that become NULL are counted once, by whoever keeps the record.
  if (<u32>load<u8>(node, NODE_TYPE) == TYPE_ARRAY && (flags & JSON_NULL_ON_ERROR) != 0) return 0
  const outcome = readField(node, row, p)
  if (outcome == CONVERTED_TO_NULL) writeNull(node, row)
  return outcome == CONVERTED || outcome == CONVERTED_TO_NULL ? p : 0
}

/** Walks over an unquoted field. Returns the position of the delimiter or line end behind it, 0 if it has a quote or an escape or is not UTF-8. */
function walkPlainField(p: usize): usize {
  const marks = i8x16.splat(<i8>delimiter)
  const quotes = i8x16.splat(<i8>(quote == 0 ? 0x0a : quote))
  const escapes = i8x16.splat(<i8>(escape == 0 ? 0x0a : escape))
  let seen = i8x16.splat(0)
  fieldStart = p
  while (true) {
    const bytes = v128.load(p)
    seen = v128.or(seen, bytes)
    const stops = i8x16.bitmask(v128.or(
      v128.or(i8x16.eq(bytes, marks), i8x16.eq(bytes, quotes)),
      v128.or(i8x16.eq(bytes, escapes), v128.or(i8x16.eq(bytes, i8x16.splat(0x0a)), i8x16.eq(bytes, i8x16.splat(0x0d)))),
    ))
    if (stops == 0) { p += 16; continue }
    p += <usize>ctz(stops)
    break
  }
  if (<u32>load<u8>(p) != delimiter && !isLineEnd(p)) return 0
  if (i8x16.bitmask(seen) != 0 && !utf8IsValid(fieldStart, p)) return 0
  fieldEnd = p
  fieldQuoted = false
  fieldEscaped = false
  return p
}

/** Copies into the entries what the nodes have for the batch at hand. */
function bindEntries(): void {
  let entry = <usize>load<u32>(plan, CSV_FIELDS)
  for (; load<u32>(entry) != CSV_END; entry += ENTRY_BYTES) {
    const node = <usize>load<u32>(entry, ENTRY_NODE)
    if (node == 0) continue
    store<u32>(entry, load<u32>(node, NODE_VALUES), ENTRY_VALUES)
    store<u32>(entry, load<u32>(node, NODE_OFFSETS), ENTRY_OFFSETS)
    store<u32>(entry, load<u32>(node, NODE_DATA), ENTRY_DATA)
    store<u32>(entry, (load<u32>(node, NODE_FLAGS) & NODE_NULLABLE) == 0 ? 0 : load<u32>(node, NODE_VALIDITY), ENTRY_VALIDITY)
    store<u32>(entry, load<u32>(node, NODE_KIND), ENTRY_KIND)
    store<u32>(entry, load<u32>(node, NODE_LENGTH), ENTRY_LENGTH)
  }
}

/** Keeps the minute of the timestamp at `p` if its first sixteen characters are `yyyy-MM-dd HH:mm` in an allowed form. */
function rememberMinute(entry: usize, p: usize): bool {
  if (load<u8>(p, 4) != 0x2d || load<u8>(p, 13) != 0x3a || load<u8>(p, 16) != 0x3a || (load<u8>(p, 11) == 0x32 && load<u8>(p, 12) == 0x34)) return false
  if (p + 19 > limit || !parseTimestamp(p, p + 19, timestampForms(false, true, flags))) return false
  v128.store(entry, v128.load(p), ENTRY_MEMO)
  store<i64>(entry, <i64>parsedDays() * MS_PER_DAY + <i64>(parsedMs() - parsedMs() % 60_000), ENTRY_MEMO_MS)
  return true
}

function isNullText(p: usize): bool {
  for (let index: u32 = 0; index < nullLength; index++) if (load<u8>(p + <usize>index) != load<u8>(nullText + <usize>index)) return false
  return true
}

// ---------------------------------------------------------------------------------------------------------------- the general way

function bad(why: u32, at: usize, node: usize): usize {
  reason = why
  problem = at
  problemNode = node
  return 0
}

function writeNull(node: usize, row: u32): void {
  const validity = <usize>load<u32>(node, NODE_VALIDITY)
  if (validity != 0) clearBit(validity, row)
  const kind = load<u32>(node, NODE_KIND)
  if (kind == KIND_BYTES || kind == KIND_LIST) {
    const offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2)
    store<u32>(offsets, load<u32>(offsets), 4)
  }
}

// The field that walkField has just walked over.
let fieldStart: usize = 0
let fieldEnd: usize = 0
let fieldQuoted: bool = false
/** The text is not the bytes as they stand: a doubled quote or an escape is in it. */
let fieldEscaped: bool = false

/** Walks over the field at `p`. Returns the position of the delimiter or line end behind it, 0 if it is bad or its quote is open. */
function walkField(p: usize): usize {
  fieldEscaped = false
  fieldQuoted = quote != 0 && <u32>load<u8>(p) == quote
  if (fieldQuoted) {
    mayHoldFeeds = true
    p += 1
    fieldStart = p
    while (true) {
      if (p >= limit) return bad(INCOMPLETE, p, 0)
      const character = <u32>load<u8>(p)
      if (escape != 0 && character == escape && escape != quote) {
        fieldEscaped = true
        p += 2
        continue
      }
      if (character == quote) {
        if (p + 1 < limit && <u32>load<u8>(p, 1) == quote) { fieldEscaped = true; p += 2; continue }
        break
      }
      p += 1
    }
    fieldEnd = p
    p += 1
    if ((flags & JSON_FLINK) != 0) p = skipBlanksBehindQuote(p)
    if (p < limit && (<u32>load<u8>(p) == delimiter || isLineEnd(p))) return p
    return bad(BAD_QUOTE, p, 0)
  }
  fieldStart = p
  while (true) {
    const character = <u32>load<u8>(p)
    if (character == delimiter || isLineEnd(p)) { fieldEnd = p; return p }
    if (escape != 0 && character == escape) {
      fieldEscaped = true
      mayHoldFeeds = true
      p += 2
      if (p >= limit) return bad(INCOMPLETE, p, 0)
      continue
    }
    if (quote != 0 && character == quote && (flags & JSON_FLINK) == 0) return bad(BAD_QUOTE, p, 0)
    p += 1
  }
}

/** What Flink passes over between a closing quote and the delimiter or line end. */
function skipBlanksBehindQuote(p: usize): usize {
  while (p < limit) {
    const character = <u32>load<u8>(p)
    if (character > 0x20 || character == delimiter || character == 0x0a || character == 0x0d) break
    p += 1
  }
  return p
}

/** What an escape makes of the character behind it. Flink knows some control characters by their letters. */
function unescaped(character: u32): u32 {
  if ((flags & JSON_FLINK) == 0) return character
  return character == 0x6e ? 0x0a : character == 0x72 ? 0x0d : character == 0x74 ? 0x09 : character == 0x30 ? 0 : character
}

/** Copies the walked field's text, quotes undoubled and escapes resolved. Returns its length. */
function copyField(out: usize): usize {
  const start = out
  for (let p = fieldStart; p < fieldEnd; p++) {
    let character = <u32>load<u8>(p)
    if (escape != 0 && character == escape && p + 1 < fieldEnd) { p += 1; character = unescaped(load<u8>(p)) }
    else if (fieldQuoted && character == quote) { p += 1; character = <u32>load<u8>(p) }
    store<u8>(out, <u8>character)
    out += 1
  }
  return out - start
}

function parseRecord(p: usize, row: u32): usize {
  const start = p
  const count = load<u32>(plan, CSV_FIELD_COUNT)
  const lenient = (flags & JSON_NULL_ON_ERROR) != 0
  let entry = <usize>load<u32>(plan, CSV_FIELDS)
  let field: u32 = 0
  for (; field < count; field++, entry += ENTRY_BYTES) {
    const node = <usize>load<u32>(entry, ENTRY_NODE)
    const at = p
    p = walkField(p)
    if (p == 0) return 0
    const firstBad = utf8FirstBad(fieldStart, fieldEnd)
    if (firstBad != fieldEnd) return bad(BAD_INVALID_UTF8, firstBad, node)
    if (node != 0) {
      const outcome = readField(node, row, p)
      if (outcome != CONVERTED) {
        if (outcome == FULL_DATA) return bad(FULL_DATA, at, node)
        const forgiven = outcome == CONVERTED_TO_NULL || (lenient && (load<u32>(node, NODE_FLAGS) & NODE_NULLABLE) != 0)
        if (!forgiven) return bad(outcome, at, node)
        if (outcome != CONVERTED_TO_NULL) store<u32>(plan, load<u32>(plan, RESULT_NULLED_VALUES) + 1, RESULT_NULLED_VALUES)
        writeNull(node, row)
      }
    }
    if (<u32>load<u8>(p) != delimiter) break
    if (field + 1 == count) {
      // Flink admits one blank field more, as a trailing delimiter makes it.
      const extra = p
      p = (flags & JSON_FLINK) == 0 ? 0 : walkField(p + 1)
      if (p == 0 || <u32>load<u8>(p) == delimiter || trimStart(fieldStart, fieldEnd) != fieldEnd) return bad(BAD_FIELD_COUNT, extra, 0)
      break
    }
    p += 1
  }
  // Too few fields: NULLs where that is allowed.
  for (field += 1, entry += ENTRY_BYTES; field < count; field++, entry += ENTRY_BYTES) {
    const node = <usize>load<u32>(entry, ENTRY_NODE)
    if (!lenient) return bad(BAD_FIELD_COUNT, p, 0)
    if (node == 0) continue
    if ((load<u32>(node, NODE_FLAGS) & NODE_NULLABLE) == 0) return bad(BAD_FIELD_COUNT, p, node)
    writeNull(node, row)
  }
  return skipLineEnd(p)
}

/** Reads the walked field into the node's column. */
function readField(node: usize, row: u32, behind: usize): u32 {
  let a = fieldStart
  let b = fieldEnd
  const type: u32 = load<u8>(node, NODE_TYPE)
  const text = type == TYPE_CHAR || type == TYPE_VARCHAR
  const nullable = (load<u32>(node, NODE_FLAGS) & NODE_NULLABLE) != 0
  if (nullLength != CSV_NO_NULL && (!fieldQuoted || ((flags & JSON_FLINK) != 0 && nullLength != 0)) && <u32>(b - a) == nullLength && isNullText(a)) {
    if (nullable) return CONVERTED_TO_NULL
    if (!text) return BAD_NULL_NOT_ALLOWED
  }
  if (text && fieldEscaped) {
    const out = <usize>load<u32>(node, NODE_DATA) + load<u32>(<usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2))
    const outcome = closeBytes(node, row, out + copyField(out), limit - behind)
    if (outcome == CONVERTED) setPresent(node, row)
    return outcome
  }
  if (fieldEscaped) {
    // No number and no date is that long; a list of texts may be, and is refused.
    if (<u32>(b - a) > load<u32>(plan, PLAN_SCRATCH_BYTES)) return BAD_TYPE_MISMATCH
    a = <usize>load<u32>(plan, PLAN_SCRATCH)
    b = a + copyField(a)
  }
  const outcome = type == TYPE_ARRAY ? readList(node, row, a, b) : convertText(node, row, a, b, TOKEN_TEXT, flags, limit - behind)
  if (outcome == CONVERTED) setPresent(node, row)
  return outcome
}

function setPresent(node: usize, row: u32): void {
  const validity = <usize>load<u32>(node, NODE_VALIDITY)
  if (validity != 0) setBit(validity, row)
}

/** Reads elements that stand between element delimiters. No text, in Flink blanks too, is a list of no elements. */
function readList(node: usize, row: u32, a: usize, b: usize): u32 {
  const element = <usize>load<u32>(node, NODE_FIRST_CHILD)
  const offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2)
  const mark = <u32>load<u8>(plan, CSV_MARKS + 3)
  let child = load<u32>(offsets)
  if ((flags & JSON_FLINK) != 0 && trimStart(a, b) == b) a = b
  while (a < b || (a == b && child != load<u32>(offsets))) {
    let end = a
    while (end < b && <u32>load<u8>(end) != mark) end += 1
    if (child >= load<u32>(element, NODE_ROW_CAPACITY)) return FULL_DATA
    const isNull = nullLength != CSV_NO_NULL && nullLength != 0 && <u32>(end - a) == nullLength && isNullText(a)
    let outcome = isNull ? ((load<u32>(element, NODE_FLAGS) & NODE_NULLABLE) != 0 ? CONVERTED_TO_NULL : BAD_NULL_NOT_ALLOWED) : convertText(element, child, a, end, TOKEN_TEXT, flags, limit - fieldStart)
    if (outcome != CONVERTED && outcome != CONVERTED_TO_NULL) {
      if (outcome == FULL_DATA || (flags & JSON_NULL_ON_ERROR) == 0 || (load<u32>(element, NODE_FLAGS) & NODE_NULLABLE) == 0) return outcome
      store<u32>(plan, load<u32>(plan, RESULT_NULLED_VALUES) + 1, RESULT_NULLED_VALUES)
      outcome = CONVERTED_TO_NULL
    }
    if (outcome == CONVERTED_TO_NULL) writeNull(element, child)
    else setPresent(element, child)
    child += 1
    if (end == b) break
    a = end + 1
  }
  store<u32>(offsets, child, 4)
  return CONVERTED
}
