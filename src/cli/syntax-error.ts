// Where a job's module does not parse or link: Node's errors do not say it for modules that are imported.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PlanError } from '../base/errors.ts'
import { packageRoot } from '../base/platform.ts'
import { suggest } from '../base/suggest.ts'
import { type JobModule, resolveJobModule } from '../engine/job-bundle.ts'

const UNKNOWN_EXPORT = /^The requested module '(.+)' does not provide an export named '(.+)'$/

/** The error that tells the place; other errors as they are. */
export async function locateSyntaxError(error: unknown, module: JobModule | undefined): Promise<unknown> {
  if (!(error instanceof Error) || error.name !== 'SyntaxError' || module === undefined) return error
  let inputs
  try {
    ;({ inputs } = await resolveJobModule(module.path, true))
  } catch (better) {
    return better
  }
  const match = UNKNOWN_EXPORT.exec(error.message)
  return match === null ? error : unknownExport(match[1], match[2], inputs)
}

async function unknownExport(url: string, name: string, files: readonly string[]): Promise<PlanError> {
  const engine = join(packageRoot(), 'dist')
  const isEngine = url.startsWith(pathToFileURL(engine).href) || /^millrace(\/|$)/.test(url)
  const place = files.map((file) => placeOfImport(file, name)).find((found) => found !== undefined)
  const near = isEngine ? suggest(name, Object.keys((await import(pathToFileURL(join(engine, 'index.js')).href)) as object)) : undefined
  const error = new PlanError('UNKNOWN_EXPORT', `Cannot import "${name}" from "${place?.specifier ?? url}": there is no such export`, {
    ...(near !== undefined && { hint: `Did you mean "${near}"?` }),
  })
  error.stack = `${error.name}: ${error.message}${place === undefined ? '' : `\n    at ${place.file}:${place.line}:${place.column}`}`
  return error
}

interface Place {
  readonly specifier: string
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Where a file imports a name. Searched, not parsed: what does not link need not be understood. */
function placeOfImport(file: string, name: string): Place | undefined {
  const text = readFileSync(file, 'utf8')
  const word = name.replace(/[$]/g, '\\$&')
  const match = new RegExp(`\\b(?:import|export)\\b[^;'"]*?[{,\\s](${word})\\b[^;'"]*?\\bfrom\\s*['"]([^'"]+)['"]`, 'd').exec(text)
  if (match === null) return undefined
  const before = text.slice(0, match.indices![1]![0]).split('\n')
  return { specifier: match[2], file, line: before.length, column: before[before.length - 1].length + 1 }
}
