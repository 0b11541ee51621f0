// XXH64 in plain TypeScript: the published standard, kept simple. The kernels hash rows; this one serves the control plane and is their oracle.

const MASK = (1n << 64n) - 1n
const PRIME_1 = 0x9e3779b185ebca87n
const PRIME_2 = 0xc2b2ae3d27d4eb4fn
const PRIME_3 = 0x165667b19e3779f9n
const PRIME_4 = 0x85ebca77c2b2ae63n
const PRIME_5 = 0x27d4eb2f165667c5n
const STRIPE_BYTES = 32

function rotateLeft(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK
}

function round(accumulator: bigint, lane: bigint): bigint {
  return (rotateLeft((accumulator + lane * PRIME_2) & MASK, 31n) * PRIME_1) & MASK
}

function mergeRound(hash: bigint, accumulator: bigint): bigint {
  return ((hash ^ round(0n, accumulator)) * PRIME_1 + PRIME_4) & MASK
}

/** XXH64 of `bytes` as an unsigned 64-bit integer. Microseconds a call: not for rows. */
export function hash64(bytes: Uint8Array, seed: bigint = 0n): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = bytes.length
  let at = 0
  let hash: bigint
  if (length >= STRIPE_BYTES) {
    const lanes = [(seed + PRIME_1 + PRIME_2) & MASK, (seed + PRIME_2) & MASK, seed & MASK, (seed - PRIME_1) & MASK]
    for (; at + STRIPE_BYTES <= length; at += STRIPE_BYTES) {
      for (let lane = 0; lane < 4; lane++) lanes[lane] = round(lanes[lane], view.getBigUint64(at + lane * 8, true))
    }
    hash = (rotateLeft(lanes[0], 1n) + rotateLeft(lanes[1], 7n) + rotateLeft(lanes[2], 12n) + rotateLeft(lanes[3], 18n)) & MASK
    for (const lane of lanes) hash = mergeRound(hash, lane)
  } else hash = (seed + PRIME_5) & MASK
  hash = (hash + BigInt(length)) & MASK
  for (; at + 8 <= length; at += 8) hash = (rotateLeft(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * PRIME_1 + PRIME_4) & MASK
  if (at + 4 <= length) {
    hash = (rotateLeft(hash ^ ((BigInt(view.getUint32(at, true)) * PRIME_1) & MASK), 23n) * PRIME_2 + PRIME_3) & MASK
    at += 4
  }
  for (; at < length; at++) hash = (rotateLeft(hash ^ ((BigInt(bytes[at]) * PRIME_5) & MASK), 11n) * PRIME_1) & MASK
  hash = ((hash ^ (hash >> 33n)) * PRIME_2) & MASK
  hash = ((hash ^ (hash >> 29n)) * PRIME_3) & MASK
  return hash ^ (hash >> 32n)
}
