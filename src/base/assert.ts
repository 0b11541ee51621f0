// Assertions that stay on in production: a failed one is a bug of the engine, ends the subtask and fails the job.
// Messages are constants (a template literal costs 5 ns a call even when the condition holds).

/** An invariant of the engine was violated. Never caused by user input; please report it. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
  readonly code = 'ASSERTION_FAILED'
}

/**
 * Insists on an invariant.
 *
 * @throws {AssertionError} If `condition` is false.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message)
}

/**
 * Marks a place that no input can reach.
 *
 * @throws {AssertionError} Always.
 */
export function fail(message: string): never {
  throw new AssertionError(message)
}
