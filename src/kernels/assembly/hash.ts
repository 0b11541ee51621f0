// The hash kernel of the control plane: XXH64 of any bytes, also the checksum of a region. Runs on whatever thread calls.

import { xxh64 } from './xxh64'

/** XXH64 of `length` bytes. */
export function hash64(address: usize, length: u32, seed: u64): u64 { return xxh64(address, length, seed) }
