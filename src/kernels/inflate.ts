// Binding of the DEFLATE kernel: one compressed stream at a time, in pieces.

import type { Slab } from '../base/slab.ts'
import type { Kernels } from './kernels.ts'

declare module './kernels.ts' {
  interface Kernels {
    /** See `assembly/inflate.ts`. */
    inflate(state: number, input: number, end: number, window: number, output: number, outputEnd: number, last: boolean): number
  }
}

/** What a step ended with. */
export const InflateResult = { NEED_INPUT: 0, OUTPUT_FULL: 1, STREAM_END: 2, DAMAGED: 3 } as const
export type InflateResult = (typeof InflateResult)[keyof typeof InflateResult]

/** Bytes before the output that matches may copy from. */
export const INFLATE_WINDOW_BYTES = 32_768
/** At least so much room must be in the output for a step to get ahead. */
export const INFLATE_OUTPUT_BYTES_MIN = 512
/** A step may leave so much input unread, to be given again with more: a block's header, less a byte, and what the bit buffer had taken. */
export const INFLATE_INPUT_LEFT_MAX = 639 + 7
const STATE_BYTES = 64 + 320 + 2 * (32 + 576 + 2048)
const STATE_INPUT = 6
const STATE_OUTPUT = 7

/** The state of one stream. */
export class Inflater {
  /** Where the last step stopped reading. */
  input = 0
  /** Where it stopped writing. */
  output = 0
  readonly #slab: Slab
  readonly #kernels: Kernels
  readonly #state: number

  constructor(slab: Slab, kernels: Kernels) {
    this.#slab = slab
    this.#kernels = kernels
    this.#state = slab.allocateZeroed(STATE_BYTES)
  }

  /** Begins a new stream. */
  reset(): void {
    this.#slab.fill(this.#state, 0, 64)
  }

  /**
   * Decodes from [input, inputEnd) to [output, outputEnd); [window, output) is what came before.
   *
   * @param isLast No input follows.
   */
  step(input: number, inputEnd: number, window: number, output: number, outputEnd: number, isLast: boolean): InflateResult {
    const result = this.#kernels.inflate(this.#state, input, inputEnd, window, output, outputEnd, isLast) as InflateResult
    const { u32 } = this.#slab
    this.input = u32[(this.#state >>> 2) + STATE_INPUT]!
    this.output = u32[(this.#state >>> 2) + STATE_OUTPUT]!
    return result
  }

  free(): void {
    this.#slab.free(this.#state, STATE_BYTES)
  }
}
