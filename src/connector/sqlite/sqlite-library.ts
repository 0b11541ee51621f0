// Loads node-sqlite3-wasm with a file lock that survives a crash. The package locks a database by making the folder NAME.lock. In version 0.8.60 two
// things follow when a process is killed within a transaction: the folder stays, so that nobody may open the database again; and once it is removed
// the journal is not rolled back, since the package takes its own lock for that of somebody who is still writing: "database disk image is malformed".
// So the package gets a `node:fs` of its own here, in which the lock is a link that says whose it is, and is not mistaken for another's. Programs
// that use the package as it is are shut out by the link as by the folder.

import fs, { readFileSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { compileFunction } from 'node:vm'
import type * as Sqlite from 'node-sqlite3-wasm'
import { isProcessAlive, type ProcessIdentity, processStartOf } from '../../base/process-identity.ts'
import { optionalPackagePath } from '../transactional/sql-options.ts'

/** The package's exports. */
export type SqliteLibrary = typeof Sqlite

const PACKAGE = 'node-sqlite3-wasm'
const LOCK = '.lock'
const OWNER = /^millrace (\d+) (.*)$/

let loaded: SqliteLibrary | undefined

/** The package, loaded once a thread. @throws {PlanError} `PACKAGE_NOT_FOUND` */
export function sqliteLibrary(): SqliteLibrary {
  return (loaded ??= load(optionalPackagePath(PACKAGE, 'use SQLite')))
}

/** @param purpose What cannot be done without the package. @throws {PlanError} `PACKAGE_NOT_FOUND` */
export function requireSqlite(purpose: string): void {
  optionalPackagePath(PACKAGE, purpose)
}

function load(path: string): SqliteLibrary {
  const module = { exports: {} as SqliteLibrary }
  const own = createRequire(path)
  const require = (name: string): unknown => (name === 'node:fs' || name === 'fs' ? lockingFs : own(name))
  const run = compileFunction(readFileSync(path, 'utf8'), ['module', 'exports', 'require', '__filename', '__dirname'], { filename: path })
  run(module, module.exports, require, path, dirname(path))
  return module.exports
}

const lockingFs = {
  ...fs,
  mkdirSync(path: string, ...rest: unknown[]): unknown {
    return path.endsWith(LOCK) ? lock(path) : (fs.mkdirSync as (...args: unknown[]) => unknown)(path, ...rest)
  },
  rmdirSync(path: string, ...rest: unknown[]): unknown {
    return path.endsWith(LOCK) ? unlinkSync(path) : (fs.rmdirSync as (...args: unknown[]) => unknown)(path, ...rest)
  },
  accessSync(path: string, mode?: number): void {
    // Asked only by whoever holds the lock, which admits nobody else.
    if (path.endsWith(LOCK)) throw Object.assign(new Error('nobody else holds the lock'), { code: 'ENOENT' })
    fs.accessSync(path, mode)
  },
}

/** Takes a lock, which says whose it is from its first instant. @throws an error with the code EEXIST while somebody else has it. */
function lock(path: string): void {
  try {
    symlinkSync(thisOwner(), path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !breakLock(path)) throw error
    symlinkSync(thisOwner(), path)
  }
}

function thisOwner(): string {
  return `millrace ${process.pid} ${processStartOf(process.pid) ?? ''}`
}

/** Removes a lock whose owner has gone. Returns false if it may still be held. */
function breakLock(path: string): boolean {
  const owner = ownerOf(path)
  if (owner === undefined || isProcessAlive(owner)) return false
  // One process at a time looks again and removes it, so that nobody removes the lock of whoever was faster.
  const breaking = `${path}-breaking`
  try {
    symlinkSync(thisOwner(), breaking)
  } catch {
    return false
  }
  try {
    const again = ownerOf(path)
    if (again?.pid === owner.pid && again.started === owner.started) unlinkSync(path)
  } finally {
    unlinkSync(breaking)
  }
  return true
}

/** Who holds a lock; undefined if another program does, or nobody any more. */
function ownerOf(path: string): ProcessIdentity | undefined {
  try {
    const [, pid, started] = OWNER.exec(readlinkSync(path)) ?? []
    return pid === undefined ? undefined : { pid: Number(pid), started: started === '' ? undefined : started }
  } catch {
    return undefined
  }
}
