// A disk in memory that can be full, and that can lose power: it knows what was synced and what was not, and gives images of what might be found
// when power returns. For tests of jobs that keep checkpoints and files. Invariant: what was synced is in every image; of the rest anything may be.

import { basename, dirname, resolve } from 'node:path'
import type { AsyncFileCalls, FileStat, FileSystem, FolderEntry, OpenMode } from '../base/file-system.ts'
import type { Random } from '../base/random.ts'
import { asyncCallsOf, type FailingSync, systemError } from './io-errors.ts'

/** A disk keeps or loses so many bytes at once. */
const BLOCK_BYTES = 4096

/** A disk in memory. */
export interface VirtualDiskOptions {
  /** Writes beyond it fail with ENOSPC. @default Infinity */
  readonly capacityBytes?: number
}

class FileNode {
  bytes = new Uint8Array(0)
  /** Blocks as the disk surely has them, and how long the file is there. */
  readonly durable = new Map<number, Uint8Array>()
  durableSize = 0
  /** What blocks have been since: the disk may have any of these, each block by itself. */
  readonly versions = new Map<number, Uint8Array[]>()
  sizes: number[] = []
  /** What the next sync writes: a sync that fails leaves nothing to the next one. */
  readonly dirty = new Set<number>()
  isSizeDirty = false

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length
    if (end > this.bytes.length) this.#resize(end)
    this.bytes.set(bytes, position)
    for (let block = Math.floor(position / BLOCK_BYTES); block * BLOCK_BYTES < end; block++) this.#touch(block)
  }

  truncate(size: number): void {
    const before = this.bytes.length
    this.#resize(size)
    for (let block = Math.floor(size / BLOCK_BYTES); block * BLOCK_BYTES < before; block++) this.#touch(block)
  }

  sync(): void {
    for (const block of this.dirty) {
      this.durable.set(block, this.#block(block))
      this.versions.delete(block)
    }
    this.dirty.clear()
    if (this.isSizeDirty) {
      this.durableSize = this.bytes.length
      this.sizes = []
    }
    this.isSizeDirty = false
  }

  failSync(): void {
    this.dirty.clear()
    this.isSizeDirty = false
  }

  /** What the disk may hold. */
  image(choose: Choose): Uint8Array {
    const bytes = new Uint8Array(choose(this.durableSize, this.sizes))
    for (let block = 0; block * BLOCK_BYTES < bytes.length; block++) {
      const content = choose(this.durable.get(block), this.versions.get(block) ?? [])
      if (content !== undefined) bytes.set(content.subarray(0, bytes.length - block * BLOCK_BYTES), block * BLOCK_BYTES)
    }
    return bytes
  }

  #touch(block: number): void {
    const versions = this.versions.get(block)
    if (versions === undefined) this.versions.set(block, [this.#block(block)])
    else versions.push(this.#block(block))
    this.dirty.add(block)
  }

  #block(block: number): Uint8Array {
    return this.bytes.slice(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size)
    bytes.set(this.bytes.subarray(0, size))
    this.bytes = bytes
    this.sizes.push(size)
    this.isSizeDirty = true
  }
}

/** What one call has done to the names in a folder: all of it or nothing. */
type NameChange = readonly (readonly [name: string, node: FileNode | FolderNode | undefined])[]

class FolderNode {
  readonly entries = new Map<string, FileNode | FolderNode>()
  durable: ReadonlyMap<string, FileNode | FolderNode> = new Map()
  /** Made since the folder was synced: the disk may have any of them. */
  changes: NameChange[] = []

  change(names: NameChange): void {
    put(this.entries, names)
    this.changes.push(names)
  }

  sync(): void {
    this.durable = new Map(this.entries)
    this.changes = []
  }
}

function put(entries: Map<string, FileNode | FolderNode>, names: NameChange): void {
  for (const [name, node] of names) {
    if (node === undefined) entries.delete(name)
    else entries.set(name, node)
  }
}

/** Takes what is durable or one of what came since, oldest first. */
type Choose = <Value>(durable: Value, since: readonly Value[]) => Value

interface OpenFile {
  readonly node: FileNode | FolderNode
  readonly path: string
  position: number
}

/** Descriptors begin here: lower numbers are the machine's. */
const FIRST_DESCRIPTOR = 1000

/**
 * A disk in memory.
 *
 * @example
 * const disk = new VirtualDisk()
 * await runJob(job, { disk, checkpointSteps: 50, checkpointDir: '/checkpoints' })
 * const lines = Buffer.from(disk.read('/results/part-0.json')).toString()
 */
export class VirtualDisk implements FileSystem, FailingSync {
  readonly async: AsyncFileCalls = asyncCallsOf(this)
  /** May be changed while a job runs: the disk is full, and freed again. */
  capacityBytes: number
  readonly #root = new FolderNode()
  readonly #open = new Map<number, OpenFile>()
  #descriptor = FIRST_DESCRIPTOR

  constructor({ capacityBytes = Infinity }: VirtualDiskOptions = {}) {
    this.capacityBytes = capacityBytes
  }

  /** Bytes of all files. */
  get usedBytes(): number {
    const files = new Set<FileNode>()
    const visit = (folder: FolderNode): void => {
      for (const node of folder.entries.values()) {
        if (node instanceof FolderNode) visit(node)
        else files.add(node)
      }
    }
    visit(this.#root)
    for (const { node } of this.#open.values()) if (node instanceof FileNode) files.add(node)
    let bytes = 0
    for (const file of files) bytes += file.bytes.length
    return bytes
  }

  /**
   * What might be found if power were lost now: all that was synced; of each other block of 4096 bytes, length of a file and change of names in a
   * folder, any that there has been since. The disk itself goes on.
   *
   * @param random Decides; one image in eight has nothing that was not synced, one all of it.
   */
  powerLoss(random: Random): VirtualDisk {
    const kind = random.integer(8)
    const kept = kind === 0 ? 0 : kind === 1 ? 1 : random.next()
    const choose: Choose = (durable, since) => {
      if (since.length === 0 || random.next() >= kept) return durable
      return kind === 1 ? since[since.length - 1] : since[random.integer(since.length)]
    }
    const image = new VirtualDisk({ capacityBytes: this.capacityBytes })
    const files = new Map<FileNode, FileNode>()
    const copyFile = (from: FileNode): FileNode => {
      let to = files.get(from)
      if (to === undefined) {
        files.set(from, (to = new FileNode()))
        const bytes = from.image(choose)
        if (bytes.length > 0) to.write(0, bytes)
        to.sync()
      }
      return to
    }
    const copyFolder = (from: FolderNode, to: FolderNode): void => {
      const entries = new Map(from.durable)
      for (const change of from.changes) if (random.next() < kept) put(entries, change)
      for (const [name, node] of entries) {
        if (node instanceof FileNode) to.entries.set(name, copyFile(node))
        else {
          const folder = new FolderNode()
          to.entries.set(name, folder)
          copyFolder(node, folder)
        }
      }
      to.sync()
    }
    copyFolder(this.#root, image.#root)
    return image
  }

  /** All files, by path, with what is in them. */
  contents(): Map<string, Uint8Array> {
    const contents = new Map<string, Uint8Array>()
    const visit = (folder: FolderNode, path: string): void => {
      for (const [name, node] of folder.entries) {
        if (node instanceof FolderNode) visit(node, `${path}/${name}`)
        else contents.set(`${path}/${name}`, node.bytes.slice())
      }
    }
    visit(this.#root, '')
    return contents
  }

  open(path: string, mode: OpenMode): number {
    let node = this.#find(path, 'open')
    if (node !== undefined && mode === 'wx') throw systemError('EEXIST', 'file already exists', 'open', path)
    if (node instanceof FolderNode && mode !== 'r') throw systemError('EISDIR', 'illegal operation on a directory', 'open', path)
    if (node === undefined) {
      if (mode === 'r' || mode === 'r+') throw missing('open', path)
      node = new FileNode()
      this.#parent(path, 'open').change([[basename(resolve(path)), node]])
    } else if (mode === 'w' && node instanceof FileNode && node.bytes.length > 0) node.truncate(0)
    const file = this.#descriptor++
    this.#open.set(file, { node, path, position: 0 })
    return file
  }

  close(file: number): void {
    this.#opened(file, 'close')
    this.#open.delete(file)
  }

  write(file: number, bytes: Uint8Array, offset: number, length: number, position: number | null): number {
    const open = this.#opened(file, 'write')
    const { node, path } = open
    if (!(node instanceof FileNode)) throw systemError('EBADF', 'bad file descriptor', 'write', path)
    const at = position ?? open.position
    const free = this.capacityBytes === Infinity ? Infinity : this.capacityBytes - this.usedBytes
    // As on real disks a write is cut short before one is refused.
    const room = Math.max(0, node.bytes.length - at) + Math.max(0, free)
    if (length > 0 && room <= 0) throw systemError('ENOSPC', 'no space left on device', 'write', path)
    const count = Math.min(length, room)
    node.write(at, bytes.slice(offset, offset + count))
    open.position = at + count
    return count
  }

  truncate(file: number, bytes: number): void {
    const { node, path } = this.#opened(file, 'truncate')
    if (!(node instanceof FileNode)) throw systemError('EINVAL', 'invalid argument', 'truncate', path)
    node.truncate(bytes)
  }

  sync(file: number): void {
    this.#opened(file, 'sync').node.sync()
  }

  failSync(file: number): void {
    const { node } = this.#opened(file, 'sync')
    if (node instanceof FileNode) node.failSync()
  }

  read(path: string): Uint8Array {
    const node = this.#find(path, 'read')
    if (node === undefined) throw missing('read', path)
    if (node instanceof FolderNode) throw systemError('EISDIR', 'illegal operation on a directory', 'read', path)
    return node.bytes.slice()
  }

  list(path: string): readonly FolderEntry[] {
    return [...this.#folder(path, 'list').entries].map(([name, node]) => ({ name, isFolder: node instanceof FolderNode }))
  }

  stat(path: string): FileStat | undefined {
    const node = this.#find(path, 'stat')
    if (node === undefined) return undefined
    const isFile = node instanceof FileNode
    return {
      size: isFile ? node.bytes.length : 0,
      isFile: () => isFile,
      isDirectory: () => !isFile,
      isFIFO: () => false,
      isCharacterDevice: () => false,
      isSocket: () => false,
    }
  }

  /** There are no links. */
  behindLinks(path: string): string {
    return path
  }

  makeFolder(path: string): void {
    if (this.#find(path, 'makeFolder') !== undefined) throw systemError('EEXIST', 'file already exists', 'makeFolder', path)
    this.#parent(path, 'makeFolder').change([[basename(resolve(path)), new FolderNode()]])
  }

  removeFolder(path: string): void {
    if (this.#folder(path, 'removeFolder').entries.size > 0) throw systemError('ENOTEMPTY', 'directory not empty', 'removeFolder', path)
    this.#parent(path, 'removeFolder').change([[basename(resolve(path)), undefined]])
  }

  /** Within a folder, as engines do that must not lose a file between two of them. */
  rename(from: string, to: string): void {
    const [source, target] = [this.#parent(from, 'rename'), this.#parent(to, 'rename')]
    const node = source.entries.get(basename(resolve(from)))
    if (node === undefined) throw missing('rename', from)
    if (source !== target) throw systemError('EXDEV', 'cross-device link not permitted', 'rename', from)
    const replaced = target.entries.get(basename(resolve(to)))
    if (replaced === node) return
    if (replaced instanceof FolderNode && replaced.entries.size > 0) throw systemError('ENOTEMPTY', 'directory not empty', 'rename', to)
    source.change([
      [basename(resolve(from)), undefined],
      [basename(resolve(to)), node],
    ])
  }

  link(from: string, to: string): void {
    const node = this.#find(from, 'link')
    if (node === undefined) throw missing('link', from)
    if (!(node instanceof FileNode)) throw systemError('EPERM', 'operation not permitted', 'link', from)
    if (this.#find(to, 'link') !== undefined) throw systemError('EEXIST', 'file already exists', 'link', to)
    this.#parent(to, 'link').change([[basename(resolve(to)), node]])
  }

  remove(path: string): void {
    const node = this.#find(path, 'remove')
    if (node === undefined) return
    if (!(node instanceof FileNode)) throw systemError('EISDIR', 'illegal operation on a directory', 'remove', path)
    this.#parent(path, 'remove').change([[basename(resolve(path)), undefined]])
  }

  #opened(file: number, call: string): OpenFile {
    const open = this.#open.get(file)
    if (open === undefined) throw systemError('EBADF', 'bad file descriptor', call, String(file))
    return open
  }

  #find(path: string, call: string): FileNode | FolderNode | undefined {
    let node: FileNode | FolderNode | undefined = this.#root
    for (const name of resolve(path).split('/').filter(Boolean)) {
      if (node === undefined) return undefined
      if (node instanceof FileNode) throw systemError('ENOTDIR', 'not a directory', call, path)
      node = node.entries.get(name)
    }
    return node
  }

  #folder(path: string, call: string): FolderNode {
    const node = this.#find(path, call)
    if (node === undefined) throw missing(call, path)
    if (node instanceof FileNode) throw systemError('ENOTDIR', 'not a directory', call, path)
    return node
  }

  #parent(path: string, call: string): FolderNode {
    return this.#folder(dirname(resolve(path)), call)
  }
}

function missing(call: string, path: string): Error {
  return systemError('ENOENT', 'no such file or directory', call, path)
}
