// Regular expressions over the bytes of ASCII texts, by going back: the instructions of a pattern as ../texts.ts lays them out. What takes too
// many steps, and texts that are not ASCII, are left to the caller, who has a matcher that is exact and linear for all.

import { NOWHERE, placeOfBytes, rowAt, sameBytes } from './rows'
import { isAscii, sliceAt, stopAt, writeSlice } from './texts'

// Words of the head: ../texts.ts has the drawing.
const HEAD_WORDS: usize = 8
// Instructions: TextOp.
const BYTE: u32 = 0
const CLASS: u32 = 1
const SPLIT: u32 = 2
const JUMP: u32 = 3
const SAVE: u32 = 4
const CHECK: u32 = 5
const START: u32 = 6
const END: u32 = 7
const WORD_EDGE: u32 = 8
const NO_WORD_EDGE: u32 = 9
const BYTES: u32 = 10
const RUN: u32 = 11
const LAST_RUN: u32 = 12
const MATCH: u32 = 13

// What is gone back to: 16 bytes each, what it is and up to three words.
const BRANCH: u32 = 0
const SLOT: u32 = 1
const SHORTER: u32 = 2

const FAILED: usize = 0
const GIVEN_UP: usize = 1
/** Steps for each byte and instruction. */
const STEPS: u32 = 32

let steps: u32 = 0

// @ts-ignore: decorator
@inline function isWordByte(byte: u8): bool {
  const lower = byte | 0x20
  return (lower >= 97 && lower <= 122) || (byte >= 48 && byte <= 57) || byte == 95
}

// @ts-ignore: decorator
@inline function isWordEdge(text: usize, stop: usize, place: usize): bool {
  return (place > text && isWordByte(load<u8>(place - 1))) != (place < stop && isWordByte(load<u8>(place)))
}

/** Where the match that begins at `place` ends, or {@link FAILED}, or {@link GIVEN_UP}. Slots of groups lie at `slots`, what to go back to from `base` on. */
function walk(program: usize, slots: usize, base: usize, limit: usize, text: usize, stop: usize, place: usize): usize {
  const ops = program + (HEAD_WORDS << 2)
  let at: usize = ops
  let top = base
  while (steps > 0 && top + 32 <= limit) {
    steps--
    const x = load<u32>(at, 4)
    let goesOn = true
    switch (load<u32>(at)) {
      case BYTE:
        goesOn = place < stop && <u32>load<u8>(place) == x
        place++
        at += 12
        break
      case CLASS:
        goesOn = place < stop && load<u8>(program + x + load<u8>(place)) != 0
        place++
        at += 12
        break
      case BYTES: {
        const bytes = load<u32>(at, 8)
        goesOn = <u32>(stop - place) >= bytes && sameBytes(place, program + x, bytes)
        place += bytes
        at += 12 * <usize>bytes
        break
      }
      case RUN:
      case LAST_RUN: {
        const table = program + x
        const least = place
        while (place < stop && load<u8>(table + load<u8>(place)) != 0) place++
        const exit = ops + 12 * <usize>load<u32>(at, 8)
        if (place > least && load<u32>(at) == RUN) {
          store<u32>(top, SHORTER)
          store<u32>(top, <u32>exit, 4)
          store<u32>(top, <u32>least, 8)
          store<u32>(top, <u32>place, 12)
          top += 16
        }
        at = exit
        break
      }
      case SPLIT:
        store<u32>(top, BRANCH)
        store<u32>(top, <u32>(ops + 12 * <usize>load<u32>(at, 8)), 4)
        store<u32>(top, <u32>place, 8)
        top += 16
        at = ops + 12 * <usize>x
        break
      case JUMP:
        at = ops + 12 * <usize>x
        break
      case SAVE: {
        const slot = slots + (<usize>x << 2)
        if (top > base) {
          store<u32>(top, SLOT)
          store<u32>(top, <u32>slot, 4)
          store<u32>(top, load<u32>(slot), 8)
          top += 16
        }
        store<u32>(slot, <u32>place)
        at += 12
        break
      }
      case CHECK:
        at = load<u32>(slots + (<usize>x << 2)) == <u32>place ? ops + 12 * <usize>load<u32>(at, 8) : at + 12
        break
      case START:
        goesOn = place == text
        at += 12
        break
      case END:
        goesOn = place == stop
        at += 12
        break
      case WORD_EDGE:
        goesOn = isWordEdge(text, stop, place)
        at += 12
        break
      case NO_WORD_EDGE:
        goesOn = !isWordEdge(text, stop, place)
        at += 12
        break
      case MATCH:
        return place
      default:
        goesOn = false
    }
    while (!goesOn) {
      if (top == base) return FAILED
      const back = top - 16
      const kind = load<u32>(back)
      if (kind == SLOT) {
        store<u32>(load<u32>(back, 4), load<u32>(back, 8))
        top = back
        continue
      }
      at = load<u32>(back, 4)
      place = load<u32>(back, 8)
      top = back
      if (kind == SHORTER) {
        const shorter = load<u32>(back, 12) - 1
        if (shorter > <u32>place) {
          store<u32>(back, shorter, 12)
          top = back + 16
        }
        place = shorter
      }
      goesOn = true
    }
  }
  return GIVEN_UP
}

/**
 * The first match in each text, of which `group` is written to the slices at `out`, NULL without one; with a group of -1 whether there is one, u8 out[row], 2
 * for NULL. `scratch` has `scratchBytes`: the slots of the groups and what to go back to. Stops at a text that is not for it, as `arena` then says.
 */
export function textMatch(
  slices: usize, program: usize, group: i32, selection: usize, begin: u32, end: u32, scratch: usize, scratchBytes: u32, arena: usize, out: usize,
): u32 {
  const opCount = load<u32>(program)
  const slotCount = load<u32>(program, 4)
  const anywhere = load<u32>(program, 8)
  const atStart = load<u32>(program, 12) != 0
  const firsts = program + load<u32>(program, 16)
  const only = load<u32>(program, 20)
  const required = program + load<u32>(program, 24)
  const requiredBytes = load<u32>(program, 28)
  const base = scratch + (<usize>slotCount << 2)
  const limit = scratch + scratchBytes
  const onlys = i8x16.splat(<i8>only)
  for (let position = begin; position < end; position++) {
    const row = rowAt(selection, position)
    const from = sliceAt(slices, row)
    const text: usize = load<u32>(from)
    const stop: usize = load<u32>(from, 4)
    let found: usize = FAILED
    let place = text
    if (text != 0 && (requiredBytes == 0 || placeOfBytes(text, <u32>(stop - text), required, requiredBytes) != NOWHERE)) {
      if (!isAscii(text, stop)) {
        stopAt(arena, load<u32>(arena), 0)
        return position
      }
      steps = STEPS * (<u32>(stop - text) + opCount)
      for (; place <= stop; place++) {
        if (anywhere == 0 && !(atStart && place == text)) {
          if (only < 256) {
            let hits: i32 = 0
            for (; place < stop; place += 16) {
              hits = i8x16.bitmask(i8x16.eq(v128.load(place), onlys))
              if (hits != 0) break
            }
            place += hits == 0 ? 0 : ctz(hits)
          } else while (place < stop && load<u8>(firsts + load<u8>(place)) == 0) place++
          if (place >= stop) break
        }
        memory.fill(scratch, 0, <usize>slotCount << 2)
        found = walk(program, scratch, base, limit, text, stop, place)
        if (found != FAILED) break
      }
      if (found == GIVEN_UP) {
        stopAt(arena, load<u32>(arena), 0)
        return position
      }
    }
    if (group < 0) store<u8>(out + row, text == 0 ? 2 : <u8>(found != FAILED))
    else {
      const to = sliceAt(out, row)
      if (found == FAILED) store<u64>(to, 0)
      else if (group == 0) writeSlice(to, place, found)
      else {
        const slot = scratch + (<usize>group << 3)
        writeSlice(to, load<u32>(slot), load<u32>(slot) == 0 ? 0 : load<u32>(slot, 4))
      }
    }
  }
  return end
}
