// The UTF-8 check in plain TypeScript: the oracle of the kernel `utf8Check`.

/** The offset of the first byte that is not part of well-formed UTF-8, or -1. */
export function utf8CheckTwin(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at]
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
    if (at + length > bytes.length) return at
    try {
      decoder.decode(bytes.subarray(at, at + length))
    } catch {
      return at
    }
    at += length
  }
  return -1
}
