// Bindings of the hash kernels.

/** Hash kernels. */
export interface HashKernels {
  /** XXH64 of `length` bytes: a checksum or a hash on the control plane (the result is a bigint; as unsigned: `BigInt.asUintN(64, …)`). */
  hash64(address: number, length: number, seed: bigint): bigint
}
