// A job's file -> the URL of a module that every thread can import. JavaScript that finds this very engine is imported as it lies; all else
// (TypeScript, and JavaScript outside a project that has the package) is bundled by esbuild into a cache. Invariant: whatever the job imports as
// `millrace` is the running engine's own file, so that one copy of it is loaded. A SQL script is not bundled: a module of the engine reads it.

import { createHash } from 'node:crypto'
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { basename, dirname, extname, join, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { threadId } from 'node:worker_threads'
import type { BuildFailure, Message, Plugin } from 'esbuild'
import { systemClock } from '../base/clock.ts'
import { PlanError } from '../base/errors.ts'
import { packageRoot } from '../base/platform.ts'
import { suggest } from '../base/suggest.ts'

/** A job as the engine's threads import it. */
export interface JobModule {
  /** What to submit. */
  readonly url: string
  /** The file that was asked for, absolute. */
  readonly path: string
  /** Files that the module was made of, absolute: a change of one makes another module. */
  readonly inputs: readonly string[]
  readonly isBundled: boolean
  /** Of a script: whether it may say that a plan is compiled and executed, whose file is written once, where the job is started. */
  readonly mayWritePlan?: boolean
}

const SCRIPTS = new Set(['.js', '.mjs'])
const TYPESCRIPT = new Set(['.ts', '.mts', '.tsx', '.cts'])
const SQL = '.sql'
/** What CREATE FUNCTION names in front of an export. */
const FUNCTION_MODULE = /(?<=')[^'\n]+\.[cm]?[jt]sx?(?=#[\w$]+')/g
/** Part of the cache's keys: another way of bundling makes other bundles. */
const BUNDLE_FORMAT = 1
/** Bundles that nobody asked for in this time are deleted by the next build. */
const UNUSED_DAYS_MAX = 7
const DAY_MS = 86_400_000

/**
 * Finds a job's module, bundling it if it must be. That of a SQL script is the engine's own, with the script in the query of its URL.
 *
 * @param always Bundles plain JavaScript too, so that `inputs` names the files that it imports.
 * @throws {PlanError} `JOB_NOT_FOUND`, `JOB_UNREADABLE` if it does not parse or imports what does not exist.
 */
export async function resolveJobModule(job: string, always: boolean = false): Promise<JobModule> {
  const path = jobPath(job)
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined || !stat.isFile()) {
    const hint = nearbyJob(path, stat?.isDirectory() === true)
    throw new PlanError(
      'JOB_NOT_FOUND',
      `Cannot run "${job}": ${stat === undefined ? 'there is no such file' : 'it is not a file'}`,
      hint === undefined ? {} : { hint },
    )
  }
  const extension = extname(path).toLowerCase()
  if (extension === SQL) return script(path, always)
  if (!SCRIPTS.has(extension) && !TYPESCRIPT.has(extension))
    throw new PlanError('JOB_NOT_FOUND', `Cannot run "${job}": a job is a .ts, .js, .mjs or .sql file`, {
      hint: 'Write `export default defineJob(import.meta, (env, params) => { ... })` in one, or a SQL script with an INSERT.',
    })
  if (!always && SCRIPTS.has(extension) && findsThisEngine(path)) return { url: pathToFileURL(path).href, path, inputs: [path], isBundled: false }
  return bundle(path)
}

/** The absolute path of a job that is given as a path or a URL. */
export function jobPath(job: string): string {
  return job.startsWith('file:') ? fileURLToPath(job) : resolve(job)
}

/**
 * The module of a SQL script. It has another URL when the script has changed, or a module of functions that it names: these are bundled here, once for all
 * threads.
 */
async function script(path: string, always: boolean): Promise<JobModule> {
  const url = pathToFileURL(join(packageRoot(), 'dist/sql-job.js'))
  const modules: JobModule[] = []
  const text = readFileSync(path, 'utf8')
  for (const name of new Set(text.match(FUNCTION_MODULE)))
    try {
      modules.push(await resolveJobModule(resolve(dirname(path), name), always))
    } catch {
      // Told by the statement that names it.
    }
  const functions = modules.map((module) => `${module.url} ${hashOfFile(module.path)}`).join('\n')
  url.search = String(new URLSearchParams({ script: pathToFileURL(path).href, hash: hashOfFile(path) ?? '' }))
  if (functions !== '') url.searchParams.set('functions', createHash('sha1').update(functions).digest('base64'))
  return { url: url.href, path, inputs: [path, ...modules.flatMap(({ inputs }) => inputs)], isBundled: false, mayWritePlan: /\bCOMPILE\b/i.test(text) }
}

/** A script with the wanted name and another extension, or one with a name like it, or the scripts of the folder that was named. */
function nearbyJob(path: string, isFolder: boolean): string | undefined {
  const isJob = (name: string): boolean => SCRIPTS.has(extname(name)) || TYPESCRIPT.has(extname(name)) || extname(name) === SQL
  const stem = (name: string): string => basename(name, extname(name))
  try {
    const jobs = readdirSync(isFolder ? path : dirname(path)).filter((name) => isJob(name) && !name.endsWith('.d.ts'))
    const same = isFolder ? jobs : jobs.filter((name) => stem(name) === stem(path))
    const near = same.length > 0 ? undefined : suggest(stem(path), jobs.map(stem))
    const names = same.length > 0 ? same : jobs.filter((name) => stem(name) === near)
    return names.length === 0 ? undefined : `Did you mean ${names.slice(0, 3).join(' or ')}?`
  } catch {
    return undefined
  }
}

/** Whether `import 'millrace'` in that file leads to the engine that runs now. */
function findsThisEngine(path: string): boolean {
  try {
    return createRequire(path).resolve('millrace/package.json') === join(packageRoot(), 'package.json')
  } catch {
    return false
  }
}

/** The running engine's file for `millrace` or a subpath of it; undefined if there is no such subpath. */
function engineFile(specifier: string): string | undefined {
  const { exports } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { exports: Record<string, string | { default: string }> }
  const entry = exports[specifier === 'millrace' ? '.' : `.${specifier.slice('millrace'.length)}`]
  return entry === undefined ? undefined : join(packageRoot(), typeof entry === 'string' ? entry : entry.default)
}

// ---- the cache ----

/** What a bundle was made from: it is used again while every file still has that hash. A file that must not exist has none. */
interface BundleRecord {
  readonly maker: string
  readonly file: string
  readonly inputs: readonly string[]
  readonly hashes: Readonly<Record<string, string | null>>
}

/** What a file holds, in short; null if it cannot be read. */
export function hashOfFile(path: string): string | null {
  try {
    return createHash('sha1').update(readFileSync(path)).digest('base64')
  } catch {
    return null
  }
}

/** A folder for bundles that only this user can write; a fresh one if somebody else was there first. */
function cacheFolder(): string {
  const folder = join(tmpdir(), `millrace-${process.getuid?.() ?? userInfo().username}`)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const stat = lstatSync(folder)
    if (!stat.isDirectory() || (process.getuid !== undefined && stat.uid !== process.getuid())) return mkdtempSync(`${folder}-`)
    if ((stat.mode & 0o077) !== 0) chmodSync(folder, 0o700)
  }
  return folder
}

function maker(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }
  return `${BUNDLE_FORMAT} ${version} ${packageRoot()} ${process.version}`
}

function readRecord(path: string, file: string): BundleRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as BundleRecord
    const isGood = record.maker === maker() && existsSync(record.file) && Object.entries(record.hashes).every(([input, hash]) => hashOfFile(input) === hash)
    return isGood && record.inputs.includes(path) ? record : undefined
  } catch {
    return undefined
  }
}

function writeWhole(path: string, contents: Uint8Array | string): void {
  // Threads of one process may bundle the same module at once.
  const part = `${path}.${process.pid}-${threadId}.part`
  writeFileSync(part, contents, { mode: 0o600 })
  renameSync(part, path)
}

function deleteUnused(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat !== undefined && systemClock.nowMs() - Math.max(stat.mtimeMs, stat.atimeMs) > UNUSED_DAYS_MAX * DAY_MS) rmSync(path, { force: true })
  }
}

// ---- the bundle ----

async function bundle(path: string): Promise<JobModule> {
  const folder = cacheFolder()
  const recordFile = join(folder, `${createHash('sha1').update(path).digest('hex').slice(0, 16)}.json`)
  let record = readRecord(path, recordFile)
  if (record === undefined) {
    record = await build(path, folder)
    writeWhole(recordFile, JSON.stringify(record))
    deleteUnused(folder)
  }
  return { url: pathToFileURL(record.file).href, path, inputs: record.inputs, isBundled: true }
}

async function build(path: string, folder: string): Promise<BundleRecord> {
  const esbuild = await import('esbuild')
  const packages = new Set<string>()
  try {
    const stem = `${basename(path, extname(path))}-`
    const { outputFiles, metafile } = await esbuild.build({
      absWorkingDir: dirname(path),
      entryPoints: [path],
      entryNames: `${stem}[hash]`,
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: `node${process.versions.node}`,
      // Node's own conditions: esbuild would add `module` for bundlers.
      conditions: ['node-addons'],
      define: { 'import.meta': IMPORT_META },
      loader: { '.node': 'file' },
      sourcemap: 'linked',
      legalComments: 'none',
      logLevel: 'silent',
      write: false,
      metafile: true,
      plugins: [externalPackages(packages), originalUrls],
    })
    for (const { path: output, contents } of outputFiles) writeWhole(output, contents)
    const inputs = Object.keys(metafile.inputs).map((input) => resolve(dirname(path), input))
    const file = outputFiles.find(({ path: output }) => output.endsWith('.mjs'))!.path
    const watched = [...inputs, ...packages, ...inputs.flatMap(settingsFiles)]
    return { maker: maker(), file, inputs, hashes: Object.fromEntries(watched.map((input) => [input, hashOfFile(input)])) }
  } catch (error) {
    if (!isBuildFailure(error)) throw error
    throw unreadable(path, error.errors)
  } finally {
    // Its process would stay and count against the memory of the job.
    await esbuild.stop()
  }
}

/** The settings that decide how esbuild reads a file: the nearest of each kind, and those that do not exist and would be nearer. */
function settingsFiles(input: string): string[] {
  return ['tsconfig.json', 'package.json'].flatMap((name) => {
    const files: string[] = []
    for (let folder = dirname(input); ; folder = dirname(folder)) {
      const file = join(folder, name)
      files.push(file)
      if (existsSync(file)) return name === 'tsconfig.json' ? [...files, ...extendedFiles(file)] : files
      if (folder === dirname(folder)) return files
    }
  })
}

/** What a tsconfig.json extends by relative path. It may hold comments, so it is searched, not parsed. */
function extendedFiles(file: string, depth: number = 0): string[] {
  if (depth === EXTENDS_DEPTH_MAX) return []
  const match = /"extends"\s*:\s*(\[[^\]]*\]|"[^"]*")/.exec(readFileSync(file, 'utf8'))
  return [...(match?.[1] ?? '').matchAll(/"(\.[^"]*)"/g)]
    .map(([, path]) => resolve(dirname(file), extname(path) === '' ? `${path}.json` : path))
    .flatMap((path) => (existsSync(path) ? [path, ...extendedFiles(path, depth + 1)] : [path]))
}

const EXTENDS_DEPTH_MAX = 8

const ASKED = Symbol('asked')

/**
 * Packages stay outside of the bundle and are named by URL, as resolved from where they are imported: the bundle lies elsewhere. Files that only
 * look like packages (paths of tsconfig.json, workspaces, `#imports`) belong to the job and are bundled.
 */
function externalPackages(packages: Set<string>): Plugin {
  return {
    name: 'packages',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...from }) => {
        if (pluginData === ASKED || from.kind === 'entry-point' || isBuiltin(path) || /^[a-z]{2,}:/.test(path)) return undefined
        if (path === 'millrace' || path.startsWith('millrace/')) {
          const file = engineFile(path)
          if (file === undefined) return { errors: [{ text: `Could not resolve "${path}": this version of millrace does not export it` }] }
          return { path: pathToFileURL(file).href, external: true }
        }
        if (from.kind === 'require-call' || from.kind === 'require-resolve') return undefined
        const { importer, namespace, resolveDir, kind } = from
        const resolved = await build.resolve(path, { importer, namespace, resolveDir, kind, pluginData: ASKED })
        // A package that may be missing is asked for when the job runs, by import() inside of a try.
        if (resolved.errors.length > 0) return kind === 'dynamic-import' ? { path, external: true } : { errors: resolved.errors }
        if (resolved.external || !resolved.path.includes(`${sep}node_modules${sep}`)) return resolved
        packages.add(packageFile(resolved.path))
        return { path: pathToFileURL(resolved.path).href, external: true }
      })
    },
  }
}

/** The package.json above a file of a package. */
function packageFile(path: string): string {
  let folder = dirname(path)
  while (!existsSync(join(folder, 'package.json')) && basename(folder) !== 'node_modules') folder = dirname(folder)
  return join(folder, 'package.json')
}

const IMPORT_META = '__millraceImportMeta'

/** `import.meta` of a bundled file names the original, so that paths relative to it stay right. Adds no line, so that the source map's stay right. */
const originalUrls: Plugin = {
  name: 'original-urls',
  setup(build) {
    build.onLoad({ filter: /\.([cm]?[jt]s|[jt]sx)$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      if (!source.includes('import.meta')) return undefined
      const meta = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) }
      const loader = /\.[cm]?ts$/.test(path) ? 'ts' : path.endsWith('x') ? (path.endsWith('.tsx') ? 'tsx' : 'jsx') : 'js'
      return { contents: `const ${IMPORT_META} = ${JSON.stringify(meta)};${source.replace(/^#!.*/, '')}`, loader }
    })
  },
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors)
}

const ERRORS_SHOWN_MAX = 5

function unreadable(path: string, errors: readonly Message[]): PlanError {
  const lines = errors.slice(0, ERRORS_SHOWN_MAX).map(({ text, location }) => {
    if (location === null) return `  ${text}`
    const { file, line, column, lineText, length } = location
    return `  ${resolve(dirname(path), file)}:${line}:${column + 1}: ${text}\n    ${lineText}\n    ${' '.repeat(column)}${'^'.repeat(Math.max(1, Math.min(length, lineText.length - column)))}`
  })
  if (errors.length > ERRORS_SHOWN_MAX) lines.push(`  and ${errors.length - ERRORS_SHOWN_MAX} more`)
  const missing = errors.some(({ text }) => text.startsWith('Could not resolve'))
  return new PlanError(
    'JOB_UNREADABLE',
    `Cannot read the job "${path}":\n${lines.join('\n')}`,
    missing ? { hint: 'Install what is missing next to the job (npm install), or correct the path.' } : {},
  )
}
