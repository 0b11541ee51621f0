// What the sinks of SQL stores have in common before they run: their options, the checks of keys against a schema, and quoting.

import { createRequire } from 'node:module'
import { ConnectorError, PlanError } from '../../base/errors.ts'
import { formatType, type LogicalType, type Schema } from '../../batch/types.ts'

const require = createRequire(import.meta.url)

/** Options that say where rows go. */
export interface TableOptions {
  readonly table: string
  readonly keys?: readonly string[]
}

/**
 * Checks them.
 *
 * @param purpose What cannot be done otherwise, as in `make a SQLite sink`.
 * @throws {PlanError} `INVALID_OPTION`
 */
export function checkTableOptions(purpose: string, { table, keys }: TableOptions): void {
  checkName(purpose, 'table', table)
  if (keys === undefined) return
  if (!Array.isArray(keys) || keys.length === 0)
    throw new PlanError('INVALID_OPTION', `Cannot ${purpose}: keys must be the names of one column or more`, { hint: 'Leave keys out to append rows.' })
  for (const key of keys as readonly unknown[]) checkName(purpose, 'a key', key)
  if (new Set(keys).size < keys.length) throw new PlanError('INVALID_OPTION', `Cannot ${purpose}: keys name a column twice`)
}

/** @throws {PlanError} `INVALID_OPTION` */
export function checkName(purpose: string, what: string, name: unknown): void {
  if (typeof name !== 'string' || name === '' || name.includes('\0'))
    throw new PlanError('INVALID_OPTION', `Cannot ${purpose}: ${what} must be a name, not ${JSON.stringify(name)}`)
}

/**
 * The key columns of a schema, by index.
 *
 * @throws {PlanError} `UNKNOWN_COLUMN`; `INVALID_OPTION` for a key that may be NULL: NULL is equal to nothing, so that rows would never be replaced.
 */
export function keyIndexes(schema: Schema, keys: readonly string[]): readonly number[] {
  return keys.map((key) => {
    const index = schema.requireIndex(key)
    if (schema.fields[index].type.nullable)
      throw new PlanError('INVALID_OPTION', `Cannot use column "${key}" as a key: it may be NULL, which no other row's key is equal to`, {
        hint: 'Filter such rows out, and declare the column without nullable().',
      })
    return index
  })
}

/** An identifier as SQL quotes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * Loads an optional package: only when a job that uses it starts.
 *
 * @throws {PlanError} `PACKAGE_NOT_FOUND`
 */
export function optionalPackage(name: string, purpose: string): unknown {
  return require(optionalPackagePath(name, purpose))
}

/** Where {@link optionalPackage} finds it. */
export function optionalPackagePath(name: string, purpose: string): string {
  try {
    return require.resolve(name)
  } catch (error) {
    throw new PlanError('PACKAGE_NOT_FOUND', `Cannot ${purpose}: the package "${name}" is not installed`, { hint: `Run npm install ${name}.`, cause: error })
  }
}

/** For a column of a type that the store has no type for. */
export function unsupportedType(store: string, column: string, type: LogicalType): PlanError {
  const hint = type.kind === 'OBJECT' ? 'Declare columns with .returns(schema).' : 'Turn it into text, as JSON say, or into columns of their own.'
  return new PlanError('UNSUPPORTED_TYPE', `Cannot write column "${column}" to ${store}: it is ${formatType(type)}`, { hint })
}

/** For a table that is not as the rows are. */
export function schemaMismatch(target: string, reason: string, hint: string, purpose: 'write to' | 'read' = 'write to'): ConnectorError {
  return new ConnectorError('SCHEMA_MISMATCH', `Cannot ${purpose} ${target}: ${reason}`, { hint })
}

/** For a table that is not there. */
export function tableNotFound(target: string, known: readonly string[], purpose: 'write to' | 'read' = 'write to'): ConnectorError {
  return new ConnectorError('TABLE_NOT_FOUND', `Cannot ${purpose} ${target}: there is no such table`, {
    hint: `Create it before the job starts. ${known.length === 0 ? 'The database has no tables.' : `Its tables are ${known.map((name) => `"${name}"`).join(', ')}.`}`,
  })
}
