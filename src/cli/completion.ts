// What the shell's completion offers beside commands and options: job files, keys of --set.

import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { RootCommand } from '@bomb.sh/tab'
import { configOptions } from '../engine/options.ts'

const JOB_FILE = /(?<!\.d)\.(ts|mts|js|mjs)$/
const FOLDERS_DEPTH_MAX = 2
const FILES_MAX = 100

/** Adds the values that only the engine knows. */
export function addCompletion(root: RootCommand): void {
  for (const name of ['run', 'explain']) {
    const command = root.commands.get(name)
    const job = command?.arguments.get('job')
    if (job !== undefined) job.handler = (complete) => jobFiles(typedFolder(), 0).forEach((file) => complete(file, ''))
    const set = command?.options.get('set')
    if (set !== undefined) set.handler = (complete) => configOptions().forEach(({ key, documentation }) => complete(`${key}=`, documentation))
  }
}

/** The folder of the word that is being completed: the last argument. */
function typedFolder(): string {
  const word = process.argv.at(-1) ?? ''
  return word.startsWith('-') ? '.' : word.endsWith('/') ? word : dirname(word)
}

/** Files that may be jobs, near first. */
function jobFiles(folder: string, depth: number): string[] {
  let entries
  try {
    entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
  } catch {
    return []
  }
  const files = entries.filter((entry) => entry.isFile() && JOB_FILE.test(entry.name)).map(({ name }) => join(folder, name))
  const below = depth === FOLDERS_DEPTH_MAX ? [] : entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => jobFiles(join(folder, name), depth + 1))
  return [...files, ...below].slice(0, FILES_MAX)
}
