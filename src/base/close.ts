// Closing several things of which each may fail to.

/** Closes each of them, also behind one that throws. Returns what they threw. */
export function closeAll(parts: Iterable<{ close(): void }>): unknown[] {
  const failures: unknown[] = []
  for (const part of parts)
    try {
      part.close()
    } catch (error) {
      failures.push(error)
    }
  return failures
}

/** {@link closeAll}; throws the first failure. */
export function closeAllOrThrow(parts: Iterable<{ close(): void }>): void {
  const failures = closeAll(parts)
  if (failures.length > 0) throw failures[0]
}

/** What a log says of a failure to close. */
export function closeFailureText(failure: unknown): string {
  return `close failed: ${failure instanceof Error ? failure.message : String(failure)}`
}
