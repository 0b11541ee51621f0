// Which files a path means: a file, a folder, a glob. Runs once, before a job starts; answers with clear errors instead of empty inputs.

import { accessSync, constants, readdirSync, statSync, type Stats } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { ConnectorError } from '../../base/errors.ts'
import { suggest } from '../../base/suggest.ts'

/** Standard input or output as a path. */
export const STANDARD_PATH = '-'

/** One input file. */
export interface ListedFile {
  readonly path: string
  readonly size: number
}

const PATTERN_BYTES_MAX = 4096
const BRACE_PATTERNS_MAX = 1024

/**
 * The files that `paths` name, each list of a folder or glob sorted by name, in the order of `paths`, none twice. A folder stands for the
 * files in it; names that begin with `.` or `_` are passed over there, and by wildcards.
 *
 * @throws {ConnectorError} `FILE_NOT_FOUND`, `NOT_A_FILE` or `FILE_NOT_READABLE`; also if a folder or glob matches nothing.
 */
export function listFiles(paths: readonly string[]): readonly ListedFile[] {
  const listed = new Map<string, ListedFile>()
  for (const path of paths) for (const file of filesOf(path)) listed.set(file.path, file)
  return [...listed.values()]
}

function filesOf(path: string): ListedFile[] {
  if (path === '') throw new ConnectorError('FILE_NOT_FOUND', 'Cannot read "": the path is empty')
  const stat = statOf(path)
  if (stat === undefined) {
    if (!isGlob(path)) throw notFound(path, 'there is no such file or folder')
    const matches = globPaths(path)
    if (matches.length === 0) throw notFound(path, 'no file matches')
    return matches.map((match) => fileOf(match, statOf(match)))
  }
  if (!stat.isDirectory()) return [fileOf(path, stat)]
  const inside = namesIn(path)
    .filter((name) => !isHidden(name))
    .map((name) => join(path, name))
    .filter((each) => statOf(each)?.isFile() === true)
  if (inside.length === 0) throw new ConnectorError('FILE_NOT_FOUND', `Cannot read "${path}": the folder holds no files`)
  return inside.map((each) => fileOf(each, statOf(each)))
}

function notFound(path: string, why: string): ConnectorError {
  const hint = notFoundHint(path)
  return new ConnectorError('FILE_NOT_FOUND', `Cannot read "${path}": ${why}`, hint === undefined ? {} : { hint })
}

function notFoundHint(path: string): string | undefined {
  if (/^[a-z][a-z\d+.-]+:\/\//i.test(path)) return 'Files are read from the disk only: fetch it first, or pipe it into standard input and read "-".'
  if (path.startsWith('~')) return 'Only a shell knows what ~ stands for: write the folder itself.'
  const near = isGlob(path) ? undefined : suggest(basename(path), namesIn(dirname(path)))
  if (near !== undefined) return `Did you mean "${join(dirname(path), near)}"?`
  return isAbsolute(path) ? undefined : `Relative paths begin in the working directory, ${process.cwd()}.`
}

function fileOf(path: string, stat: Stats | undefined): ListedFile {
  if (stat === undefined) throw notFound(path, 'there is no such file or folder')
  if (!stat.isFile()) {
    const kind = stat.isFIFO() ? 'a named pipe' : stat.isSocket() ? 'a socket' : stat.isDirectory() ? 'a folder' : 'a device'
    throw new ConnectorError(
      'NOT_A_FILE',
      `Cannot read "${path}": it is ${kind}, not a file`,
      stat.isFIFO() ? { hint: 'Pipe it into standard input and read "-".' } : {},
    )
  }
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    throw new ConnectorError('FILE_NOT_READABLE', `Cannot read "${path}": permission denied`, { cause: error })
  }
  return { path, size: stat.size }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // A file where a folder is expected: nothing is there either.
    if (code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined
    throw new ConnectorError('FILE_NOT_READABLE', `Cannot read "${path}": ${code === 'EACCES' ? 'permission denied' : (error as Error).message}`, {
      cause: error,
    })
  }
}

/** Names in a folder, sorted by their bytes; none if it cannot be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted(compareNames)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new ConnectorError('FILE_NOT_READABLE', `Cannot read the folder "${folder}": ${code === 'EACCES' ? 'permission denied' : (error as Error).message}`, {
      cause: error,
    })
  }
}

function compareNames(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

export function isHidden(name: string): boolean {
  return name.startsWith('.') || name.startsWith('_')
}

/** Whether a path has wildcards. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path)
}

/** Existing files that match a glob, sorted by name. `**` stands for any number of folders, links to folders not followed. */
export function globPaths(pattern: string): string[] {
  if (pattern.length > PATTERN_BYTES_MAX)
    throw new ConnectorError('INVALID_PATTERN', `Cannot read a pattern of ${pattern.length} characters: at most ${PATTERN_BYTES_MAX} are allowed`)
  const found = new Set<string>()
  for (const each of expandBraces(pattern)) {
    const isAbsolute = each.startsWith('/')
    const segments = each.split('/').filter((segment) => segment !== '')
    walk(isAbsolute ? '/' : '', segments, 0, found)
  }
  return [...found].toSorted(compareNames)
}

function walk(folder: string, segments: readonly string[], index: number, found: Set<string>): void {
  const segment = segments[index]
  if (segment === undefined) return
  const isLast = index === segments.length - 1
  const visit = (path: string): void => {
    if (!isLast) walk(path, segments, index + 1, found)
    else if (statOf(path)?.isFile() === true) found.add(path)
  }
  if (segment === '**') {
    walk(folder, segments, index + 1, found)
    for (const entry of folderEntries(folder)) {
      if (isHidden(entry.name)) continue
      const path = join(folder, entry.name)
      if (entry.isDirectory()) walk(path, segments, index, found)
      else if (isLast && statOf(path)?.isFile() === true) found.add(path)
    }
    return
  }
  if (!isGlob(segment)) {
    visit(join(folder, segment))
    return
  }
  for (const name of namesIn(folder === '' ? '.' : folder)) if (matchesName(segment, name)) visit(join(folder, name))
}

function folderEntries(folder: string): { name: string; isDirectory(): boolean }[] {
  try {
    return readdirSync(folder === '' ? '.' : folder, { withFileTypes: true })
  } catch {
    return []
  }
}

/** Whether `*`, `?` and `[...]` of one path segment match a name. Linear in both but for `*`, which tries each place once. */
export function matchesName(pattern: string, name: string): boolean {
  if (isHidden(name) && !isHidden(pattern)) return false
  const wanted = Array.from(pattern)
  const given = Array.from(name)
  let at = 0
  let from = 0
  let star = -1
  let starFrom = 0
  while (from < given.length) {
    const width = at < wanted.length && wanted[at] !== '*' ? matchOne(wanted, at, given[from]) : 0
    if (width > 0) {
      at += width
      from++
    } else if (wanted[at] === '*') {
      star = at++
      starFrom = from
    } else if (star !== -1) {
      at = star + 1
      from = ++starFrom
    } else return false
  }
  while (wanted[at] === '*') at++
  return at === wanted.length
}

/** How many characters of the pattern stand for this one character of the name; 0 if they do not match. */
function matchOne(pattern: readonly string[], at: number, character: string): number {
  const first = pattern[at]
  if (first === '?') return 1
  if (first !== '[') return first === character ? 1 : 0
  const negated = pattern[at + 1] === '!' || pattern[at + 1] === '^'
  const start = at + (negated ? 2 : 1)
  // A bracket right behind the opening one is a character of the set.
  const end = pattern.indexOf(']', start + 1)
  if (end === -1) return character === '[' ? 1 : 0
  let isMember = false
  for (let index = start; index < end; index++) {
    if (pattern[index + 1] === '-' && index + 2 < end) {
      isMember ||= character >= pattern[index] && character <= pattern[index + 2]
      index += 2
    } else isMember ||= character === pattern[index]
  }
  return isMember === negated ? 0 : end + 1 - at
}

/** `a{b,c}d` as `abd` and `acd`, nested ones too. A brace without its partner stands for itself. */
export function expandBraces(pattern: string): string[] {
  const done: string[] = []
  const waiting = [pattern]
  while (waiting.length > 0) {
    const each = waiting.shift()!
    const group = firstGroup(each)
    if (group === undefined) done.push(each)
    else for (const part of group.parts) waiting.push(each.slice(0, group.start) + part + each.slice(group.end))
    if (done.length + waiting.length > BRACE_PATTERNS_MAX)
      throw new ConnectorError('INVALID_PATTERN', `Cannot read "${pattern}": its braces stand for more than ${BRACE_PATTERNS_MAX} patterns`)
  }
  return done
}

function firstGroup(pattern: string): { readonly start: number; readonly end: number; readonly parts: readonly string[] } | undefined {
  for (let start = pattern.indexOf('{'); start !== -1; start = pattern.indexOf('{', start + 1)) {
    const parts: string[] = []
    let depth = 0
    let from = start + 1
    for (let at = start; at < pattern.length; at++) {
      const character = pattern[at]
      if (character === '{') depth++
      else if (character === ',' && depth === 1) {
        parts.push(pattern.slice(from, at))
        from = at + 1
      } else if (character === '}' && --depth === 0) {
        if (parts.length === 0) break
        parts.push(pattern.slice(from, at))
        return { start, end: at + 1, parts }
      }
    }
  }
  return undefined
}

/** How an input is called in messages. */
export function inputName(path: string): string {
  return path === STANDARD_PATH ? 'standard input' : path
}
