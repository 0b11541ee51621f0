// The error classes a caller may catch. Each carries a stable `code`, an optional `hint` that says what to do, and its `cause`.
// Bugs are assertions (assert.ts), refusals on the data path are return values: neither is here.

/** What every error of the engine can carry beside its message. */
export interface ErrorDetails {
  /** What went wrong underneath. */
  readonly cause?: unknown
  /** What the reader can do about it: one sentence, active voice. */
  readonly hint?: string
}

/** Base of all errors that the engine throws on purpose. `code` is stable across releases; messages are not. */
export class MillraceError extends Error {
  readonly code: string
  readonly hint: string | undefined

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.hint = details.hint
  }
}

/** A program, an option or an argument is wrong; nothing has run. Exit code 2. */
export class PlanError extends MillraceError {}

/** Whether an error, or what lies underneath, has that code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof MillraceError && (error.code === code || hasCode(error.cause, code))
}

/** Where a record that cannot be read stands, as far as that is known. */
export interface BadRecordPosition {
  /** Its path, or what it is called in messages. */
  readonly file: string
  /** From 1: the line in which the record begins. */
  readonly line?: number | undefined
  /** From 1: the byte of the record at which the problem is. */
  readonly column?: number | undefined
  /** The record's first byte in the file. */
  readonly offset?: number | undefined
  /** The column of the schema that is concerned, dotted if it is nested. */
  readonly field?: string | undefined
}

/** A record could not be read as its schema says, and the policy is `fail`. */
export class BadRecordError extends MillraceError {
  /** Where it stands; undefined for records that do not come from a file or stream. */
  readonly position: BadRecordPosition | undefined

  constructor(code: string, message: string, details: ErrorDetails & { readonly position?: BadRecordPosition } = {}) {
    super(code, message, details)
    this.position = details.position
  }
}

/** A function of the user threw. `cause` is what it threw, with the user's own lines in its stack. Or an expression of SQL cannot be computed of a row. */
export class UserFunctionError extends MillraceError {}

/** A file, socket or peer failed. */
export class ConnectorError extends MillraceError {}

/** Keyed state could not be held: memory budget, encoding, or a descriptor that changed. */
export class StateError extends MillraceError {}

/** A snapshot could not be restored. Exit code 3. */
export class RestoreError extends MillraceError {}

/** The job ended otherwise than by finishing: failed, or cancelled. */
export class JobError extends MillraceError {}

/** The fields of an error that survive a trip between threads (structured clone drops classes and own properties). */
export interface ErrorRecord {
  readonly name: string
  readonly message: string
  readonly code: string | undefined
  readonly hint: string | undefined
  readonly position: BadRecordPosition | undefined
  readonly stack: string | undefined
  readonly cause: ErrorRecord | undefined
}

const CAUSE_DEPTH_MAX = 8

/** What the URL of a module ends with, and the number of the job, where a thread loads it for a later job than its first. */
export const RUN_FRAGMENT = '#millrace-run-'
const RUN_FRAGMENTS = new RegExp(`${RUN_FRAGMENT}\\d+`, 'g')

/** A text of user code or about it, without what the engine has added to the URLs of modules. */
export function withoutRuns(text: string): string {
  return text.includes(RUN_FRAGMENT) ? text.replaceAll(RUN_FRAGMENTS, '') : text
}

/** Flattens any thrown value to plain data that `postMessage` carries unharmed. */
export function toErrorRecord(thrown: unknown, depth: number = 0): ErrorRecord {
  if (!(thrown instanceof Error))
    return { name: 'Error', message: withoutRuns(String(thrown)), code: undefined, hint: undefined, position: undefined, stack: undefined, cause: undefined }
  const { code, hint } = thrown as { code?: unknown; hint?: unknown }
  return {
    name: crossingName(thrown),
    message: withoutRuns(thrown.message),
    code: typeof code === 'string' ? code : undefined,
    hint: typeof hint === 'string' ? withoutRuns(hint) : undefined,
    position: thrown instanceof BadRecordError ? thrown.position : undefined,
    stack: thrown.stack === undefined ? undefined : withoutRuns(thrown.stack),
    cause: thrown.cause === undefined || depth === CAUSE_DEPTH_MAX ? undefined : toErrorRecord(thrown.cause, depth + 1),
  }
}

const CLASSES: Record<string, new (code: string, message: string, details?: ErrorDetails & { readonly position?: BadRecordPosition }) => MillraceError> = {
  MillraceError,
  PlanError,
  BadRecordError,
  UserFunctionError,
  ConnectorError,
  StateError,
  RestoreError,
  JobError,
}

/** Other threads know the classes above: an error of a class that extends one of them goes as that. */
function crossingName(thrown: Error): string {
  if (thrown.name in CLASSES) return thrown.name
  return Object.keys(CLASSES).findLast((name) => thrown instanceof CLASSES[name]) ?? thrown.name
}

/** Rebuilds an error from {@link toErrorRecord}: the engine's own classes come back as themselves, others as `Error` with the same name. */
export function fromErrorRecord(record: ErrorRecord): Error {
  const cause = record.cause === undefined ? undefined : fromErrorRecord(record.cause)
  const Class = CLASSES[record.name]
  const error: Error =
    Class !== undefined && record.code !== undefined
      ? new Class(record.code, record.message, {
          ...(cause && { cause }),
          ...(record.hint !== undefined && { hint: record.hint }),
          ...(record.position && { position: record.position }),
        })
      : Object.assign(new Error(record.message, cause && { cause }), { name: record.name, ...(record.code !== undefined && { code: record.code }) })
  if (record.stack !== undefined) error.stack = record.stack
  return error
}

/** The same error with another hint. */
export function withHint(error: MillraceError, hint: string): Error {
  return fromErrorRecord({ ...toErrorRecord(error), hint })
}
