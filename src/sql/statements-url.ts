// Statements of a program as a job: they travel in the URL of the module of SQL jobs (sql-job.ts), which each thread imports.

import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { packageRoot } from '../base/platform.ts'
import type { Parameter } from './parameters.ts'

/** A text, and the values that stand in it. */
export interface Statements {
  readonly text: string
  readonly parameters: readonly Parameter[]
}

const QUERY = 'statements'

/** @param statements Without tables, which belong to the program. */
export function statementsUrl(statements: Statements): string {
  const url = pathToFileURL(join(packageRoot(), 'dist/sql-job.js'))
  url.searchParams.set(QUERY, JSON.stringify(statements))
  return url.href
}

/** The statements that a URL carries; undefined if it names a script. */
export function statementsOf({ searchParams }: URL): Statements | undefined {
  const given = searchParams.get(QUERY)
  return given === null ? undefined : (JSON.parse(given) as Statements)
}
