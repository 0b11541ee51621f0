// Gzip as a stream of its contents: members one after the other, each checked. Synchronous, so that it runs wherever a plain input does; what has
// not come yet is asked for again. Everything before a cut or damage is delivered first.

import { crc32 } from 'node:zlib'
import { ConnectorError } from '../../base/errors.ts'
import type { Slab } from '../../base/slab.ts'
import { BUFFER_SLACK_BYTES } from '../../kernels/column-layout.ts'
import { INFLATE_OUTPUT_BYTES_MIN, INFLATE_WINDOW_BYTES, InflateResult, Inflater } from '../../kernels/inflate.ts'
import type { OperatorContext } from '../../operator/operator.ts'
import { type ByteInput, FAILED, WOULD_BLOCK } from './byte-input.ts'

/** Where a member begins: in the file, and in the contents. */
export interface GzipMember {
  readonly fileOffset: number
  readonly offset: number
}

const FIRST_MEMBER: GzipMember = { fileOffset: 0, offset: 0 }
const INPUT_BYTES = 128 << 10
const OUTPUT_BYTES = 256 << 10
const HEADER_BYTES = 10
const TRAILER_BYTES = 8
/** Members remembered for snapshots: a position lies less than a block and a line back. */
const MEMBERS_KEPT = 4096

const FLAG_CHECKSUM = 2
const FLAG_EXTRA = 4
const FLAG_NAME = 8
const FLAG_COMMENT = 16

const Phase = { HEADER: 0, BODY: 1, TRAILER: 2, BEHIND: 3, END: 4 } as const
type Phase = (typeof Phase)[keyof typeof Phase]

/** The contents of gzip bytes from an offset on. */
export class GzipInput implements ByteInput {
  readonly #name: string
  readonly #compressed: ByteInput
  failure: ConnectorError | undefined
  isComplete = false
  readonly #slab: Slab
  readonly #inflater: Inflater
  /** Compressed bytes: [#at, #end) of the buffer are not read yet. */
  readonly #input: number
  #at: number
  #end: number
  #fileOffset: number
  #isFileEnd = false
  /** What comes next has not come yet. */
  #isBlocked = false
  /** Contents: the last 32 KiB of what was made, then what is made now. [#given, #made) is not delivered yet. */
  readonly #output: number
  #window: number
  #given: number
  #made: number
  #phase: Phase = Phase.HEADER
  #checksum = 0
  #memberBytes = 0
  /** Contents made so far, from the file's start. */
  #offset: number
  /** Contents to pass over before the first byte is delivered. */
  #skip: number
  #members: GzipMember[] = []

  /**
   * @param compressed Gives the file from the member on; closed with this.
   * @param name Said in errors.
   * @param offset Where in the contents to begin.
   * @param member A member that begins at or before it.
   */
  constructor(compressed: ByteInput, name: string, context: OperatorContext, offset: number, member: GzipMember = FIRST_MEMBER) {
    this.#compressed = compressed
    this.#name = name
    this.#slab = context.slab
    this.#inflater = new Inflater(context.slab, context.kernels)
    this.#input = context.slab.allocate(INPUT_BYTES + BUFFER_SLACK_BYTES)
    this.#at = this.#input
    this.#end = this.#input
    this.#fileOffset = member.fileOffset
    this.#output = context.slab.allocate(INFLATE_WINDOW_BYTES + OUTPUT_BYTES + BUFFER_SLACK_BYTES)
    this.#window = this.#output
    this.#given = this.#output
    this.#made = this.#output
    this.#offset = member.offset
    this.#skip = offset - member.offset
  }

  /** The last member that begins at or before an offset of the contents. */
  memberOf(offset: number): GzipMember {
    return this.#members.findLast((member) => member.offset <= offset) ?? FIRST_MEMBER
  }

  read(slab: Slab, address: number, length: number): number {
    this.#isBlocked = false
    for (;;) {
      if (this.#given < this.#made) {
        const count = Math.min(length, this.#made - this.#given)
        slab.copy(address, this.#given, count)
        this.#given += count
        return count
      }
      if (this.failure !== undefined) return FAILED
      if (this.#phase === Phase.END) return 0
      if (this.#isBlocked) return WOULD_BLOCK
      this.#advance()
    }
  }

  close(): void {
    this.#compressed.close()
    this.#inflater.free()
    this.#slab.free(this.#input, INPUT_BYTES + BUFFER_SLACK_BYTES)
    this.#slab.free(this.#output, INFLATE_WINDOW_BYTES + OUTPUT_BYTES + BUFFER_SLACK_BYTES)
  }

  #advance(): void {
    switch (this.#phase) {
      case Phase.HEADER:
        this.#readHeader()
        return
      case Phase.BODY:
        this.#inflate()
        return
      case Phase.TRAILER:
        this.#readTrailer()
        return
      case Phase.BEHIND:
        this.#lookBehind()
        return
      case Phase.END:
    }
  }

  #fail(reason: string): void {
    const at = this.#fileOffset - (this.#end - this.#at)
    this.failure = new ConnectorError('DAMAGED_FILE', `Cannot read "${this.#name}": ${reason} at byte ${at}, after ${this.#offset} bytes of contents`)
  }

  /** Too few bytes are there: they come later, or never. */
  #miss(): void {
    if (!this.#isBlocked) this.#fail('it ends early')
  }

  /** Whether `bytes` compressed bytes are there; reads more if not. Nothing may be taken before all that a step needs is there. */
  #has(bytes: number): boolean {
    while (this.#end - this.#at < bytes && !this.#isFileEnd && !this.#isBlocked) this.#fill()
    return this.#end - this.#at >= bytes
  }

  #fill(): void {
    this.#slab.copy(this.#input, this.#at, this.#end - this.#at)
    this.#end -= this.#at - this.#input
    this.#at = this.#input
    const count = this.#compressed.read(this.#slab, this.#end, this.#input + INPUT_BYTES - this.#end)
    this.#isBlocked = count === WOULD_BLOCK
    if (this.#isBlocked) return
    this.#end += count
    this.#fileOffset += count
    this.#isFileEnd = count === 0
  }

  #readHeader(): void {
    if (!this.#has(HEADER_BYTES)) return this.#miss()
    const start = this.#fileOffset - (this.#end - this.#at)
    const { u8 } = this.#slab
    const flags = u8[this.#at + 3]
    if (u8[this.#at] !== 0x1f || u8[this.#at + 1] !== 0x8b || u8[this.#at + 2] !== 8 || flags > 31) return this.#fail('a gzip header is damaged')
    let length = HEADER_BYTES
    if ((flags & FLAG_EXTRA) !== 0) {
      if (!this.#has(length + 2)) return this.#miss()
      length += 2 + this.#slab.u8[this.#at + length] + this.#slab.u8[this.#at + length + 1] * 256
    }
    for (const flag of [FLAG_NAME, FLAG_COMMENT]) {
      if ((flags & flag) === 0) continue
      for (;;) {
        if (length >= INPUT_BYTES / 2) return this.#fail('a gzip header is damaged')
        if (!this.#has(length + 1)) return this.#miss()
        if (this.#slab.u8[this.#at + length++] === 0) break
      }
    }
    if ((flags & FLAG_CHECKSUM) !== 0) length += 2
    if (!this.#has(length)) return this.#miss()
    this.#at += length
    this.#members.push({ fileOffset: start, offset: this.#offset })
    if (this.#members.length > MEMBERS_KEPT) this.#members = this.#members.slice(MEMBERS_KEPT / 2)
    this.#inflater.reset()
    this.#checksum = 0
    this.#memberBytes = 0
    // Matches never reach into the member before.
    this.#window = this.#made
    this.#phase = Phase.BODY
  }

  #inflate(): void {
    const { u8 } = this.#slab
    const outputEnd = this.#output + INFLATE_WINDOW_BYTES + OUTPUT_BYTES
    if (outputEnd - this.#made < INFLATE_OUTPUT_BYTES_MIN) {
      const shift = this.#made - INFLATE_WINDOW_BYTES - this.#output
      this.#slab.copy(this.#output, this.#made - INFLATE_WINDOW_BYTES, INFLATE_WINDOW_BYTES)
      this.#made -= shift
      this.#window = Math.max(this.#output, this.#window - shift)
    }
    const inflater = this.#inflater
    const result = inflater.step(this.#at, this.#end, this.#window, this.#made, outputEnd, this.#isFileEnd)
    const made = inflater.output - this.#made
    this.#checksum = crc32(u8.subarray(this.#made, inflater.output), this.#checksum)
    this.#memberBytes += made
    this.#offset += made
    this.#at = inflater.input
    const passed = Math.min(this.#skip, made)
    this.#skip -= passed
    this.#given = this.#made + passed
    this.#made = inflater.output
    switch (result) {
      case InflateResult.NEED_INPUT:
        this.#fill()
        return
      case InflateResult.STREAM_END:
        this.#phase = Phase.TRAILER
        return
      case InflateResult.DAMAGED:
        this.#fail(this.#isFileEnd && this.#end - this.#at < 8 ? 'it ends early' : 'the compressed data is damaged')
        return
      case InflateResult.OUTPUT_FULL:
    }
  }

  #readTrailer(): void {
    if (!this.#has(TRAILER_BYTES)) return this.#miss()
    const view = new DataView(this.#slab.u8.buffer, this.#at, TRAILER_BYTES)
    if (view.getUint32(0, true) !== this.#checksum || view.getUint32(4, true) !== this.#memberBytes % 4_294_967_296) return this.#fail('the checksum is wrong')
    this.#at += TRAILER_BYTES
    this.#phase = Phase.BEHIND
  }

  /** Another member, padding with zeros (tapes, blocks), the end, or something that does not belong here. */
  #lookBehind(): void {
    while (this.#has(1) && this.#slab.u8[this.#at] === 0) this.#at++
    if (!this.#has(1)) this.#phase = this.#isBlocked ? Phase.BEHIND : Phase.END
    else if (this.#slab.u8[this.#at] === 0x1f) this.#phase = Phase.HEADER
    else {
      this.isComplete = true
      this.#fail('something that is not gzip follows')
    }
  }
}
