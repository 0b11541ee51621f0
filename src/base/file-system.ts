// The file system as far as state and results are kept in it: few calls, so that a test can stand in for a disk that fails, is full or loses power
// (testing/virtual-disk.ts). Whoever writes what must survive takes one of these; only what is read, or is no file, goes to `node:fs` directly.
// Invariant: a call does one thing to the disk, and whoever makes it knows what is durable and what is not yet.

import fs from 'node:fs'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'

/** Every call, by name. */
export const FILE_CALLS = [
  'open',
  'close',
  'write',
  'truncate',
  'sync',
  'read',
  'list',
  'stat',
  'behindLinks',
  'makeFolder',
  'removeFolder',
  'rename',
  'link',
  'remove',
] as const
/** One of them. */
export type FileCall = (typeof FILE_CALLS)[number]

/** To read (also a folder, to sync it), to change what is there, to write anew, to write what must not be there yet. */
export type OpenMode = 'r' | 'r+' | 'w' | 'wx'

/** What is known of a path. */
export type FileStat = Pick<fs.Stats, 'size' | 'isFile' | 'isDirectory' | 'isFIFO' | 'isCharacterDevice' | 'isSocket'>

/** What is in a folder. */
export interface FolderEntry {
  readonly name: string
  readonly isFolder: boolean
}

/** Every call throws what the system throws: an error with `code`. */
export interface FileCalls {
  /** Returns a descriptor. */
  open(path: string, mode: OpenMode): number
  close(file: number): void
  /**
   * Writes some of `bytes`. Returns how many.
   *
   * @param position In the file; null: behind what was written last.
   */
  write(file: number, bytes: Uint8Array, offset: number, length: number, position: number | null): number
  truncate(file: number, bytes: number): void
  /**
   * Makes what was written to a file durable, not its name; of a folder the names in it. What was refused once is never tried again on the same file:
   * the system counts as written what it could not write.
   */
  sync(file: number): void
  /** A whole file. */
  read(path: string): Uint8Array
  list(path: string): readonly FolderEntry[]
  /** What stands at a path, behind links; undefined if nothing does. */
  stat(path: string): FileStat | undefined
  /** The path that a path of links leads to, whether something is there or not. */
  behindLinks(path: string): string
  makeFolder(path: string): void
  /** Removes an empty folder. */
  removeFolder(path: string): void
  /** What stood at `to` is replaced. */
  rename(from: string, to: string): void
  /** Gives a file a second name: that nothing has. */
  link(from: string, to: string): void
  /** Removes a file's name; does nothing where there is none. */
  remove(path: string): void
}

/** The same calls, made while the calling thread does other things. */
export type AsyncFileCalls = { readonly [Call in FileCall]: (...args: Parameters<FileCalls[Call]>) => Promise<ReturnType<FileCalls[Call]>> }

/** Where files are. */
export interface FileSystem extends FileCalls {
  readonly async: AsyncFileCalls
}

/** The machine's. */
export const nodeFileSystem: FileSystem = {
  open: (path, mode) => fs.openSync(path, mode),
  close: (file) => fs.closeSync(file),
  write: (file, bytes, offset, length, position) => fs.writeSync(file, bytes, offset, length, position),
  truncate: (file, bytes) => fs.ftruncateSync(file, bytes),
  sync: (file) => fs.fsyncSync(file),
  read: (path) => fs.readFileSync(path),
  list: (path) => fs.readdirSync(path, { withFileTypes: true }).map(toEntry),
  stat: (path) => fs.statSync(path, { throwIfNoEntry: false }),
  behindLinks: (path) => {
    let target = path
    while (fs.lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink() === true)
      target = resolve(fs.realpathSync(dirname(target)), fs.readlinkSync(target))
    return target
  },
  makeFolder: (path) => {
    fs.mkdirSync(path)
  },
  removeFolder: (path) => fs.rmdirSync(path),
  rename: (from, to) => fs.renameSync(from, to),
  link: (from, to) => fs.linkSync(from, to),
  remove: (path) => fs.rmSync(path, { force: true }),
  async: {
    open: promisify(fs.open),
    close: promisify(fs.close),
    write: async (file, bytes, offset, length, position) => (await promisify(fs.write)(file, bytes, offset, length, position)).bytesWritten,
    truncate: promisify(fs.ftruncate),
    sync: promisify(fs.fsync),
    read: (path) => fs.promises.readFile(path),
    list: async (path) => (await fs.promises.readdir(path, { withFileTypes: true })).map(toEntry),
    stat: async (path) => {
      try {
        return await fs.promises.stat(path)
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    behindLinks: async (path) => nodeFileSystem.behindLinks(path),
    makeFolder: async (path) => {
      await fs.promises.mkdir(path)
    },
    removeFolder: (path) => fs.promises.rmdir(path),
    rename: (from, to) => fs.promises.rename(from, to),
    link: (from, to) => fs.promises.link(from, to),
    remove: (path) => fs.promises.rm(path, { force: true }),
  },
}

function toEntry(entry: fs.Dirent): FolderEntry {
  return { name: entry.name, isFolder: entry.isDirectory() }
}

/** Whether a call has failed because there is no such file or folder. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

/** What a path cannot help: the disk is full or broken, or the system has run out of something. */
const DISK_FAILURES = new Set(['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR', 'ESTALE', 'ETIMEDOUT'])

/** Whether a call has failed because of the disk or the system: the same call may do later. */
export function isDiskFailure(error: unknown): boolean {
  return DISK_FAILURES.has((error as NodeJS.ErrnoException).code ?? '')
}
