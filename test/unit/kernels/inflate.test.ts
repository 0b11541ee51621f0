// The DEFLATE kernel against zlib: what it wrote must come back, in pieces of any size; what is damaged must be refused or end, never escape.
import { deflateRawSync, constants, inflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import { Inflater, INFLATE_OUTPUT_BYTES_MIN, InflateResult } from '../../../src/kernels/inflate.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'

/** Bytes that look random, always the same. */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state >>> 24
  }
}

const randomInt = (random: () => number, below: number): number => ((random() << 8) | random()) % below

const slab = new Slab()
const inflater = new Inflater(slab, instantiateKernels(compileKernels(), slab))
const INPUT_BYTES = 1 << 20
const OUTPUT_BYTES = 4 << 20
const input = slab.allocate(INPUT_BYTES + 64)
const output = slab.allocate(OUTPUT_BYTES + 64)

/** Inflates with pieces of these sizes; the answer to the last step, and the bytes. */
function inflate(compressed: Uint8Array, inputBytes: number, outputBytes: number): { result: InflateResult; bytes: Uint8Array } {
  inflater.reset()
  let given = 0
  let held = 0
  let written = 0
  for (;;) {
    const take = Math.min(inputBytes, compressed.length - given)
    slab.u8.set(compressed.subarray(given, given + take), input + held)
    given += take
    held += take
    const isLast = given === compressed.length
    const result = inflater.step(input, input + held, output, output + written, Math.min(output + OUTPUT_BYTES, output + written + outputBytes), isLast)
    const left = input + held - inflater.input
    slab.u8.copyWithin(input, inflater.input, input + held)
    held = left
    written = inflater.output - output
    expect(written).toBeLessThanOrEqual(OUTPUT_BYTES)
    if (result === InflateResult.STREAM_END || result === InflateResult.DAMAGED || (result === InflateResult.NEED_INPUT && isLast))
      return { result, bytes: slab.u8.slice(output, output + written) }
  }
}

const texts: Record<string, Uint8Array> = {
  empty: new Uint8Array(0),
  'one byte': Uint8Array.of(7),
  zeros: new Uint8Array(300_000),
  text: Buffer.from(Array.from({ length: 5000 }, (_, index) => `{"id":${index},"name":"name ${index % 97}"}\n`).join('')),
  noise: Uint8Array.from({ length: 100_000 }, seededRandom(1)),
  'few symbols': Uint8Array.from({ length: 50_000 }, (_, index) => ((index * index) % 7) + 65),
  'long distances': Buffer.concat(Array.from({ length: 8 }, () => Buffer.from(Uint8Array.from({ length: 32_000 }, seededRandom(2))))),
}

describe('inflate', () => {
  test.each(Object.keys(texts))('gives back %s, at every level, in pieces of any size', (name) => {
    const text = texts[name]
    for (const level of [0, 1, 6, 9])
      for (const strategy of [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE]) {
        const compressed = deflateRawSync(text, { level, strategy })
        for (const [inputBytes, outputBytes] of [
          [INPUT_BYTES - 1000, OUTPUT_BYTES],
          [1009, 70_000],
          [97, INFLATE_OUTPUT_BYTES_MIN],
        ] as const) {
          const { result, bytes } = inflate(compressed, inputBytes, outputBytes)
          expect(result).toBe(InflateResult.STREAM_END)
          expect(Buffer.compare(bytes, text)).toBe(0)
        }
      }
  })

  test('stops behind the end of the stream', () => {
    const compressed = deflateRawSync(Buffer.from('hello'))
    slab.u8.set(compressed, input)
    slab.u8.fill(0xee, input + compressed.length, input + compressed.length + 100)
    inflater.reset()
    expect(inflater.step(input, input + compressed.length + 100, output, output, output + 1000, true)).toBe(InflateResult.STREAM_END)
    expect(inflater.input - input).toBe(compressed.length)
  })

  test.each([0, 6])('a stream of level %d that is cut is not taken for whole', (level) => {
    const compressed = deflateRawSync(texts.text, { level })
    for (let length = 0; length < compressed.length; length += 1 + Math.floor(compressed.length / 300)) {
      const { result, bytes } = inflate(compressed.subarray(0, length), 5000, OUTPUT_BYTES)
      expect(result).toBe(InflateResult.DAMAGED)
      expect(Buffer.compare(bytes, Buffer.from(texts.text).subarray(0, bytes.length))).toBe(0)
    }
  })

  test('a code that is alone has one bit', () => {
    // The letter a, and one distance that is not used: with a code of one bit, of two bits.
    const [one, two] = ['05c081000000008020d6fc254a', '05c081000000008020d6fc255a'].map((hex) => Buffer.from(hex, 'hex'))
    expect(inflateRawSync(one).toString()).toBe('a')
    expect(inflate(one, 1000, 1000).result).toBe(InflateResult.STREAM_END)
    expect(() => inflateRawSync(two)).toThrow('invalid distances set')
    expect(inflate(two, 1000, 1000).result).toBe(InflateResult.DAMAGED)
  })

  test('damage is refused where zlib refuses it', () => {
    const random = seededRandom(3)
    const compressed = deflateRawSync(Buffer.from(texts.text).subarray(0, 20_000))
    for (let round = 0; round < 2000; round++) {
      const damaged = Uint8Array.from(compressed)
      for (let flip = 0; flip <= randomInt(random, 3); flip++) damaged[randomInt(random, damaged.length)] = random()
      let expected: Buffer | undefined
      try {
        expected = inflateRawSync(damaged, { maxOutputLength: OUTPUT_BYTES })
      } catch {
        expected = undefined
      }
      const { result, bytes } = inflate(damaged, 3000, 100_000)
      expect(result === InflateResult.STREAM_END).toBe(expected !== undefined)
      expect(Buffer.compare(bytes, expected ?? bytes)).toBe(0)
    }
  })
})
