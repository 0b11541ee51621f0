// Bindings of the kernels that count lines and take them as they are, and their twins.

declare module './kernels.ts' {
  interface Kernels {
    /** How often `byte` occurs in [at, end). Reads nothing else. */
    countByte(at: number, end: number, byte: number): number
    /**
     * Writes the whole lines of [input, inputEnd), without their line ends, into the column of bytes with this descriptor, from row `firstRow` on:
     * at most `maxRows`, as many as fit. Returns the position behind the last one; how many there were, its line feeds tell. `input` must be
     * readable for 16 bytes past `inputEnd`.
     */
    scanLines(column: number, input: number, inputEnd: number, firstRow: number, maxRows: number): number
  }
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13

/** The twin of `countByte`. */
export function countByteInBytes(bytes: Uint8Array, at: number, end: number, byte: number): number {
  let count = 0
  for (let index = bytes.indexOf(byte, at); index !== -1 && index < end; index = bytes.indexOf(byte, index + 1)) count++
  return count
}

/** The twin of `scanLines`: as if everything fitted. */
export function linesInBytes(bytes: Uint8Array, rowsMax: number): Uint8Array[] {
  const lines: Uint8Array[] = []
  let start = 0
  for (let feed = bytes.indexOf(LINE_FEED); feed !== -1 && lines.length < rowsMax; feed = bytes.indexOf(LINE_FEED, start)) {
    lines.push(bytes.subarray(start, feed > start && bytes[feed - 1] === CARRIAGE_RETURN ? feed - 1 : feed))
    start = feed + 1
  }
  return lines
}
