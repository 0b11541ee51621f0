// Loads the modules that CREATE FUNCTION names: `./functions.ts#name`, seen from the script. TypeScript is bundled as jobs are. Each thread of a job has
// its own: what a module holds is shared by all operators of one worker, and by nobody else.

import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MillraceError } from '../base/errors.ts'
import { suggest } from '../base/suggest.ts'
import { resolveJobModule } from '../engine/job-bundle.ts'
import { meant } from './catalog.ts'
import { SqlError } from './sql-error.ts'
import type { AlterFunction, CreateFunction, Statement } from './syntax-tree.ts'
import { isUserFunction, type UserFunctionDefinition } from './user-functions.ts'

/** What an import has come to. */
type Loaded = { readonly exports: Readonly<Record<string, unknown>> } | { readonly error: unknown }

const MODULE = /\.[cm]?[jt]sx?$/
const LANGUAGES = ['TYPESCRIPT', 'JAVASCRIPT', 'JAVA', 'SCALA', 'PYTHON']

/** In which language a function is: as it says, or as its name does. @throws {SqlError} `INVALID_OPTION` */
export function languageOf(statement: Pick<CreateFunction, 'className' | 'language' | 'classSpan'>, text: string): string {
  const { className, language } = statement
  if (language === undefined) return MODULE.test(pathAndExport(className)[0]) ? 'TYPESCRIPT' : 'JAVA'
  if (!LANGUAGES.includes(language))
    throw new SqlError('INVALID_OPTION', text, statement.classSpan, `There are no functions in ${language}`, `There are ${LANGUAGES.join(', ')}.`)
  return language
}

/** Whether a language is one whose functions run here. */
export function isModuleLanguage(language: string): boolean {
  return language === 'TYPESCRIPT' || language === 'JAVASCRIPT'
}

/** The modules of a session, by their paths. */
export class FunctionModules {
  readonly #loaded = new Map<string, Loaded>()
  /** From where paths are seen: the folder of the script. */
  folder: string
  /** Behind the URL of each module: a job that begins anew has modules of its own, as its own module is. */
  readonly #fragment: string

  constructor(folder: string = process.cwd(), fragment = '') {
    this.folder = folder
    this.#fragment = fragment
  }

  /** Loads what statements name: also what they have named before, which may have changed. Whoever asks for it hears of errors. */
  async load(statements: readonly Statement[]): Promise<void> {
    for (const statement of statements) {
      if (statement.kind !== 'create function' && statement.kind !== 'alter function') continue
      const { className, language } = statement
      const [path] = pathAndExport(className)
      if (language === undefined ? MODULE.test(path) : isModuleLanguage(language))
        this.#loaded.set(this.#absolute(path), await load(this.#absolute(path), this.#fragment))
    }
  }

  /** The function that a statement names. @throws {SqlError} `FUNCTION_NOT_FOUND`, `FUNCTION_NOT_LOADED` */
  find({ className, classSpan }: Pick<CreateFunction | AlterFunction, 'className' | 'classSpan'>, text: string): UserFunctionDefinition {
    const refuse = (code: string, message: string, hint?: string): SqlError => new SqlError(code, text, classSpan, message, hint)
    const [path, name] = pathAndExport(className)
    if (name === undefined) throw refuse('FUNCTION_NOT_FOUND', `'${className}' does not say which export of the module it is`, `Write '${path}#name'.`)
    const absolute = this.#absolute(path)
    if (!MODULE.test(path)) throw refuse('FUNCTION_NOT_FOUND', `"${path}" is no .ts, .js or .mjs file`, `Write './functions.ts#${name}'.`)
    if (statSync(absolute, { throwIfNoEntry: false })?.isFile() !== true)
      throw refuse('FUNCTION_NOT_FOUND', `There is no module "${absolute}"`, 'Paths are seen from the folder of the script.')
    const loaded = this.#loaded.get(absolute)
    if (loaded === undefined) throw refuse('FUNCTION_NOT_LOADED', `Module "${absolute}" is not loaded`, 'Load it first, or register its function.')
    if ('error' in loaded) throw refuse('FUNCTION_NOT_LOADED', `Cannot load "${path}": ${reasonOf(loaded.error)}`)
    const found = loaded.exports[name]
    const known = Object.keys(loaded.exports)
    if (!(name in loaded.exports)) {
      const near = suggest(name, known)
      throw refuse(
        'FUNCTION_NOT_FOUND',
        `"${path}" has no export "${name}"`,
        meant(near) ?? (known.length === 0 ? 'It exports nothing.' : `It exports ${known.join(', ')}.`),
      )
    }
    if (!isUserFunction(found))
      throw refuse(
        'FUNCTION_NOT_FOUND',
        `Export "${name}" of "${path}" is ${kindOf(found)}, and no function of SQL`,
        'Make it by scalarFunction({ ... }), tableFunction({ ... }) or aggregateFunction({ ... }).',
      )
    return found
  }

  #absolute(path: string): string {
    return path.startsWith('file:') ? fileURLToPath(path) : resolve(this.folder, path)
  }
}

function pathAndExport(className: string): readonly [path: string, name: string | undefined] {
  const at = className.lastIndexOf('#')
  return at < 0 ? [className, undefined] : [className.slice(0, at), className.slice(at + 1)]
}

async function load(path: string, fragment: string): Promise<Loaded> {
  try {
    const { url, isBundled } = await resolveJobModule(path)
    // Errors name the lines that were written.
    if (isBundled) process.setSourceMapsEnabled(true)
    return { exports: (await import(url + fragment)) as Readonly<Record<string, unknown>> }
  } catch (error) {
    return { error }
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof MillraceError) return error.message
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
