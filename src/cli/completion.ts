// What the shell's completion offers beside commands and options: job files, scripts, keys of --set. And the script for bash: the completion package's own
// needs a package of the system that many machines lack, and runs what stands on the line.

import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { RootCommand } from '@bomb.sh/tab'
import { configOptions } from '../engine/options.ts'
import { RESULT_FORMATS } from './result-formats.ts'

const SQL_FILE = /\.sql$/
const JOB_FILE = /(?<!\.d)\.(ts|mts|js|mjs|sql)$/
const FOLDERS_DEPTH_MAX = 2
const FILES_MAX = 100

/**
 * Candidates are matched against the whole word, or against what stands behind the last `=` or `:` in it, where bash begins another word.
 * Works without the package bash-completion, and in the bash 3.2 of macOS.
 */
export const BASH_SCRIPT = String.raw`# bash completion for millrace: source <(millrace completion bash)
__millrace_complete() {
  local line=${'$'}{COMP_LINE:0:COMP_POINT} words current part value directive=0
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  current=${'$'}{words[${'$'}{#words[@]}-1]}
  part=${'$'}{current##*[=:]}
  COMPREPLY=()
  while IFS=$'\t' read -r value _; do
    case $value in
      :[0-9]*) directive=${'$'}{value#:} ;;
      "$current"*) COMPREPLY+=("${'$'}{value#"${'$'}{current%"$part"}"}") ;;
      "$part"*) [[ $current == *=* ]] && COMPREPLY+=("$value") ;;
    esac
  done < <(millrace complete -- "${'$'}{words[@]:1}" 2>/dev/null)
  if [[ ${'$'}{#COMPREPLY[@]} -eq 1 && ${'$'}{COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
  # Nothing but what was offered makes sense here: no names of files.
  if ((directive & 4)); then compopt +o default 2>/dev/null; fi
}
complete -o default -F __millrace_complete millrace
`

/** Adds the values that only the engine knows. */
export function addCompletion(root: RootCommand): void {
  for (const name of ['run', 'explain', 'savepoint diff', 'sql']) {
    const command = root.commands.get(name)
    const job = command?.arguments.get('job')
    if (job !== undefined) job.handler = (complete) => filesLike(JOB_FILE, typedFolder(), 0).forEach((file) => complete(file, ''))
    const set = command?.options.get('set')
    if (set !== undefined) set.handler = (complete) => configOptions().forEach(({ key, documentation }) => complete(`${key}=`, documentation))
  }
  const sql = root.commands.get('sql')
  const file = sql?.options.get('file')
  if (file !== undefined) file.handler = (complete) => filesLike(SQL_FILE, typedFolder(), 0).forEach((path) => complete(path, ''))
  const format = sql?.options.get('format')
  if (format !== undefined) format.handler = (complete) => RESULT_FORMATS.forEach((name) => complete(name, ''))
  for (const name of ['list', 'read', 'diff', 'rm']) {
    const folder = root.commands.get(`savepoint ${name}`)?.arguments.get('folder')
    if (folder !== undefined) folder.handler = (complete) => foldersIn(typedFolder()).forEach((path) => complete(`${path}/`, ''))
  }
  const help = root.commands.get('help')?.arguments.get('command')
  if (help !== undefined) help.handler = (complete) => root.commands.forEach(({ description }, name) => name !== '' && complete(name, description ?? ''))
}

/** The folder of the word that is being completed: the last argument. */
function typedFolder(): string {
  const word = process.argv.at(-1) ?? ''
  return word.startsWith('-') ? '.' : word.endsWith('/') ? word : dirname(word)
}

/** Folders in a folder. */
function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => join(folder, name))
  } catch {
    return []
  }
}

/** Files whose names match, near first. */
function filesLike(pattern: RegExp, folder: string, depth: number): string[] {
  let entries
  try {
    entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
  } catch {
    return []
  }
  const files = entries.filter((entry) => entry.isFile() && pattern.test(entry.name)).map(({ name }) => join(folder, name))
  const below =
    depth === FOLDERS_DEPTH_MAX ? [] : entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => filesLike(pattern, join(folder, name), depth + 1))
  return [...files, ...below].slice(0, FILES_MAX)
}
