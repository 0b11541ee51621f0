// The CRC-32 of two pieces behind one another, from that of each: no byte is looked at twice. The polynomials are those of zlib's crc32, in its bit order.

const POLYNOMIAL = 0xedb88320
const ONE = 0x80000000
const BITS_MAX = 53

/** Product modulo the polynomial. */
function multiply(left: number, right: number): number {
  let product = 0
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((left & bit) !== 0) product ^= right
    right = (right & 1) === 0 ? right >>> 1 : (right >>> 1) ^ POLYNOMIAL
  }
  return product >>> 0
}

/** By bit of a length: what so many bytes behind a piece multiply its checksum by, x to the power of 8 * 2^bit. */
const shifts: number[] = []
for (let power = multiply(ONE >>> 4, ONE >>> 4), bit = 0; bit < BITS_MAX; bit++, power = multiply(power, power)) shifts.push(power)

/**
 * The checksum of `first` followed by `second`.
 *
 * @param secondBytes How many bytes the second piece has.
 * @example
 * crc32Combine(crc32('ab'), crc32('c'), 1) === crc32('abc')
 */
export function crc32Combine(first: number, second: number, secondBytes: number): number {
  let factor = ONE
  for (let bit = 0, rest = secondBytes; rest > 0; bit++, rest = Math.floor(rest / 2)) if (rest % 2 === 1) factor = multiply(shifts[bit], factor)
  return (multiply(factor, first) ^ second) >>> 0
}
