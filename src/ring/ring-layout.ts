// How one ring lies in shared memory: drawn here once, imported by both ends, by the planner of the slab and by tests. Plain constants and
// arithmetic. A region is zeroed before anybody looks at it, and it never moves.
//
// All offsets are relative to the region, which starts on a multiple of RING_ALIGNMENT_BYTES. Words are little-endian int32.
//
//   offset                 writer      what
//   0                      producer    tail: position behind the last published frame
//   128                    consumer    head: position behind the last released frame
//   256                    producer    credit wanted: free bytes for which a refused producer waits, 0 = it does not wait
//   384                    either      producer closed (1), consumer closed (1), capacity in bytes, magic: written once, read seldom
//   512                    producer    data: `capacity` bytes of frames
//   512 + capacity         producer    slack: 64 bytes that a kernel may scribble behind a frame at the end of the data
//
// Words that different threads write lie 128 bytes apart: processors fetch cache lines in pairs. The flag that says "the consumer sleeps" is not
// here but in the consumer's doorbell (parking.ts): a worker with forty inbound rings sleeps once, not forty times.
//
// Positions count bytes since the start, only grow, and wrap at 2^32. They are stored as int32 and compared by difference: `(tail - head) | 0`
// is right across the wrap because both ends stay within `capacity` ≤ 2^30 of each other, and `position & (capacity - 1)` is right because the
// capacity is a power of two and so divides 2^32. Positions are multiples of 64.
//
//   head ≤ consumer's position ≤ tail ≤ committed tail ≤ head + capacity - RING_SLACK_BYTES
//
// A frame is contiguous, starts on 64 bytes of the slab, and its payload does too:
//
//   0    length of the payload in bytes
//   4    bits 0-7 kind (the caller's), bit 8 padding, bits 16-31 FRAME_MAGIC
//   8    the frame's own position: an old lap's frame at the same place has another one
//   12   reserved, 0
//   16   FRAME_USER_BYTES of the caller's own: a control element fits here and needs no payload
//   64   payload, rounded up to a multiple of 64
//
// When a frame does not fit before the end of the data, a padding frame fills the rest. It is committed together with the frame behind it.

/** Regions start on this multiple, so that no two rings share a pair of cache lines. */
export const RING_ALIGNMENT_BYTES = 128

export const RING_TAIL_OFFSET = 0
export const RING_HEAD_OFFSET = 128
export const RING_CREDIT_WANTED_OFFSET = 256
export const RING_PRODUCER_CLOSED_OFFSET = 384
export const RING_CONSUMER_CLOSED_OFFSET = 388
export const RING_CAPACITY_OFFSET = 392
export const RING_MAGIC_OFFSET = 396
export const RING_DATA_OFFSET = 512

/** What the magic word holds once a region is initialized ("MRNG"). */
export const RING_MAGIC = 0x4d524e47

/** Bytes behind every claim that are free too: kernels write so far past the end of what they fill. */
export const RING_SLACK_BYTES = 64

export const RING_CAPACITY_MIN = 512
export const RING_CAPACITY_MAX = 2 ** 30

/** Frames start on this multiple and their headers are this long: payloads are aligned as Arrow wants its buffers. */
export const FRAME_ALIGNMENT_BYTES = 64
export const FRAME_HEADER_BYTES = 64

export const FRAME_LENGTH_OFFSET = 0
export const FRAME_KIND_OFFSET = 4
export const FRAME_POSITION_OFFSET = 8
export const FRAME_USER_OFFSET = 16

/** The caller's own bytes in each header; they end where the payload begins. */
export const FRAME_USER_BYTES = FRAME_HEADER_BYTES - FRAME_USER_OFFSET

/** Frame kinds are 0 to this. */
export const FRAME_KIND_MAX = 255

/** Flag in the kind word: nothing here, go on at the start of the data. */
export const FRAME_PADDING = 1 << 8

/** Upper half of the kind word of every frame ("MF"). */
export const FRAME_MAGIC = 0x4d46

/** A frame, header included, is at most this part of the capacity: then a claim needs at most half of it, padding and slack included. */
export const FRAMES_PER_RING_MIN = 4

/** Bytes of a region that holds a ring of `capacityBytes`. */
export function ringRegionBytes(capacityBytes: number): number {
  return RING_DATA_OFFSET + capacityBytes + RING_ALIGNMENT_BYTES
}

/** Bytes that a payload of `length` bytes takes in the ring, header included. */
export function frameBytesOf(length: number): number {
  return FRAME_HEADER_BYTES + ((length + (FRAME_ALIGNMENT_BYTES - 1)) & -FRAME_ALIGNMENT_BYTES)
}

/** Longest payload of a ring of `capacityBytes`. */
export function frameLengthMaxOf(capacityBytes: number): number {
  return capacityBytes / FRAMES_PER_RING_MIN - FRAME_HEADER_BYTES
}

/** Whether a ring can have this capacity: a power of two within the limits. */
export function isRingCapacity(capacityBytes: number): boolean {
  return capacityBytes >= RING_CAPACITY_MIN && capacityBytes <= RING_CAPACITY_MAX && (capacityBytes & (capacityBytes - 1)) === 0
}
