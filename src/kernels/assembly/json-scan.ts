// The JSON-lines scanner. Two readers of one record: `matchShape`, which compares a record with a layout learned before (literals between
// values, 48 bytes at a time) and reads only the values; and `parseRecord`, which takes any JSON and is the judge: what the first cannot
// take goes to the second, from the start of the record. Invariant: a row counts only when its whole line has been read; everything
// written for it before lies behind the committed rows and offsets.

import {
  KIND_BYTES, KIND_INT16, KIND_LIST, KIND_MAP, TYPE_ARRAY, TYPE_BIGINT, TYPE_BOOLEAN, TYPE_CHAR, TYPE_DOUBLE, TYPE_INT, TYPE_INTERVAL_DAY_TIME, TYPE_INTERVAL_YEAR_MONTH,
  TYPE_ROW, TYPE_SMALLINT, TYPE_TIMESTAMP, TYPE_TIMESTAMP_LTZ, TYPE_TINYINT, TYPE_VARCHAR, bitIsSet, clearBit, setBit,
} from './column'
import {
  BAD_NOT_AN_OBJECT, BAD_MISSING_FIELD, BAD_NULL_NOT_ALLOWED, BAD_SYNTAX, BAD_TOO_DEEP, BAD_TOO_MANY_DUPLICATES, BAD_TRAILING_DATA, BAD_TYPE_MISMATCH, BAD_UNKNOWN_FIELD,
  DEPTH_MAX, JSON_FAIL_ON_MISSING, JSON_FLINK, JSON_NULL_ON_ERROR, JSON_REJECT_UNKNOWN, MAP_DUPLICATES_MAX, MAP_FILTER_BYTES, NODE_BYTES, NODE_COLUMN, NODE_DATA, NODE_FILTER,
  NODE_FIRST_CHILD, NODE_FLAGS, NODE_INDEX, NODE_KIND, NODE_LENGTH, NODE_NAME, NODE_NAME_LENGTH, NODE_NEXT_SIBLING, NODE_NULLABLE, NODE_OFFSETS, NODE_PLAIN_NAME, NODE_ROW_CAPACITY,
  NODE_ROW_LEVEL, NODE_STAMP, NODE_STATE, NODE_TABLE, NODE_TABLE_MASK, NODE_TYPE, NODE_VALIDITY, NODE_VALUES, PLAN_DEVIATIONS, PLAN_DEVIATIONS_MAX, PLAN_DEVIATION_COUNT,
  PLAN_FLAGS, PLAN_LEARN_CREDIT, PLAN_NODES, PLAN_NODE_COUNT, PLAN_OBJECT_STAMP, PLAN_SCRATCH, PLAN_SCRATCH_BYTES, PLAN_SHAPES, PLAN_SHAPES_MAX, PLAN_SHAPE_BYTES,
  PLAN_SHAPE_COUNT, PLAN_SHAPE_CURRENT, PLAN_STEPS_MAX, RESULT_DUPLICATE_KEYS, RESULT_LINE_END, RESULT_LINE_START, RESULT_NODE, RESULT_NULLED_VALUES, RESULT_PROBLEM,
  RESULT_REASON, RESULT_ROWS, RESULT_SLOW_ROWS, STATUS_BAD_RECORD, STATUS_DATA_FULL, STATUS_DONE, STATUS_NEED_MORE, STATUS_ROWS_FULL,
} from './json-scan-plan'
import {
  badAt, badNode, badReason, bad, badValue, beginText, copyEnd, copyString, copyStringBounded, copyValueText, hadEscape, skipBlanks, skipString, skipValue, stopsOfString,
  textLimit,
} from './json-scan-text'
import { bind, bytesOfRoom, clearBits, finish, lastLineEnd, openValidity } from './json-scan-rows'
import { CONVERTED, CONVERTED_TO_NULL, FULL_DATA, TOKEN_NUMBER, TOKEN_STRING, TOKEN_WORD, closeBytes, convertText, timestampForms } from './json-scan-values'
import { GRAMMAR_JSON, POWERS_U64, digitsAt, eightDigits, numberIsPlain, scanNumber, toDouble } from './numbers'
import { MS_PER_DAY, TIME_BLANK, parseTimestamp, parsedDays, parsedMs } from './timestamps'
import { behindUsual } from './usual-length'

/** Ends a call without a bad record, as FULL_DATA does. */
const FULL_ROWS: u32 = 253

// A shape: header, states (a byte a node), steps.
const SHAPE_STEP_COUNT: usize = 0
const SHAPE_HITS: usize = 4
const SHAPE_STEPS: usize = 8
const SHAPE_NULLS: usize = 12
const SHAPE_HEADER_BYTES: usize = 64

// A step: what to do after the literal, the literal's length, the node; the memo of a timestamp; the literal and its mask, 16 bytes each in turn.
const STEP_OPERATION: usize = 0
const STEP_LENGTH: usize = 4
const STEP_NODE: usize = 8
const STEP_LIMIT: usize = 12
const STEP_MEMO: usize = 16
const STEP_MEMO_MS: usize = 32
const STEP_DEPTH: usize = 40
const STEP_LITERAL: usize = 48
const STEP_BYTES: usize = 144
const LITERAL_MAX: usize = 48

/** In the place of the timestamp's memo, where digits are read. */
const STEP_USUAL: usize = STEP_MEMO

// Operations, without gaps. A switch over them that names all in ascending order, each by one constant, is one jump.
const READ_NOTHING: u32 = 0
const READ_END: u32 = 2
const READ_STRING: u32 = 4
const READ_STRING_OR_NULL: u32 = 5
const READ_SKIP_STRING: u32 = 6
const READ_SKIP_NUMBER: u32 = 8
const READ_SKIP_VALUE: u32 = 10
const READ_INT64: u32 = 12
const READ_INT64_OR_NULL: u32 = 13
const READ_INT32: u32 = 14
const READ_INT32_OR_NULL: u32 = 15
const READ_INT_SMALL: u32 = 16
const READ_INT_SMALL_OR_NULL: u32 = 17
const READ_TIMESTAMP: u32 = 18
const READ_TIMESTAMP_Z: u32 = 20
const READ_DOUBLE: u32 = 22
const READ_DOUBLE_OR_NULL: u32 = 23
const READ_BOOLEAN: u32 = 24
const READ_BOOLEAN_OR_NULL: u32 = 25
const READ_VALUE: u32 = 26

/** Bit of an operation: the value may be `null` instead. */
const READ_OR_NULL: u32 = 1

const DEVIATIONS_PER_ROW: u32 = 64
const LEARN_CREDIT_MAX: u32 = 64
const SHAPES_WITH_LITERAL_NULLS: u32 = 4

const DUPLICATES: usize = memory.data(1024, 16)
let duplicateTop: u32 = 0

// Of the call at hand.
let plan: usize = 0
let flags: u32 = 0
let learnable: bool = false
let rowLimit: u32 = 0
let recordRows: u32 = 0
/** Lines passed less rows written: blank lines count here, and the rows of an array but its first are taken off. */
let extraLines: u32 = 0

/**
 * Scans the lines of [input, inputEnd) and writes a row of the plan's columns for each object, from `firstRow` on. Returns the rows written;
 * the rest of the answer is the plan's result block. A last line without a line feed is not consumed.
 */
export function scanJson(scanPlan: usize, input: usize, inputEnd: usize, firstRow: u32, maxRows: u32): u32 {
  plan = scanPlan
  flags = load<u32>(plan, PLAN_FLAGS)
  const lastLine = lastLineEnd(input, inputEnd)
  store<u32>(plan, 0, RESULT_REASON)
  const capacity = bind(plan, firstRow)
  if (lastLine == input || maxRows == 0) return finish(plan, input, input, firstRow, firstRow, 0, lastLine == input ? STATUS_NEED_MORE : STATUS_ROWS_FULL)
  const bytes = <u32>(lastLine - input)
  // An object needs three bytes with its line feed; in Flink's arrays two with its comma.
  rowLimit = min<u32>(firstRow + min<u32>(maxRows, bytes / 2 + 1), capacity)
  if (rowLimit < firstRow) rowLimit = firstRow
  openValidity(plan, rowLimit)
  extraLines = 0
  let row = firstRow
  let p = input
  let status = STATUS_DONE
  while (p < lastLine) {
    // As many lines as certainly fit: no string is longer than its line.
    const room = bytesOfRoom(plan, row)
    let end = lastLine
    if (<u32>(lastLine - p) > room) {
      end = lastLineEnd(p, p + room)
      if (end == p) { status = STATUS_DATA_FULL; break }
    }
    beginText(end, (flags & JSON_FLINK) != 0)
    const stop = scanLines(p, end, row)
    row = load<u32>(plan, RESULT_ROWS)
    p = stop
    if (badReason() != 0) {
      status = badReason() == FULL_DATA ? STATUS_DATA_FULL : badReason() == FULL_ROWS ? STATUS_ROWS_FULL : STATUS_BAD_RECORD
      break
    }
  }
  if (status == STATUS_BAD_RECORD) {
    let lineEnd = p
    while (load<u8>(lineEnd) != 0x0a) lineEnd += 1
    store<u32>(plan, badReason(), RESULT_REASON)
    store<u32>(plan, <u32>(p - input), RESULT_LINE_START)
    store<u32>(plan, <u32>(lineEnd + 1 - input), RESULT_LINE_END)
    store<u32>(plan, <u32>(badAt() - input), RESULT_PROBLEM)
    store<u32>(plan, badNode() == 0 ? 0 : load<u32>(badNode(), NODE_INDEX), RESULT_NODE)
  }
  return finish(plan, input, p, firstRow, row, row - firstRow + extraLines, status)
}

/**
 * Scans whole lines until they end, a record is bad or the rows are full. Returns where it stopped: at the start of the line that it could
 * not take; RESULT_ROWS holds the next row (not a count) until `finish`.
 */
function scanLines(p: usize, end: usize, row: u32): usize {
  const shapes = <usize>load<u32>(plan, PLAN_SHAPES)
  const shapeBytes = <usize>load<u32>(plan, PLAN_SHAPE_BYTES)
  let shapeCount = load<u32>(plan, PLAN_SHAPE_COUNT)
  let current = load<u32>(plan, PLAN_SHAPE_CURRENT)
  const rowEnd = rowLimit
  while (p < end) {
    if (row == rowEnd) { if (!onlyBlanks(p, end)) bad(FULL_ROWS, p); else p = end; break }
    if (shapeCount != 0) {
      let index = current
      // How many shapes the record at hand is known not to have.
      let tried: u32 = 0
      do {
        const shape = shapes + <usize>index * shapeBytes
        const begin = row
        p = matchShape(shape, p, row, rowEnd, end)
        row = matchedRow
        // What the run leaves unwritten must stand before another shape, or the general way, writes behind it.
        flushRun(shape, begin, row)
        if (row == begin) tried += 1
        else {
          current = index
          tried = 1
        }
        index = index + 1 == shapeCount ? 0 : index + 1
      } while (matchedOdd && tried < shapeCount)
      if (!matchedOdd) continue
    }
    // The general way.
    const start = skipBlanks(p)
    if (load<u8>(start) == 0x0a) { p = start + 1; extraLines += 1; continue }
    learnable = true
    duplicateTop = 0
    recordRows = 0
    const behind = parseRecord(start, row)
    if (behind == 0) break
    store<u32>(plan, load<u32>(plan, RESULT_SLOW_ROWS) + 1, RESULT_SLOW_ROWS)
    if (learnable && recordRows == 1 && tryLearn(p, row)) {
      shapeCount = load<u32>(plan, PLAN_SHAPE_COUNT)
      current = load<u32>(plan, PLAN_SHAPE_CURRENT)
    }
    row += recordRows
    extraLines += 1 - recordRows
    p = behind
  }
  store<u32>(plan, current, PLAN_SHAPE_CURRENT)
  store<u32>(plan, row, RESULT_ROWS)
  return p
}

/** Whether no record is left; the blank lines are counted then. */
function onlyBlanks(p: usize, end: usize): bool {
  let lines: u32 = 0
  while (p < end) {
    p = skipBlanks(p)
    if (p >= end) break
    if (load<u8>(p) != 0x0a) return false
    p += 1
    lines += 1
  }
  extraLines += lines
  return true
}

/** Writes what a run of equal shapes has in common: NULLs and the offsets of NULL strings and lists; then the rows that deviate. */
function flushRun(shape: usize, begin: u32, end: u32): void {
  const nulls = load<u32>(shape, SHAPE_NULLS)
  if (begin < end) {
    store<u32>(shape, load<u32>(shape, SHAPE_HITS) + (end - begin), SHAPE_HITS)
    const nodes = <usize>load<u32>(plan, PLAN_NODES)
    // The NULL nodes of the shape, as u16 node indexes.
    let list = shape + SHAPE_HEADER_BYTES
    for (let index: u32 = 0; index < nulls; index++, list += 2) {
      const node = nodes + <usize>load<u16>(list) * NODE_BYTES
      const validity = <usize>load<u32>(node, NODE_VALIDITY)
      if (validity != 0) clearBits(validity, begin, end)
      const kind = load<u32>(node, NODE_KIND)
      if (kind == KIND_BYTES || kind == KIND_LIST || kind == KIND_MAP) {
        let offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>begin << 2)
        const value = load<u32>(offsets)
        for (let row = begin; row < end; row++) { offsets += 4; store<u32>(offsets, value) }
      }
    }
  }
  const deviations = load<u32>(plan, PLAN_DEVIATION_COUNT)
  if (deviations != 0) {
    let list = <usize>load<u32>(plan, PLAN_DEVIATIONS)
    for (let index: u32 = 0; index < deviations; index++, list += 8) clearBit(load<u32>(load<u32>(list), NODE_VALIDITY), load<u32>(list, 4))
    store<u32>(plan, 0, PLAN_DEVIATION_COUNT)
  }
}

// ---------------------------------------------------------------------------------------------------------------- the learned way

/**
 * Where a string may stop within 32 bytes. Strings are walked over in one such window and then in windows of 64 bytes: texts whose lengths lie
 * around a multiple of 32 would make every second prediction of the loop's end wrong.
 */
// @ts-ignore: decorator
@inline function stopsOf32(a: v128, b: v128): u32 {
  return <u32>i8x16.bitmask(stopsOfString(a)) | (<u32>i8x16.bitmask(stopsOfString(b)) << 16)
}

/** The row of the record that matchShape stopped before. */
let matchedRow: u32 = 0
/** That record is not of the shape. Otherwise there is none, or no room for it or for what may deviate in it. */
let matchedOdd: bool = false
/** Values that had become NULL before the record at hand. */
let nulledBefore: u32 = 0

/** Reads records as the shape says, from `start` to `end` at most and up to `rowEnd` rows. Returns the position of the record it stopped before. */
function matchShape(shape: usize, start: usize, firstRow: u32, rowEnd: u32, end: usize): usize {
  const firstStep = shape + <usize>load<u32>(shape, SHAPE_STEPS)
  let p = start
  let record = start
  let row = firstRow
  let step = firstStep
  matchedOdd = false
  nulledBefore = load<u32>(plan, RESULT_NULLED_VALUES)
  while (true) {
    let difference = v128.and(v128.xor(v128.load(p), v128.load(step, STEP_LITERAL)), v128.load(step, STEP_LITERAL + 16))
    const length = load<u32>(step, STEP_LENGTH)
    if (length > 16) {
      difference = v128.or(difference, v128.and(v128.xor(v128.load(p, 16), v128.load(step, STEP_LITERAL + 32)), v128.load(step, STEP_LITERAL + 48)))
      difference = v128.or(difference, v128.and(v128.xor(v128.load(p, 32), v128.load(step, STEP_LITERAL + 64)), v128.load(step, STEP_LITERAL + 80)))
    }
    if (v128.any_true(difference)) return mismatch(record, row)
    p += <usize>length
    switch (load<u32>(step)) {
      case READ_NOTHING: break
      case READ_END: {
        row += 1
        record = p
        if (row != rowEnd && p < end && load<u32>(plan, PLAN_DEVIATION_COUNT) + DEVIATIONS_PER_ROW <= load<u32>(plan, PLAN_DEVIATIONS_MAX)) {
          step = firstStep
          nulledBefore = load<u32>(plan, RESULT_NULLED_VALUES)
          continue
        }
        matchedRow = row
        return p
      }
      case READ_STRING: case READ_STRING_OR_NULL: {
        if (load<u32>(step) != READ_STRING) {
          if (load<u8>(p) != 0x22) {
            p = readValue(step, p, row)
            if (p == 0) return mismatch(record, row)
            break
          }
          p += 1
        }
        const node = <usize>load<u32>(step, STEP_NODE)
        const offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2)
        const data = <usize>load<u32>(node, NODE_DATA)
        let out = data + <usize>load<u32>(offsets)
        const a = v128.load(p), b = v128.load(p, 16)
        v128.store(out, a)
        v128.store(out, b, 16)
        const head = stopsOf32(a, b)
        let clean: usize
        if (head != 0) clean = <usize>ctz(head)
        else {
          clean = 32
          while (true) {
            const c = v128.load(p + clean), d = v128.load(p + clean, 16), e = v128.load(p + clean, 32), f = v128.load(p + clean, 48)
            v128.store(out + clean, c)
            v128.store(out + clean, d, 16)
            v128.store(out + clean, e, 32)
            v128.store(out + clean, f, 48)
            const stops = <u64>stopsOf32(c, d) | (<u64>stopsOf32(e, f) << 32)
            if (stops == 0) { clean += 64; continue }
            clean += <usize>ctz(stops)
            break
          }
        }
        p += clean
        out += clean
        if (load<u8>(p) == 0x22) p += 1
        else {
          p = copyString(p, out)
          if (p == 0) return mismatch(record, row)
          out = copyEnd()
        }
        store<u32>(offsets, <u32>(out - data), 4)
        break
      }
      case READ_SKIP_STRING: {
        const head = stopsOf32(v128.load(p), v128.load(p, 16))
        if (head != 0) p += <usize>ctz(head)
        else {
          p += 32
          while (true) {
            const stops = <u64>stopsOf32(v128.load(p), v128.load(p, 16)) | (<u64>stopsOf32(v128.load(p, 32), v128.load(p, 48)) << 32)
            if (stops == 0) { p += 64; continue }
            p += <usize>ctz(stops)
            break
          }
        }
        if (load<u8>(p) == 0x22) p += 1
        else {
          p = skipString(p)
          if (p == 0) return mismatch(record, row)
        }
        break
      }
      case READ_SKIP_NUMBER: {
        let digits = digitsAt(p)
        if (digits == 0 && load<u8>(p) == 0x2d) {
          p += 1
          digits = digitsAt(p)
        }
        if (digits == 0 || (digits > 1 && load<u8>(p) == 0x30)) return mismatch(record, row)
        const next = load<u8>(p + <usize>digits)
        if (digits == 16 || next == 0x2e || (next | 0x20) == 0x65) {
          p = scanNumber(p, textLimit(), GRAMMAR_JSON)
          if (p == 0) return mismatch(record, row)
        } else p = behindUsual(step + STEP_USUAL, p, digits)
        break
      }
      case READ_SKIP_VALUE: {
        p = skipValue(p, load<u32>(step, STEP_DEPTH))
        if (p == 0) return mismatch(record, row)
        break
      }
      case READ_INT64: case READ_INT64_OR_NULL: case READ_INT32: case READ_INT32_OR_NULL: case READ_INT_SMALL: case READ_INT_SMALL_OR_NULL: {
        let sign: u64 = 0
        let digits = digitsAt(p)
        if (digits == 0 && load<u8>(p) == 0x2d) {
          sign = 1
          p += 1
          digits = digitsAt(p)
        }
        if (digits - 1 >= 15 || (digits != 1 && load<u8>(p) == 0x30)) {
          p = readValue(step, p - <usize>sign, row)
          if (p == 0) return mismatch(record, row)
          break
        }
        let value: u64
        if (digits <= 8) value = eightDigits(load<u64>(p) << <u64>(64 - (digits << 3)))
        else value = eightDigits(load<u64>(p)) * load<u64>(POWERS_U64 + (<usize>(digits - 8) << 3)) + eightDigits(load<u64>(p, 8) << <u64>(128 - (digits << 3)))
        p = behindUsual(step + STEP_USUAL, p, digits)
        const node = <usize>load<u32>(step, STEP_NODE)
        const values = <usize>load<u32>(node, NODE_VALUES)
        const operation = load<u32>(step) & ~READ_OR_NULL
        if (operation == READ_INT64) {
          store<u64>(values + (<usize>row << 3), (value ^ (0 - sign)) + sign)
          break
        }
        if (value > <u64>load<u32>(step, STEP_LIMIT) + sign) return mismatch(record, row)
        value = (value ^ (0 - sign)) + sign
        if (operation == READ_INT32) store<u32>(values + (<usize>row << 2), <u32>value)
        else if (load<u32>(node, NODE_KIND) == KIND_INT16) store<u16>(values + (<usize>row << 1), <u16>value)
        else store<u8>(values + <usize>row, <u8>value)
        break
      }
      case READ_TIMESTAMP: case READ_TIMESTAMP_Z: {
        const zone: usize = load<u32>(step) == READ_TIMESTAMP_Z ? 1 : 0
        const otherMinute = v128.any_true(v128.xor(v128.load(p), v128.load(step, STEP_MEMO)))
        if (otherMinute && !rememberMinute(step, p, p + 23 + zone)) return mismatch(record, row)
        // `:SS.mmm` and the quote or the Z behind it.
        const rest = load<u64>(p, 16)
        if ((rest & 0xff000000ff0000ff) != (zone == 0 ? 0x220000002e00003a : 0x5a0000002e00003a)) return mismatch(record, row)
        const seconds = rest - 0x0030303000303000
        if (((seconds | (seconds + 0x0076767600767600)) & 0x0080808000808000) != 0) return mismatch(record, row)
        if (zone != 0 && load<u8>(p, 24) != 0x22) return mismatch(record, row)
        const second = ((seconds >> 8) & 0xff) * 10 + ((seconds >> 16) & 0xff)
        if (second > 59) return mismatch(record, row)
        const ms = ((seconds >> 32) & 0xff) * 100 + ((seconds >> 40) & 0xff) * 10 + ((seconds >> 48) & 0xff)
        const node = <usize>load<u32>(step, STEP_NODE)
        store<i64>(<usize>load<u32>(node, NODE_VALUES) + (<usize>row << 3), (load<i64>(step, STEP_MEMO_MS) + <i64>(second * 1000 + ms)) * <i64>load<u32>(step, STEP_LIMIT))
        p += 24 + zone
        break
      }
      case READ_DOUBLE: case READ_DOUBLE_OR_NULL: {
        const behind: usize = load<u8>(p) == 0x6e ? 0 : scanNumber(p, textLimit(), GRAMMAR_JSON)
        if (behind == 0) {
          p = readValue(step, p, row)
          if (p == 0) return mismatch(record, row)
          break
        }
        const value = toDouble()
        if (abs(value) == Infinity) return mismatch(record, row)
        const node = <usize>load<u32>(step, STEP_NODE)
        store<f64>(<usize>load<u32>(node, NODE_VALUES) + (<usize>row << 3), value)
        p = behind
        break
      }
      case READ_BOOLEAN: case READ_BOOLEAN_OR_NULL: {
        const node = <usize>load<u32>(step, STEP_NODE)
        const bits = <usize>load<u32>(node, NODE_VALUES)
        if (load<u32>(p) == 0x65757274) { setBit(bits, row); p += 4 }
        else if (load<u32>(p, 1) == 0x65736c61 && load<u8>(p) == 0x66) { clearBit(bits, row); p += 5 }
        else {
          p = readValue(step, p, row)
          if (p == 0) return mismatch(record, row)
        }
        break
      }
      default: {
        p = readValue(step, p, row)
        if (p == 0) return mismatch(record, row)
        break
      }
    }
    step += STEP_BYTES
  }
}

/**
 * The record at `record` is not of the shape: takes back what it has noted and counted, and any complaint; the general way will say what is wrong.
 * Returns where matchShape stops.
 */
function mismatch(record: usize, row: u32): usize {
  matchedRow = row
  matchedOdd = true
  store<u32>(plan, nulledBefore, RESULT_NULLED_VALUES)
  let count = load<u32>(plan, PLAN_DEVIATION_COUNT)
  const list = <usize>load<u32>(plan, PLAN_DEVIATIONS)
  while (count != 0 && load<u32>(list + (<usize>(count - 1) << 3), 4) == row) count -= 1
  store<u32>(plan, count, PLAN_DEVIATION_COUNT)
  beginText(textLimit(), (flags & JSON_FLINK) != 0)
  return record
}

/** Reads a value the general way inside a shape. NULL is noted as a deviation if the shape foresees it. */
function readValue(step: usize, p: usize, row: u32): usize {
  const node = <usize>load<u32>(step, STEP_NODE)
  if (load<u32>(p) == 0x6c6c756e) {
    if ((load<u32>(step) & READ_OR_NULL) == 0) return 0
    const kind = load<u32>(node, NODE_KIND)
    if (kind == KIND_BYTES || kind == KIND_LIST || kind == KIND_MAP) {
      const offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2)
      store<u32>(offsets, load<u32>(offsets), 4)
    }
    return noteNull(node, row) ? p + 4 : 0
  }
  const behind = parseValue(node, p, row, load<u32>(step, STEP_DEPTH))
  if (behind == 0) return 0
  if (load<u32>(node, NODE_STATE) == 0) {
    // The general way has cleared the bit; so will the end of the run.
    setBit(load<u32>(node, NODE_VALIDITY), row)
    if (!noteNull(node, row)) return 0
  }
  return behind
}

/** Remembers a NULL until the run of rows is written. */
function noteNull(node: usize, row: u32): bool {
  const count = load<u32>(plan, PLAN_DEVIATION_COUNT)
  if (count >= load<u32>(plan, PLAN_DEVIATIONS_MAX)) return false
  const list = <usize>load<u32>(plan, PLAN_DEVIATIONS) + (<usize>count << 3)
  store<u32>(list, <u32>node)
  store<u32>(list, row, 4)
  store<u32>(plan, count + 1, PLAN_DEVIATION_COUNT)
  return true
}

/** Keeps the minute of the timestamp in [p, end). */
function rememberMinute(step: usize, p: usize, end: usize): bool {
  const node = <usize>load<u32>(step, STEP_NODE)
  if (load<u8>(end) != 0x22 || (load<u8>(p, 11) == 0x32 && load<u8>(p, 12) == 0x34)) return false
  if (!parseTimestamp(p, end, timestampForms(load<u8>(node, NODE_TYPE) == TYPE_TIMESTAMP_LTZ, false, flags))) return false
  const ms = <i64>parsedDays() * MS_PER_DAY + <i64>(parsedMs() - parsedMs() % 60_000)
  // Four-digit years only, so that the sixteen bytes end with the minute.
  if (load<u8>(p, 4) != 0x2d || load<u8>(p, 13) != 0x3a) return false
  v128.store(step, v128.load(p), STEP_MEMO)
  store<i64>(step, ms, STEP_MEMO_MS)
  return true
}

// ---------------------------------------------------------------------------------------------------------------- the general way

function writeNull(node: usize, row: u32): void {
  store<u32>(node, 0, NODE_STATE)
  const column = load<u32>(node, NODE_COLUMN)
  if (column != 0) {
    const validity = <usize>load<u32>(node, NODE_VALIDITY)
    if (validity != 0) clearBit(validity, row)
    const kind = load<u32>(node, NODE_KIND)
    if (kind == KIND_BYTES || kind == KIND_LIST || kind == KIND_MAP) {
      const offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2)
      store<u32>(offsets, load<u32>(offsets), 4)
    }
  }
  if (load<u8>(node, NODE_TYPE) == TYPE_ROW) {
    for (let child = <usize>load<u32>(node, NODE_FIRST_CHILD); child != 0; child = <usize>load<u32>(child, NODE_NEXT_SIBLING)) writeNull(child, row)
  }
}

// @ts-ignore: decorator
@inline function writePresent(node: usize, row: u32): void {
  store<u32>(node, 1, NODE_STATE)
  const validity = <usize>load<u32>(node, NODE_VALIDITY)
  if (validity != 0) setBit(validity, row)
}

/** Reads the record at `p` (no blank) into `row` and the rows behind it; sets `recordRows`. Returns the position behind its line feed. */
function parseRecord(p: usize, row: u32): usize {
  const root = <usize>load<u32>(plan, PLAN_NODES)
  const flink = (flags & JSON_FLINK) != 0
  const first = load<u8>(p)
  if (first == 0x7b) {
    p = parseObject(root, p + 1, row, 1)
    if (p == 0) return 0
    recordRows = 1
  } else if (first == 0x5b && flink) {
    const start = p
    p = skipBlanks(p + 1)
    if (load<u8>(p) == 0x5d) p += 1
    else while (true) {
      if (row == rowLimit) return bad(FULL_ROWS, start)
      if (load<u8>(p) != 0x7b) { const behind = skipValue(p, 1); return behind == 0 ? 0 : bad(BAD_NOT_AN_OBJECT, p) }
      p = parseObject(root, p + 1, row, 2)
      if (p == 0) return 0
      row += 1
      recordRows += 1
      p = skipBlanks(p)
      const next = load<u8>(p)
      if (next == 0x5d) { p += 1; break }
      if (next != 0x2c) return bad(BAD_SYNTAX, p)
      p = skipBlanks(p + 1)
    }
  } else {
    const behind = skipValue(p, 0)
    return behind == 0 ? 0 : bad(BAD_NOT_AN_OBJECT, p)
  }
  p = skipBlanks(p)
  if (load<u8>(p) != 0x0a) {
    if (!flink) return bad(BAD_TRAILING_DATA, p)
    // Flink reads one object and leaves the rest of the line alone.
    learnable = false
    while (load<u8>(p) != 0x0a) p += 1
  }
  return p + 1
}

// @ts-ignore: decorator
@inline function sameBytes(a: usize, b: usize, length: usize): bool {
  while (length >= 16) {
    if (v128.any_true(v128.xor(v128.load(a), v128.load(b)))) return false
    a += 16
    b += 16
    length -= 16
  }
  return ((i8x16.bitmask(i8x16.ne(v128.load(a), v128.load(b)))) & ((1 << <i32>length) - 1)) == 0
}

/** The member of the node whose name is [name, name + length), or 0. */
function lookUp(node: usize, name: usize, length: usize): usize {
  const table = <usize>load<u32>(node, NODE_TABLE)
  const mask = load<u32>(node, NODE_TABLE_MASK)
  let hash: u32 = 0x811c9dc5
  for (let index: usize = 0; index < length; index++) hash = (hash ^ load<u8>(name + index)) * 0x01000193
  hash ^= hash >> 15
  let slot = hash & mask
  while (true) {
    const child = <usize>load<u32>(table + (<usize>slot << 2))
    if (child == 0) return 0
    if (load<u32>(child, NODE_NAME_LENGTH) == <u32>length && sameBytes(load<u32>(child, NODE_NAME), name, length)) return child
    slot = (slot + 1) & mask
  }
}

/** Reads the members of an object whose brace lies before `p`, into row `row` of the node's children. Returns the position behind its end. */
function parseObject(node: usize, p: usize, row: u32, depth: u32): usize {
  const stamp = load<u32>(plan, PLAN_OBJECT_STAMP) + 1
  store<u32>(plan, stamp, PLAN_OBJECT_STAMP)
  let expected = <usize>load<u32>(node, NODE_FIRST_CHILD)
  p = skipBlanks(p)
  if (load<u8>(p) == 0x7d) p += 1
  else while (true) {
    if (load<u8>(p) != 0x22) return bad(BAD_SYNTAX, p)
    const name = p + 1
    let child: usize = 0
    const length: usize = expected == 0 ? 0 : <usize>load<u32>(expected, NODE_NAME_LENGTH)
    if (expected != 0 && (load<u32>(expected, NODE_FLAGS) & NODE_PLAIN_NAME) != 0 && name + length < textLimit() && load<u8>(name + length) == 0x22 && sameBytes(load<u32>(expected, NODE_NAME), name, length)) {
      child = expected
      p = name + length + 1
    } else {
      p = skipString(name)
      if (p == 0) return 0
      if (hadEscape()) {
        const scratch = <usize>load<u32>(plan, PLAN_SCRATCH)
        const scratchBytes = <usize>load<u32>(plan, PLAN_SCRATCH_BYTES)
        copyStringBounded(name, scratch, scratchBytes)
        if (copyEnd() <= scratch + scratchBytes) child = lookUp(node, scratch, copyEnd() - scratch)
      } else child = lookUp(node, name, p - 1 - name)
    }
    p = skipBlanks(p)
    if (load<u8>(p) != 0x3a) return bad(BAD_SYNTAX, p)
    p = skipBlanks(p + 1)
    if (child != 0) {
      if (load<u32>(child, NODE_STAMP) == stamp) {
        learnable = false
        store<u32>(plan, load<u32>(plan, RESULT_DUPLICATE_KEYS) + 1, RESULT_DUPLICATE_KEYS)
      }
      store<u32>(child, stamp, NODE_STAMP)
      p = parseValue(child, p, row, depth)
      expected = <usize>load<u32>(child, NODE_NEXT_SIBLING)
    } else {
      if ((flags & JSON_REJECT_UNKNOWN) != 0) return badValue(BAD_UNKNOWN_FIELD, name - 1, node)
      p = skipValue(p, depth)
    }
    if (p == 0) return 0
    p = skipBlanks(p)
    const next = load<u8>(p)
    p += 1
    if (next == 0x7d) break
    if (next != 0x2c) return bad(BAD_SYNTAX, p - 1)
    p = skipBlanks(p)
  }
  for (let child = <usize>load<u32>(node, NODE_FIRST_CHILD); child != 0; child = <usize>load<u32>(child, NODE_NEXT_SIBLING)) {
    if (load<u32>(child, NODE_STAMP) == stamp) continue
    const nullable = (load<u32>(child, NODE_FLAGS) & NODE_NULLABLE) != 0
    if (!nullable || (flags & (JSON_FAIL_ON_MISSING | JSON_NULL_ON_ERROR)) == JSON_FAIL_ON_MISSING) return badValue(BAD_MISSING_FIELD, p - 1, child)
    writeNull(child, row)
  }
  return p
}

/** Reads the value at `p` into row `row` of the node, which lies inside `depth` objects and arrays. Returns the position behind it. */
function parseValue(node: usize, p: usize, row: u32, depth: u32): usize {
  const behind = parseTyped(node, p, row, depth)
  if (behind != 0 || (flags & JSON_NULL_ON_ERROR) == 0 || badReason() < BAD_TYPE_MISMATCH || badReason() >= FULL_ROWS || (load<u32>(node, NODE_FLAGS) & NODE_NULLABLE) == 0) return behind
  const skipped = skipValue(p, depth)
  if (skipped == 0) return 0
  beginText(textLimit(), (flags & JSON_FLINK) != 0)
  learnable = false
  store<u32>(plan, load<u32>(plan, RESULT_NULLED_VALUES) + 1, RESULT_NULLED_VALUES)
  writeNull(node, row)
  return skipped
}

function parseTyped(node: usize, p: usize, row: u32, depth: u32): usize {
  const type: u32 = load<u8>(node, NODE_TYPE)
  const first = <u32>load<u8>(p)
  if (first == 0x6e) {
    if (load<u32>(p) != 0x6c6c756e) return bad(BAD_SYNTAX, p)
    if ((load<u32>(node, NODE_FLAGS) & NODE_NULLABLE) == 0) return badValue(BAD_NULL_NOT_ALLOWED, p, node)
    writeNull(node, row)
    return p + 4
  }
  if (type >= TYPE_ARRAY) {
    const open: u32 = type == TYPE_ARRAY ? 0x5b : 0x7b
    if (first != open) return mismatched(node, p, depth)
    if (depth >= DEPTH_MAX) return bad(BAD_TOO_DEEP, p)
    const behind = type == TYPE_ROW ? parseObject(node, p + 1, row, depth + 1) : type == TYPE_ARRAY ? parseArray(node, p + 1, row, depth + 1) : parseMap(node, p + 1, row, depth + 1)
    if (behind != 0) writePresent(node, row)
    return behind
  }
  let a = p
  let b: usize
  let behind: usize
  let token: u32
  if (first == 0x22) {
    token = TOKEN_STRING
    if (type == TYPE_CHAR || type == TYPE_VARCHAR) {
      const offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2)
      behind = copyString(p + 1, <usize>load<u32>(node, NODE_DATA) + <usize>load<u32>(offsets))
      if (behind == 0) return 0
      const outcome = closeBytes(node, row, copyEnd(), textLimit() - behind)
      if (outcome != CONVERTED) return badValue(outcome, p, node)
      writePresent(node, row)
      return behind
    }
    behind = skipString(p + 1)
    if (behind == 0) return 0
    a = p + 1
    b = behind - 1
    if (hadEscape()) {
      a = <usize>load<u32>(plan, PLAN_SCRATCH)
      copyStringBounded(p + 1, a, load<u32>(plan, PLAN_SCRATCH_BYTES))
      // Text beyond the scratch place is no number and no date. Base64 of that length has no need of escapes.
      b = min(copyEnd(), a + <usize>load<u32>(plan, PLAN_SCRATCH_BYTES))
    }
  } else if (first == 0x2d || first - 0x30 <= 9) {
    token = TOKEN_NUMBER
    behind = scanNumber(p, textLimit(), GRAMMAR_JSON)
    if (behind == 0) return bad(BAD_SYNTAX, p)
    b = behind
  } else if (first == 0x74 || first == 0x66) {
    token = TOKEN_WORD
    behind = skipValue(p, depth)
    if (behind == 0) return 0
    b = behind
  } else {
    if ((first == 0x7b || first == 0x5b) && (type == TYPE_CHAR || type == TYPE_VARCHAR) && (flags & JSON_FLINK) != 0) {
      const offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2)
      const data = <usize>load<u32>(node, NODE_DATA)
      behind = copyValueText(p, data + <usize>load<u32>(offsets), depth)
      if (behind == 0) return 0
      store<u32>(offsets, <u32>(copyEnd() - data), 4)
      writePresent(node, row)
      return behind
    }
    return mismatched(node, p, depth)
  }
  const outcome = convertText(node, row, a, b, token, flags, textLimit() - behind)
  if (outcome == CONVERTED) { writePresent(node, row); return behind }
  if (outcome == CONVERTED_TO_NULL) { writeNull(node, row); learnable = false; return behind }
  return badValue(outcome, p, node)
}

/** A value of the wrong kind; if it is not even JSON, that is what is wrong. */
function mismatched(node: usize, p: usize, depth: u32): usize {
  return skipValue(p, depth) == 0 ? 0 : badValue(BAD_TYPE_MISMATCH, p, node)
}

function parseArray(node: usize, p: usize, row: u32, depth: u32): usize {
  const element = <usize>load<u32>(node, NODE_FIRST_CHILD)
  const offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2)
  let child = load<u32>(offsets)
  const capacity = load<u32>(element, NODE_ROW_CAPACITY)
  p = skipBlanks(p)
  if (load<u8>(p) == 0x5d) p += 1
  else while (true) {
    if (child >= capacity) return bad(FULL_DATA, p)
    p = parseValue(element, p, child, depth)
    if (p == 0) return 0
    child += 1
    p = skipBlanks(p)
    const next = load<u8>(p)
    p += 1
    if (next == 0x5d) break
    if (next != 0x2c) return bad(BAD_SYNTAX, p - 1)
    p = skipBlanks(p)
  }
  store<u32>(offsets, child, 4)
  return p
}

function parseMap(node: usize, start: usize, row: u32, depth: u32): usize {
  const duplicateBase = duplicateTop
  let behind = parseEntries(node, start, row, depth, duplicateBase, duplicateBase)
  // A second reading leaves out the entries whose key comes again.
  if (behind != 0 && duplicateTop != duplicateBase) behind = parseEntries(node, start, row, depth, duplicateBase, duplicateTop)
  duplicateTop = duplicateBase
  return behind
}

function parseEntries(node: usize, p: usize, row: u32, depth: u32, droppedBegin: u32, droppedEnd: u32): usize {
  const key = <usize>load<u32>(node, NODE_FIRST_CHILD)
  const value = <usize>load<u32>(key, NODE_NEXT_SIBLING)
  const offsets = <usize>load<u32>(node, NODE_OFFSETS) + (<usize>row << 2)
  const begin = load<u32>(offsets)
  let child = begin
  const capacity = min(load<u32>(key, NODE_ROW_CAPACITY), load<u32>(value, NODE_ROW_CAPACITY))
  const keyOffsets = <usize>load<u32>(key, NODE_OFFSETS)
  const keyData = <usize>load<u32>(key, NODE_DATA)
  const second = droppedBegin != droppedEnd
  let entry: u32 = 0
  p = skipBlanks(p)
  if (load<u8>(p) == 0x7d) p += 1
  else while (true) {
    if (load<u8>(p) != 0x22) return bad(BAD_SYNTAX, p)
    if (child >= capacity) return bad(FULL_DATA, p)
    const keyStart = load<u32>(keyOffsets + (<usize>child << 2))
    const keyAt = p
    p = copyString(p + 1, keyData + keyStart)
    if (p == 0) return 0
    const outcome = closeBytes(key, child, copyEnd(), textLimit() - p)
    if (outcome != CONVERTED) return badValue(outcome, keyAt, key)
    writePresent(key, child)
    p = skipBlanks(p)
    if (load<u8>(p) != 0x3a) return bad(BAD_SYNTAX, p)
    p = skipBlanks(p + 1)
    if (second && isDropped(entry, droppedBegin, droppedEnd)) {
      p = skipValue(p, depth)
      child -= 1
    } else {
      if (!second) {
        const earlier = findKey(node, keyOffsets, keyData, begin, child)
        if (earlier != child) {
          if (duplicateTop == MAP_DUPLICATES_MAX) return badValue(BAD_TOO_MANY_DUPLICATES, p, node)
          store<u32>(DUPLICATES + (<usize>duplicateTop << 2), earlier - begin)
          duplicateTop += 1
          store<u32>(plan, load<u32>(plan, RESULT_DUPLICATE_KEYS) + 1, RESULT_DUPLICATE_KEYS)
        }
      }
      p = parseValue(value, p, child, depth)
    }
    if (p == 0) return 0
    child += 1
    entry += 1
    p = skipBlanks(p)
    const next = load<u8>(p)
    p += 1
    if (next == 0x7d) break
    if (next != 0x2c) return bad(BAD_SYNTAX, p - 1)
    p = skipBlanks(p)
  }
  store<u32>(offsets, child, 4)
  return p
}

function isDropped(entry: u32, begin: u32, end: u32): bool {
  for (let index = begin; index < end; index++) if (load<u32>(DUPLICATES + (<usize>index << 2)) == entry) return true
  return false
}

/** The last entry of [begin, child) with the key of entry `child`, or `child`. Above 32 entries a filter spares most of the comparing. */
function findKey(node: usize, keyOffsets: usize, keyData: usize, begin: u32, child: u32): u32 {
  const start = load<u32>(keyOffsets + (<usize>child << 2)), length = load<u32>(keyOffsets + (<usize>child << 2), 4) - start
  const name = keyData + <usize>start
  const count = child - begin
  if (count >= 32) {
    const filter = <usize>load<u32>(node, NODE_FILTER)
    if (count == 32) {
      memory.fill(filter, 0, MAP_FILTER_BYTES)
      for (let index = begin; index < child; index++) {
        const other = load<u32>(keyOffsets + (<usize>index << 2))
        setBit(filter, hashBytes(keyData + <usize>other, load<u32>(keyOffsets + (<usize>index << 2), 4) - other))
      }
    }
    const hash = hashBytes(name, length)
    if (!bitIsSet(filter, hash)) { setBit(filter, hash); return child }
  }
  for (let index = child; index > begin; index--) {
    const other = load<u32>(keyOffsets + (<usize>(index - 1) << 2))
    if (load<u32>(keyOffsets + (<usize>index << 2)) - other == length && sameBytes(keyData + <usize>other, name, length)) return index - 1
  }
  return child
}

function hashBytes(p: usize, length: u32): u32 {
  let hash: u32 = 0x811c9dc5
  for (let index: u32 = 0; index < length; index++) hash = (hash ^ load<u8>(p + index)) * 0x01000193
  return (hash ^ (hash >> 15)) & (<u32>MAP_FILTER_BYTES * 8 - 1)
}

// ---------------------------------------------------------------------------------------------------------------- learning

let learnStep: usize = 0
let learnLast: usize = 0
let learnNullsAllowed: bool = false
let learnLength: usize = 0

/** Learns the shape of the record in row `row`, whose line begins at `p` and has just been read without complaint. */
function tryLearn(p: usize, row: u32): bool {
  const credit = load<u32>(plan, PLAN_LEARN_CREDIT)
  if (credit == 0) return false
  store<u32>(plan, credit - 1, PLAN_LEARN_CREDIT)
  const count = load<u32>(plan, PLAN_SHAPE_COUNT)
  const shapeBytes = <usize>load<u32>(plan, PLAN_SHAPE_BYTES)
  const shapes = <usize>load<u32>(plan, PLAN_SHAPES)
  let index = count
  if (count == load<u32>(plan, PLAN_SHAPES_MAX)) {
    // Replace the one that has matched least; all fade, so that old merits do not last.
    let least: u32 = u32.MAX_VALUE
    for (let other: u32 = 0; other < count; other++) {
      const shape = shapes + <usize>other * shapeBytes
      const hits = load<u32>(shape, SHAPE_HITS)
      if (hits < least) { least = hits; index = other }
      store<u32>(shape, hits >> 1, SHAPE_HITS)
    }
    // A shape in steady use earns the right to learn more; without any the plan stops learning soon.
    if (least > 64) store<u32>(plan, min(credit, LEARN_CREDIT_MAX), PLAN_LEARN_CREDIT)
  }
  const shape = shapes + <usize>index * shapeBytes
  const nodeCount = load<u32>(plan, PLAN_NODE_COUNT)
  const nodes = <usize>load<u32>(plan, PLAN_NODES)
  const steps = (SHAPE_HEADER_BYTES + <usize>nodeCount * 2 + 63) & ~63
  learnStep = shape + steps
  learnLast = learnStep + <usize>(load<u32>(plan, PLAN_STEPS_MAX) - 1) * STEP_BYTES
  learnNullsAllowed = count < SHAPES_WITH_LITERAL_NULLS
  clearStep()
  const learned = learnValue(nodes, p, 0)
  if (learned) {
    store<u32>(learnStep, READ_END, STEP_OPERATION)
    closeLiteral()
    let nulls: u32 = 0
    for (let other: u32 = 1; other < nodeCount; other++) {
      const node = nodes + <usize>other * NODE_BYTES
      if ((load<u32>(node, NODE_FLAGS) & NODE_ROW_LEVEL) == 0 || load<u32>(node, NODE_STATE) != 0 || load<u32>(node, NODE_COLUMN) == 0) continue
      // A NULL that a step foresees is a deviation, not part of the shape.
      if (foreseen(shape + steps, node)) continue
      store<u16>(shape + SHAPE_HEADER_BYTES + <usize>nulls * 2, <u16>other)
      nulls += 1
    }
    store<u32>(shape, nulls, SHAPE_NULLS)
    store<u32>(shape, <u32>steps, SHAPE_STEPS)
    store<u32>(shape, 0, SHAPE_HITS)
    if (index == count) store<u32>(plan, count + 1, PLAN_SHAPE_COUNT)
    store<u32>(plan, index, PLAN_SHAPE_CURRENT)
    return true
  }
  // An unfinished shape in the place of an old one must never match.
  if (index < count) {
    store<u32>(shape, <u32>steps, SHAPE_STEPS)
    store<u32>(shape, 0, SHAPE_NULLS)
    learnStep = shape + steps
    clearStep()
    appendByte(0)
    store<u32>(learnStep, READ_END, STEP_OPERATION)
    closeLiteral()
  }
  return false
}

function foreseen(step: usize, node: usize): bool {
  for (; step <= learnStep; step += STEP_BYTES) if (<usize>load<u32>(step, STEP_NODE) == node && (load<u32>(step) & READ_OR_NULL) != 0) return true
  return false
}

function clearStep(): void {
  memory.fill(learnStep, 0, STEP_BYTES)
  learnLength = 0
}

function appendByte(byte: u8): bool {
  if (learnLength == LITERAL_MAX && !closeStep(READ_NOTHING, 0)) return false
  const at = learnStep + STEP_LITERAL + ((learnLength >> 4) << 5) + (learnLength & 15)
  store<u8>(at, byte)
  store<u8>(at, 0xff, 16)
  learnLength += 1
  return true
}

function appendBytes(p: usize, end: usize): bool {
  for (; p < end; p++) if (!appendByte(load<u8>(p))) return false
  return true
}

function closeLiteral(): void {
  store<u32>(learnStep, <u32>learnLength, STEP_LENGTH)
}

function closeStep(operation: u32, node: usize): bool {
  store<u32>(learnStep, operation, STEP_OPERATION)
  store<u32>(learnStep, <u32>node, STEP_NODE)
  closeLiteral()
  if (learnStep == learnLast) return false
  learnStep += STEP_BYTES
  clearStep()
  return true
}

/** Where the walk of the learner stands. */
let learnAt: usize = 0

/** Adds the steps of the record at `p`, through its line feed. The text is known to be good. */
function learnValue(root: usize, p: usize, depth: u32): bool {
  const start = skipBlanks(p)
  if (!appendBytes(p, start) || load<u8>(start) != 0x7b) return false
  if (!learnObject(root, start, depth)) return false
  let end = learnAt
  while (load<u8>(end) != 0x0a) end += 1
  return appendBytes(learnAt, end + 1)
}

/** Adds the steps of the object at `p`; `node` is 0 inside members that are not wanted. */
function learnObject(node: usize, p: usize, depth: u32): bool {
  const open = p
  p = skipBlanks(p + 1)
  if (load<u8>(p) == 0x7d) { learnAt = p + 1; return appendBytes(open, p + 1) }
  if (!appendBytes(open, p)) return false
  while (true) {
    const name = p + 1
    const nameEnd = skipString(name)
    let child: usize = 0
    if (node != 0) {
      if (hadEscape()) return false
      child = lookUp(node, name, nameEnd - 1 - name)
    }
    const value = skipBlanks(skipBlanks(nameEnd) + 1)
    if (!appendBytes(p, value) || !learnMember(child, value, depth + 1)) return false
    p = skipBlanks(learnAt)
    const next = load<u8>(p)
    p += 1
    const from = learnAt
    if (next == 0x7d) { learnAt = p; return appendBytes(from, p) }
    p = skipBlanks(p)
    if (!appendBytes(from, p)) return false
  }
}

function learnMember(node: usize, p: usize, depth: u32): bool {
  const first = <u32>load<u8>(p)
  const type: u32 = node == 0 ? 0 : load<u8>(node, NODE_TYPE)
  const orNull: u32 = !learnNullsAllowed && node != 0 && (load<u32>(node, NODE_FLAGS) & NODE_NULLABLE) != 0 ? READ_OR_NULL : 0
  if (first == 0x7b && (node == 0 || type == TYPE_ROW)) return learnObject(node, p, depth)
  const behind = skipValue(p, 1)
  learnAt = behind
  if (first == 0x6e) {
    if (orNull == 0 || type == TYPE_ROW) return appendBytes(p, behind)
    // Most likely the type's own kind of value will stand here; if not, the general way reads it.
    let usual = READ_VALUE
    if (isFreeText(node)) usual = READ_STRING
    else if (type == TYPE_DOUBLE) usual = READ_DOUBLE
    else if (type == TYPE_BOOLEAN) usual = READ_BOOLEAN
    else usual = integerRead(type)
    return closeValue(usual | orNull, node, depth)
  }
  if (node == 0) {
    if (first == 0x22) return appendByte(0x22) && closeStep(READ_SKIP_STRING, 0)
    if (first == 0x2d || first - 0x30 <= 9) return closeStep(READ_SKIP_NUMBER, 0)
    return closeValue(READ_SKIP_VALUE, 0, depth)
  }
  let operation = READ_VALUE
  if (first == 0x22) {
    if (isFreeText(node)) {
      if (orNull != 0) return closeValue(READ_STRING | orNull, node, depth)
      return appendByte(0x22) && closeStep(READ_STRING, node)
    }
    if (orNull == 0 && (type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMP_LTZ) && !hadEscape()) {
      const length = behind - 1 - (p + 1)
      const precision: u32 = load<u8>(node, NODE_TYPE + 1)
      if ((length == 23 || (length == 24 && load<u8>(behind - 2) == 0x5a)) && precision <= 6 && (precision >= 3 || (flags & JSON_FLINK) != 0) && load<u8>(p, 5) == 0x2d) {
        return appendByte(0x22) && closeTimestamp(length == 24 ? READ_TIMESTAMP_Z : READ_TIMESTAMP, node, precision)
      }
    }
  } else if (first == 0x2d || first - 0x30 <= 9) {
    scanNumber(p, textLimit(), GRAMMAR_JSON)
    if (numberIsPlain()) operation = integerRead(type)
    if (type == TYPE_DOUBLE) operation = READ_DOUBLE
  } else if ((first == 0x74 || first == 0x66) && type == TYPE_BOOLEAN) operation = READ_BOOLEAN
  return closeValue(operation | orNull, node, depth)
}

/** Whether the node's column takes any text. Texts of a declared length are read the general way, which counts their characters. */
function isFreeText(node: usize): bool {
  const type: u32 = load<u8>(node, NODE_TYPE)
  return (type == TYPE_CHAR || type == TYPE_VARCHAR) && load<u32>(node, NODE_LENGTH) == 0
}

/** The operation that reads integers of the type, with its limit noted in the step at hand; READ_VALUE for other types. */
function integerRead(type: u32): u32 {
  if (type == TYPE_BIGINT || type == TYPE_INTERVAL_DAY_TIME) return READ_INT64
  if (type == TYPE_INT || type == TYPE_INTERVAL_YEAR_MONTH) { store<u32>(learnStep, 0x7fffffff, STEP_LIMIT); return READ_INT32 }
  if (type == TYPE_SMALLINT) { store<u32>(learnStep, 0x7fff, STEP_LIMIT); return READ_INT_SMALL }
  if (type == TYPE_TINYINT) { store<u32>(learnStep, 0x7f, STEP_LIMIT); return READ_INT_SMALL }
  return READ_VALUE
}

function closeValue(operation: u32, node: usize, depth: u32): bool {
  store<u32>(learnStep, depth, STEP_DEPTH)
  return closeStep(operation, node)
}

function closeTimestamp(operation: u32, node: usize, precision: u32): bool {
  // appendByte may have begun a new step.
  store<u32>(learnStep, precision <= 3 ? 1 : 1000, STEP_LIMIT)
  // A memo must be a minute from the start: `1970-01-01 00:00`, which is the one of STEP_MEMO_MS 0, with a T where there is no blank.
  store<u64>(learnStep, 0x2d31302d30373931, STEP_MEMO)
  store<u64>(learnStep, (timestampForms(false, false, flags) & TIME_BLANK) != 0 ? 0x30303a3030203130 : 0x30303a3030543130, STEP_MEMO + 8)
  return closeStep(operation, node)
}
