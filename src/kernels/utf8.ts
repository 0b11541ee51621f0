// Typed binding of the UTF-8 check. The kernel takes 16 bytes at a time, 64 while all is ASCII.

declare module './kernels.ts' {
  interface Kernels {
    /** The offset of the first byte at `address` that is not part of well-formed UTF-8, or -1. Readable for 64 bytes past the end. */
    utf8Check(address: number, length: number): number
  }
}

/** What {@link Kernels.utf8Check} returns for good text. */
export const UTF8_VALID = -1
