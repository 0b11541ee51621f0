// Streams of DEFLATE, whole and damaged, in random pieces: the kernel gives what the plain twin gives and ends where it ends; zlib, which gives
// nothing of a damaged stream, refuses the same ones.
import { constants, inflateRawSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Slab } from '../../src/base/slab.ts'
import { INFLATE_INPUT_LEFT_MAX, INFLATE_OUTPUT_BYTES_MIN, INFLATE_WINDOW_BYTES, InflateResult, Inflater } from '../../src/kernels/inflate.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { type Inflated, inflateTwin } from '../../src/kernels/twin/inflate.ts'
import { damaged, writtenStream, zlibStream } from '../fixtures/random-deflate.ts'
import { Dice } from '../fixtures/random-json.ts'

const INPUT_BYTES = 8192
const OUTPUT_BYTES = INFLATE_WINDOW_BYTES + 4096
const INPUT_PIECE_MAX = INPUT_BYTES - INFLATE_INPUT_LEFT_MAX
const CANARIES = Buffer.alloc(OUTPUT_BYTES + 64, 0xee)

const slab = new Slab(1 << 24)
const inflater = new Inflater(slab, instantiateKernels(compileKernels(), slab))
const input = slab.allocate(INPUT_BYTES + 64)
const output = slab.allocate(OUTPUT_BYTES + 64)
const outputEnd = output + OUTPUT_BYTES

/**
 * What the kernel makes of a stream in random pieces. As its protocol wants it: what a step leaves is given again with more, the last 32 KiB of
 * what was made stay where matches find them, and the last step may come when the input is known to have ended.
 */
function inflatedByKernel(dice: Dice, compressed: Buffer): Inflated {
  const inputPiece = Math.min(dice.pick([1 + (compressed.length >>> 8), 700, INPUT_PIECE_MAX]), INPUT_PIECE_MAX)
  const outputPiece = dice.pick([1, 300, 4096])
  const parts: Buffer[] = []
  let at = 0
  let given = 0
  let isEndKnown = dice.chance(2)
  let window = output
  let made = output
  inflater.reset()
  for (;;) {
    if (outputEnd - made < INFLATE_OUTPUT_BYTES_MIN) {
      const shift = made - INFLATE_WINDOW_BYTES - output
      slab.copy(output, made - INFLATE_WINDOW_BYTES, INFLATE_WINDOW_BYTES)
      made -= shift
      window = Math.max(output, window - shift)
    }
    // Whoever reads behind the input finds what was never in it.
    slab.fill(input, dice.below(256), INPUT_BYTES + 64)
    slab.u8.set(compressed.subarray(at, given), input)
    const roomEnd = Math.min(outputEnd, made + INFLATE_OUTPUT_BYTES_MIN + dice.below(outputPiece))
    slab.fill(made, 0xee, outputEnd + 64 - made)
    const isLast = given === compressed.length && isEndKnown
    const result = inflater.step(input, input + given - at, window, made, roomEnd, isLast)

    expect(inflater.input).toBeGreaterThanOrEqual(input)
    expect(inflater.input).toBeLessThanOrEqual(input + given - at)
    expect(inflater.output).toBeGreaterThanOrEqual(made)
    expect(inflater.output).toBeLessThanOrEqual(roomEnd)
    expect(CANARIES.compare(slab.u8, roomEnd, outputEnd + 64, 0, outputEnd + 64 - roomEnd)).toBe(0)
    parts.push(Buffer.from(slab.u8.slice(made, inflater.output)))
    at += inflater.input - input
    made = inflater.output
    switch (result) {
      case InflateResult.NEED_INPUT:
        expect(isLast).toBe(false)
        expect(given - at).toBeLessThanOrEqual(INFLATE_INPUT_LEFT_MAX)
        if (given === compressed.length) isEndKnown = true
        given = Math.min(compressed.length, given + 1 + dice.below(inputPiece))
        break
      case InflateResult.OUTPUT_FULL:
        expect(roomEnd - made).toBeLessThan(INFLATE_OUTPUT_BYTES_MIN)
        break
      default:
        return { result, consumed: at, bytes: Buffer.concat(parts) }
    }
  }
}

/** What zlib makes of a stream; nothing of one that it refuses. */
function inflatedByZlib(compressed: Buffer): Inflated {
  try {
    // With `info` it says how much it has read; the types do not know.
    const { buffer, engine } = inflateRawSync(compressed, { info: true }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
    return { result: InflateResult.STREAM_END, consumed: engine.bytesWritten, bytes: buffer }
  } catch {
    return REFUSED
  }
}

const REFUSED: Inflated = { result: InflateResult.DAMAGED, consumed: 0, bytes: Buffer.alloc(0) }

const shown = ({ result, consumed, bytes }: Inflated) => ({ result, consumed, bytes: Buffer.from(bytes).toString('latin1') })

/** Reads streams that follow each other, up to the first one that is damaged. */
function inflated(compressed: Buffer, inflate: (rest: Buffer) => Inflated): ReturnType<typeof shown>[] {
  const streams: ReturnType<typeof shown>[] = []
  for (let at = 0; at < compressed.length;) {
    const stream = inflate(compressed.subarray(at))
    streams.push(shown(stream))
    if (stream.result === InflateResult.DAMAGED) break
    at += stream.consumed
  }
  return streams
}

/** What each of the three reads, and what zlib should: nothing of the stream that is damaged. */
function readings(dice: Dice, compressed: Buffer) {
  const twin = inflated(compressed, inflateTwin)
  return {
    twin,
    whole: twin.map((stream) => (stream.result === InflateResult.DAMAGED ? shown(REFUSED) : stream)),
    kernel: inflated(compressed, (rest) => inflatedByKernel(dice, rest)),
    zlib: inflated(compressed, inflatedByZlib),
  }
}

const listOf = <T>(dice: Dice, make: (dice: Dice) => T): T[] => Array.from({ length: 1 + dice.below(3) }, () => make(dice))

describe('inflate', () => {
  test('gives back what zlib compressed: any data, any levels and strategies, any flushes, one stream after another', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const dice = new Dice(seed)
        const streams = listOf(dice, zlibStream)
        const { kernel, twin, zlib } = readings(dice, Buffer.concat(streams.map(({ compressed }) => compressed)))
        const expected = streams.map(({ data, compressed }) => shown({ result: InflateResult.STREAM_END, consumed: compressed.length, bytes: data }))
        expect(kernel).toEqual(expected)
        expect(twin).toEqual(expected)
        expect(zlib).toEqual(expected)
      }),
      { numRuns: 100, endOnFailure: true },
    )
  })

  test('reads blocks, codes and matches that zlib would not write', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const dice = new Dice(seed)
        const streams = listOf(dice, (dice) => writtenStream(dice, false))
        const { kernel, twin, zlib } = readings(dice, Buffer.concat(streams))
        expect(kernel.map(({ consumed }) => consumed)).toEqual(streams.map(({ length }) => length))
        expect(kernel).toEqual(twin)
        expect(zlib).toEqual(twin)
      }),
      { numRuns: 100, endOnFailure: true },
    )
  })

  test('gives all that a stream holds which is cut, and finds the cut at its end', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const dice = new Dice(seed)
        const whole = dice.chance(2) ? zlibStream(dice).compressed : writtenStream(dice, false)
        const cut = whole.subarray(0, dice.chance(2) ? dice.below(whole.length) : dice.below(Math.min(whole.length, 150)))
        const kernel = inflatedByKernel(dice, cut)
        expect(shown(kernel)).toEqual(shown(inflateTwin(cut)))
        expect(kernel.result).toBe(InflateResult.DAMAGED)
        expect(Buffer.compare(kernel.bytes, inflateRawSync(cut, { finishFlush: constants.Z_SYNC_FLUSH }))).toBe(0)
        // By this callers tell a cut from damage. Of a number or a code that is cut no bit counts as read.
        expect(cut.length - kernel.consumed).toBeLessThan(3)
      }),
      { numRuns: 200, endOnFailure: true },
    )
  })

  test('finds damage where its twin does, and gives what comes before it', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const dice = new Dice(seed)
        const { kernel, twin, zlib, whole } = readings(dice, damaged(dice, dice.chance(2) ? zlibStream(dice).compressed : writtenStream(dice, false)))
        expect(kernel).toEqual(twin)
        expect(zlib).toEqual(whole)
      }),
      { numRuns: 300, endOnFailure: true },
    )
  })

  test('refuses codes, lengths and distances that cannot be', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const dice = new Dice(seed)
        const { kernel, twin, zlib, whole } = readings(dice, writtenStream(dice, true))
        expect(kernel).toEqual(twin)
        expect(zlib).toEqual(whole)
      }),
      { numRuns: 300, endOnFailure: true },
    )
  })
})
