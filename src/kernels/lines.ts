// Binding of the kernel that counts lines, and its twin.

declare module './kernels.ts' {
  interface Kernels {
    /** How often `byte` occurs in [at, end). Reads nothing else. */
    countByte(at: number, end: number, byte: number): number
  }
}

/** The twin of `countByte`. */
export function countByteInBytes(bytes: Uint8Array, at: number, end: number, byte: number): number {
  let count = 0
  for (let index = bytes.indexOf(byte, at); index !== -1 && index < end; index = bytes.indexOf(byte, index + 1)) count++
  return count
}
