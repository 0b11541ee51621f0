// Bindings of the dictionary kernel.

/** Dictionary kernels. */
export interface DictionaryKernels {
  /**
   * Codes for the n keys of a key batch in bytes form: int32 codes[n], and in int32 firsts[] the row of the batch in which each code occurs first.
   * NULL gets code 0 and no entry. `slots` is u32[slotCount], a power of two of at least twice `max`. Returns the number of codes, or -1 if there
   * would be more than `max`.
   */
  dictionaryEncode(
    hashes: number,
    payloads: number,
    words: number,
    n: number,
    max: number,
    slots: number,
    slotCount: number,
    codes: number,
    firsts: number,
  ): number
}
