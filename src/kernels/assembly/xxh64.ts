// XXH64, seed 0 for keys: the published standard over bytes, and the two forms keys need, in which the payload and the tag byte behind it are
// hashed without being laid side by side. Runs on whatever thread calls; reads up to 32 bytes past the payload.

const PRIME_1: u64 = 0x9e3779b185ebca87
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f
const PRIME_3: u64 = 0x165667b19e3779f9
const PRIME_4: u64 = 0x85ebca77c2b2ae63
const PRIME_5: u64 = 0x27d4eb2f165667c5
const LOW_7_BYTES: u64 = 0x00ffffffffffffff

// @ts-ignore: decorator
@inline function roundOf(accumulator: u64, lane: u64): u64 { return rotl<u64>(accumulator + lane * PRIME_2, 31) * PRIME_1 }
// @ts-ignore: decorator
@inline function mergeRound(hash: u64, accumulator: u64): u64 { return (hash ^ roundOf(0, accumulator)) * PRIME_1 + PRIME_4 }
// @ts-ignore: decorator
@inline function step8(hash: u64, lane: u64): u64 { return rotl<u64>(hash ^ roundOf(0, lane), 27) * PRIME_1 + PRIME_4 }
// @ts-ignore: decorator
@inline function step4(hash: u64, lane: u64): u64 { return rotl<u64>(hash ^ (lane * PRIME_1), 23) * PRIME_2 + PRIME_3 }
// @ts-ignore: decorator
@inline function step1(hash: u64, byte: u64): u64 { return rotl<u64>(hash ^ (byte * PRIME_5), 11) * PRIME_1 }
// @ts-ignore: decorator
@inline function avalanche(hash: u64): u64 {
  hash = (hash ^ (hash >> 33)) * PRIME_2
  hash = (hash ^ (hash >> 29)) * PRIME_3
  return hash ^ (hash >> 32)
}

/** XXH64 of the nine bytes int64, tag. A bijection of the value for each tag. */
// @ts-ignore: decorator
@inline export function hashValue(value: u64, tag: u64): u64 {
  return avalanche(step1(step8(PRIME_5 + 9, value), tag))
}

/** XXH64 of `length` bytes. */
export function xxh64(address: usize, length: u32, seed: u64): u64 {
  const end = address + length
  let hash: u64
  if (length >= 32) {
    let a = seed + PRIME_1 + PRIME_2
    let b = seed + PRIME_2
    let c = seed
    let d = seed - PRIME_1
    const stripesEnd = address + (length & ~31)
    do {
      a = roundOf(a, load<u64>(address))
      b = roundOf(b, load<u64>(address, 8))
      c = roundOf(c, load<u64>(address, 16))
      d = roundOf(d, load<u64>(address, 24))
      address += 32
    } while (address != stripesEnd)
    hash = merge(a, b, c, d)
  } else hash = seed + PRIME_5
  hash += length
  for (; address + 8 <= end; address += 8) hash = step8(hash, load<u64>(address))
  if (address + 4 <= end) {
    hash = step4(hash, load<u32>(address))
    address += 4
  }
  for (; address < end; address++) hash = step1(hash, load<u8>(address))
  return avalanche(hash)
}

// @ts-ignore: decorator
@inline function merge(a: u64, b: u64, c: u64, d: u64): u64 {
  const hash = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18)
  return mergeRound(mergeRound(mergeRound(mergeRound(hash, a), b), c), d)
}

/** XXH64 of a payload and the tag byte behind it. */
// @ts-ignore: decorator
@inline export function hashTagged(payload: usize, payloadBytes: u32, tag: u64): u64 {
  return payloadBytes < 31 ? hashTaggedShort(payload, payloadBytes, tag) : hashTaggedLong(payload, payloadBytes, tag)
}

// @ts-ignore: decorator
@inline function hashTaggedShort(payload: usize, payloadBytes: u32, tag: u64): u64 {
  const bytes = payloadBytes + 1
  const tailBytes = bytes & 7
  const lanes = bytes >> 3
  let hash = PRIME_5 + <u64>bytes
  if (tailBytes == 0) {
    if (lanes >= 2) hash = step8(hash, load<u64>(payload))
    if (lanes >= 3) hash = step8(hash, load<u64>(payload, 8))
    return avalanche(step8(hash, (load<u64>(payload + payloadBytes - 7) & LOW_7_BYTES) | (tag << 56)))
  }
  if (lanes != 0) {
    hash = step8(hash, load<u64>(payload))
    if (lanes >= 2) hash = step8(hash, load<u64>(payload, 8))
    if (lanes >= 3) hash = step8(hash, load<u64>(payload, 16))
  }
  return avalanche(hashTail(hash, load<u64>(payload + (bytes & 24)), tailBytes, tag))
}

/**
 * The last 1 to 7 bytes, of which the tag is the last. Every step is made and then taken or not: lengths vary from key to key, and a branch
 * that is not foreseen costs more than all steps.
 */
// @ts-ignore: decorator
@inline function hashTail(hash: u64, lane: u64, tailBytes: u32, tag: u64): u64 {
  const shift = <u64>((tailBytes - 1) << 3)
  let tail = (lane & ((<u64>1 << shift) - 1)) | (tag << shift)
  const four = tailBytes & 4
  hash = select<u64>(step4(hash, tail & 0xffffffff), hash, four != 0)
  tail >>= <u64>(four << 3)
  const rest = tailBytes & 3
  hash = select<u64>(step1(hash, tail & 255), hash, rest != 0)
  hash = select<u64>(step1(hash, (tail >> 8) & 255), hash, rest >= 2)
  return select<u64>(step1(hash, (tail >> 16) & 255), hash, rest == 3)
}

function hashTaggedLong(payload: usize, payloadBytes: u32, tag: u64): u64 {
  const bytes = payloadBytes + 1
  const end = payload + bytes
  const tagged = end - 8
  let a = PRIME_1 + PRIME_2
  let b = PRIME_2
  let c: u64 = 0
  let d: u64 = 0 - PRIME_1
  const stripesEnd = payload + (bytes & ~31)
  do {
    a = roundOf(a, load<u64>(payload))
    b = roundOf(b, load<u64>(payload, 8))
    c = roundOf(c, load<u64>(payload, 16))
    d = roundOf(d, laneWithTag(payload + 24, tagged, tag))
    payload += 32
  } while (payload != stripesEnd)
  let hash = merge(a, b, c, d) + <u64>bytes
  for (; payload + 8 <= end; payload += 8) hash = step8(hash, laneWithTag(payload, tagged, tag))
  const tailBytes = <u32>(end - payload)
  return avalanche(tailBytes == 0 ? hash : hashTail(hash, load<u64>(payload), tailBytes, tag))
}

/** The eight bytes at `at`; if they are the last ones, the tag is the eighth. */
// @ts-ignore: decorator
@inline function laneWithTag(at: usize, tagged: usize, tag: u64): u64 {
  return at == tagged ? (load<u64>(at) & LOW_7_BYTES) | (tag << 56) : load<u64>(at)
}
