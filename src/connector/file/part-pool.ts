// What the parts of many partitions may hold together: rows that are spread over thousands of them must neither need as many descriptors nor be written
// one by one. Runs on the subtask's thread. Invariant: a part that is being written to keeps what it has.

import type { PartFile } from './part-file.ts'

const BUFFERED_BYTES_MAX = 32 << 20
const OPEN_FILES_MAX = 128

/** The buffers and descriptors of a writer's parts. With too many, those that were used longest ago give theirs up, half of them at once. */
export class PartPool {
  readonly #buffered = new Set<PartFile>()
  readonly #open = new Set<PartFile>()
  #bufferedBytes = 0

  /** A part is about to get so many bytes of buffer more. */
  buffered(part: PartFile, bytes: number): void {
    this.#buffered.delete(part)
    if (this.#bufferedBytes + bytes > BUFFERED_BYTES_MAX) for (const other of leastUsed(this.#buffered, this.#buffered.size >>> 1)) other.park()
    this.#buffered.add(part)
    this.#bufferedBytes += bytes
  }

  /** A part has given its buffer back. */
  unbuffered(part: PartFile, bytes: number): void {
    this.#buffered.delete(part)
    this.#bufferedBytes -= bytes
  }

  /** A part has been opened. */
  opened(part: PartFile): void {
    if (this.#open.size >= OPEN_FILES_MAX) for (const other of leastUsed(this.#open, OPEN_FILES_MAX >>> 1)) other.closeFile()
    this.#open.add(part)
  }

  /** A part has been closed. */
  closed(part: PartFile): void {
    this.#open.delete(part)
  }
}

/** Those of several that were used longest ago. */
export function leastUsed(parts: ReadonlySet<PartFile>, count: number): PartFile[] {
  return [...parts].sort((left, right) => left.used - right.used).slice(0, count)
}
