// `millrace savepoint list`, `read` and `rm`: savepoints and checkpoints as files, whatever has become of the job that wrote them.

import { existsSync, readFileSync } from 'node:fs'
import { readdir, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { MillraceError, PlanError } from '../base/errors.ts'
import { decodeMetadata, type Metadata } from '../checkpoint/metadata.ts'
import { Savepoint, type SavepointEntry, type SavepointOperator, type SavepointState } from '../checkpoint/savepoint-reader.ts'
import { METADATA_FILE } from '../checkpoint/storage.ts'
import { Decimal } from '../batch/types.ts'
import { ExitCode } from './error-text.ts'
import { formatBytes, formatCount } from './numbers.ts'
import { tableText } from './table.ts'
import { styleOf, type Terminal } from './terminal.ts'

/** What the commands are told. */
export interface SavepointListOptions {
  readonly json?: boolean
}

export interface SavepointReadOptions {
  readonly operator?: string
  readonly state?: string
  readonly format?: 'table' | 'json'
}

export interface SavepointRemoveOptions {
  readonly force?: boolean
}

const CHECKPOINT_FOLDER = /^chk-[1-9]\d*$/
const JOB_FILE = 'job.json'
/** Folders of jobs lie in the folder of all; savepoints where users put them. */
const DEPTH_MAX = 6

interface Listed {
  readonly folder: string
  readonly kind: 'savepoint' | 'checkpoint'
  readonly state: 'complete' | 'damaged' | 'incomplete'
  /** What is wrong with it. */
  readonly reason: string | undefined
  readonly savepoint: Savepoint | undefined
}

/** Lists what lies below a folder, each read to its last byte. @throws {PlanError} `INVALID_ARGUMENT` if there is no such folder. */
export async function listSavepointsCommand(folder: string, { json: isJson = false }: SavepointListOptions, terminal: Terminal): Promise<number> {
  const found: Listed[] = []
  for (const path of await savepointFolders(resolve(folder), 0)) found.push(await inspect(path))
  found.sort((left, right) => (left.savepoint?.timestampMs ?? Infinity) - (right.savepoint?.timestampMs ?? Infinity) || (left.folder < right.folder ? -1 : 1))
  if (isJson) {
    const list = found.map(({ folder: path, kind, state, reason, savepoint }) => ({
      folder: path,
      kind,
      state,
      ...(reason !== undefined && { reason }),
      ...(savepoint && {
        job: savepoint.jobName,
        checkpointId: savepoint.checkpointId,
        timestampMs: savepoint.timestampMs,
        bytes: savepoint.bytes,
        operators: savepoint.operators.length,
        engineVersion: savepoint.engineVersion,
      }),
    }))
    terminal.print(`${JSON.stringify(list, undefined, 2)}\n`)
    return ExitCode.OK
  }
  if (found.length === 0) {
    terminal.say(`No savepoints below "${folder}"\n`)
    return ExitCode.OK
  }
  const rows = found.map(({ folder: path, kind, state, reason, savepoint }) => [
    relative(process.cwd(), path) || '.',
    kind,
    savepoint === undefined ? '' : String(savepoint.checkpointId),
    savepoint?.jobName ?? '',
    savepoint === undefined ? '' : timeText(savepoint.timestampMs),
    savepoint === undefined ? '' : formatBytes(savepoint.bytes),
    savepoint === undefined ? '' : String(savepoint.operators.length),
    reason === undefined ? state : `${state}: ${reason}`,
  ])
  terminal.print(tableText([['FOLDER', 'KIND', 'ID', 'JOB', 'TIME', 'SIZE', 'OPERATORS', 'STATE'], ...rows]))
  return ExitCode.OK
}

/**
 * Shows what a savepoint holds, or the entries of one state as JSON lines.
 *
 * @throws {RestoreError} If it cannot be read. {@link PlanError} `UNKNOWN_STATE` if it has no such operator or state.
 */
export async function readSavepointCommand(folder: string, options: SavepointReadOptions, terminal: Terminal): Promise<number> {
  const savepoint = await Savepoint.read(resolve(folder))
  if (options.state !== undefined) return dumpState(savepoint, options.state, options, terminal)
  const operators = options.operator === undefined ? savepoint.operators : [operatorOf(savepoint, options.operator)]
  if (options.format === 'json') {
    const { jobName: job, checkpointId, timestampMs, engineVersion, bytes } = savepoint
    terminal.print(`${JSON.stringify({ job, checkpointId, timestampMs, engineVersion, bytes, operators }, undefined, 2)}\n`)
    return ExitCode.OK
  }
  const { bold } = styleOf(terminal, 'print')
  const lines = [
    `Job ${bold(savepoint.jobName)}, checkpoint ${savepoint.checkpointId} of ${timeText(savepoint.timestampMs)}, ${formatBytes(savepoint.bytes)}, written by millrace ${savepoint.engineVersion}\n`,
  ]
  for (const operator of operators) lines.push(operatorText(operator, bold))
  terminal.print(lines.join('\n'))
  return ExitCode.OK
}

/**
 * Removes a savepoint, and nothing else.
 *
 * @throws {PlanError} `NOT_A_SAVEPOINT` if the folder is none; `SAVEPOINT_NEEDED` if a job goes on from it.
 */
export async function removeSavepointCommand(folder: string, { force = false }: SavepointRemoveOptions, terminal: Terminal): Promise<number> {
  const path = resolve(folder)
  const metadata = metadataIn(path)
  const job = dirname(path)
  if (!force && CHECKPOINT_FOLDER.test(basename(path)) && existsSync(join(job, JOB_FILE)))
    throw new PlanError('SAVEPOINT_NEEDED', `Cannot remove "${folder}": it is a checkpoint that job "${metadata?.jobName ?? basename(job)}" goes on from`, {
      hint: 'The job removes its old checkpoints itself; execution.checkpointing.num-retained says how many it keeps. --force removes it all the same.',
    })
  if (metadata === undefined && !force)
    throw new PlanError('NOT_A_SAVEPOINT', `Cannot remove "${folder}": its ${METADATA_FILE} is damaged, so that nobody knows which files belong to it`, {
      hint: 'Look at what it holds, and use --force.',
    })
  const own = new Set([METADATA_FILE, ...(metadata?.files.map(({ name }) => name) ?? ['state'])])
  const foreign = (await readdir(path)).filter((name) => !own.has(name))
  if (foreign.length > 0)
    throw new PlanError(
      'NOT_A_SAVEPOINT',
      `Cannot remove "${folder}": it also holds ${foreign
        .slice(0, 3)
        .map((name) => `"${name}"`)
        .join(', ')}${foreign.length > 3 ? ', ...' : ''}`,
      {
        hint: 'Move what is no part of the savepoint elsewhere.',
      },
    )
  // First, so that nobody finds a savepoint of which files are missing.
  await rm(join(path, METADATA_FILE))
  for (const name of own) await rm(join(path, name), { force: true })
  await rmdir(path)
  terminal.say(`Removed ${relative(process.cwd(), path) || path}\n`)
  return ExitCode.OK
}

/** Folders that are, or began to be, savepoints. */
async function savepointFolders(folder: string, depth: number): Promise<string[]> {
  let entries
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (depth > 0) return []
    throw new PlanError('INVALID_ARGUMENT', `Cannot list savepoints below "${folder}": ${(error as Error).message}`, { cause: error })
  }
  if (CHECKPOINT_FOLDER.test(basename(folder)) || entries.some(({ name }) => name === METADATA_FILE || name === `${METADATA_FILE}.tmp`)) return [folder]
  if (depth === DEPTH_MAX) return []
  const below = entries.filter((entry) => entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
  const lists = await Promise.all(below.map(({ name }) => savepointFolders(join(folder, name), depth + 1)))
  return lists.flat()
}

async function inspect(folder: string): Promise<Listed> {
  const kind = CHECKPOINT_FOLDER.test(basename(folder)) ? 'checkpoint' : 'savepoint'
  if (!existsSync(join(folder, METADATA_FILE)))
    return { folder, kind, state: 'incomplete', reason: `it has no ${METADATA_FILE}: it is being written, or was given up`, savepoint: undefined }
  try {
    return { folder, kind, state: 'complete', reason: undefined, savepoint: await Savepoint.read(folder) }
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return { folder, kind, state: 'damaged', reason: error.message, savepoint: undefined }
  }
}

/** The metadata of a folder; undefined if it is damaged. @throws {PlanError} `NOT_A_SAVEPOINT` */
function metadataIn(folder: string): Metadata | undefined {
  const path = join(folder, METADATA_FILE)
  if (!existsSync(path))
    throw new PlanError('NOT_A_SAVEPOINT', `Cannot remove "${folder}": it is no savepoint, since it has no ${METADATA_FILE}`, {
      hint: '`millrace savepoint list` shows what is one.',
    })
  try {
    return decodeMetadata(readFileSync(path), path)
  } catch {
    return undefined
  }
}

function operatorText({ uid, name, type, key, parallelism, maxParallelism, states, bytes }: SavepointOperator, bold: (text: string) => string): string {
  const head = `${bold(uid)}${name === uid ? '' : ` (${name})`}: ${type}${key === undefined ? '' : `, keyed by ${key}`}, parallelism ${parallelism} of ${maxParallelism}, ${formatBytes(bytes)}\n`
  if (states.length === 0) return `${head}  no state\n`
  const rows = states.map((state) => [`  ${state.name}`, state.description, entriesText(state), formatBytes(state.bytes)])
  return head + tableText(rows)
}

function entriesText({ scope, entries }: SavepointState): string {
  const noun = scope === 'operator' ? 'element' : scope === 'key' ? 'key' : 'entry'
  return `${formatCount(entries)} ${entries === 1 ? noun : noun === 'entry' ? 'entries' : `${noun}s`}`
}

function operatorOf(savepoint: Savepoint, uid: string): SavepointOperator {
  const operator = savepoint.operators.find((candidate) => candidate.uid === uid)
  if (operator !== undefined) return operator
  throw new PlanError('UNKNOWN_STATE', `Cannot read an operator with uid "${uid}": the savepoint has none`, {
    hint: `It has ${savepoint.operators.map((known) => `"${known.uid}"`).join(', ') || 'none at all'}.`,
  })
}

async function dumpState(savepoint: Savepoint, state: string, { operator, format = 'json' }: SavepointReadOptions, terminal: Terminal): Promise<number> {
  const holders = savepoint.operators.filter(({ states }) => states.some(({ name }) => name === state))
  if (operator === undefined && holders.length > 1)
    throw new PlanError('INVALID_ARGUMENT', `Cannot read state "${state}": ${holders.map(({ uid }) => `"${uid}"`).join(' and ')} have one of this name`, {
      hint: 'Say which one with --operator.',
    })
  const uid = operator ?? holders[0]?.uid
  if (uid === undefined)
    throw new PlanError('UNKNOWN_STATE', `Cannot read state "${state}": no operator of the savepoint has one of this name`, {
      hint: '`millrace savepoint read` without --state shows what there is.',
    })
  const rows: string[][] = []
  for await (const entry of savepoint.state(uid, state)) {
    if (format === 'json') terminal.print(`${JSON.stringify(jsonOf(entry))}\n`)
    else rows.push([entry.key, entry.namespace, entry.value].map((cell) => (cell === undefined ? '' : JSON.stringify(plain(cell)))))
  }
  if (format === 'table') terminal.print(tableText([['KEY', 'NAMESPACE', 'VALUE'], ...rows]))
  return ExitCode.OK
}

function jsonOf({ key, namespace, value }: SavepointEntry): object {
  return { ...(key !== undefined && { key: plain(key) }), ...(namespace && { namespace: namespace.map(plain) }), value: plain(value) }
}

/** What JSON can hold: bytes as base64, decimals as text, bigints as numbers where those are exact, else as text; maps as lists of pairs. */
function plain(value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'undefined':
      return null
    case 'object':
      if (value === null) return null
      if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
      if (value instanceof Decimal || value instanceof RegExp) return value.toString()
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
      if (value instanceof Map) return [...(value as ReadonlyMap<unknown, unknown>)].map(([key, held]) => [plain(key), plain(held)])
      if (value instanceof Set || Array.isArray(value)) return [...(value as Iterable<unknown>)].map(plain)
      return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, plain(held)]))
    default:
      return value
  }
}

/** `2026-03-01 12:00:00`, UTC. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 19)
}
