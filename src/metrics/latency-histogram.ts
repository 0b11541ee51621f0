// A latency histogram as Int32 buckets in shared memory, in the layout of HDR histograms: exact below 64, then 32 buckets for each power of two.
// One thread records; any thread reads. Recording allocates nothing.

const SUB_BUCKET_BITS = 5
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS
/** Values are microseconds up to 2^36 (19 hours); greater ones count there. */
const VALUE_BITS_MAX = 36

/** Number of buckets. */
export const LATENCY_BUCKETS = (VALUE_BITS_MAX - SUB_BUCKET_BITS) * SUB_BUCKETS + SUB_BUCKETS
export const LATENCY_BYTES = LATENCY_BUCKETS * 4

/** Index of the bucket of a value in microseconds. */
export function bucketOf(micros: number): number {
  const value = Math.min(Math.max(0, Math.floor(micros)), 2 ** VALUE_BITS_MAX - 1)
  if (value < SUB_BUCKETS * 2) return value
  const magnitude = Math.floor(Math.log2(value)) - SUB_BUCKET_BITS
  return (magnitude + 1) * SUB_BUCKETS + Math.floor(value / 2 ** magnitude) - SUB_BUCKETS
}

/** The middle of a bucket in microseconds. */
export function valueOf(bucket: number): number {
  if (bucket < SUB_BUCKETS * 2) return bucket
  const magnitude = Math.floor(bucket / SUB_BUCKETS) - 1
  return ((bucket % SUB_BUCKETS) + SUB_BUCKETS) * 2 ** magnitude + 2 ** magnitude / 2
}

/** Adds one value. */
export function recordLatency(buckets: Int32Array, micros: number): void {
  buckets[bucketOf(micros)]++
}

/** Visits the buckets that hold something: their middle value in microseconds and their count. */
export function forEachLatency(buckets: Int32Array, visit: (micros: number, count: number) => void): void {
  for (let bucket = 0; bucket < buckets.length; bucket++) if (buckets[bucket] > 0) visit(valueOf(bucket), buckets[bucket])
}
