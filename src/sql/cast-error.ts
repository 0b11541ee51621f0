/** A value that cannot be cast, which ends the job unless TRY_CAST has asked. */
export class CastError extends Error {
  override readonly name = 'CastError'
}
