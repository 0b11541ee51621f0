// A disk in memory that forgets what was not synced when the power fails: of a file's bytes behind its last sync some are kept, and none of them must be
// right; of the changes of names in a folder that was not synced the first few. On it the storage of checkpoints, with the steps of
// src/checkpoint/local-storage.ts.
import { RestoreError } from '../../../src/base/errors.ts'
import type { Random } from '../../../src/base/random.ts'
import { type CheckpointStorage, type CheckpointUpload, METADATA_FILE } from '../../../src/checkpoint/storage.ts'

interface VirtualFile {
  bytes: Buffer
  /** How many of them a loss of power leaves alone. */
  syncedBytes: number
  /** A sync has failed: the pages count as clean, and no other sync writes them. */
  isBroken: boolean
}

type Entry = VirtualFile | 'folder'
type Names = Map<string, Entry>

/** What a call is, for whoever lets it fail. */
export type DiskCall = 'create' | 'append' | 'sync' | 'rename' | 'remove' | 'folder' | 'list' | 'read'

export class DiskError extends Error {
  readonly code: string

  constructor(code: string, call: DiskCall, path: string) {
    super(`${code}: ${call} "${path}"`)
    this.code = code
  }
}

const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))

/** Files by their whole names; '' is the root. */
export class VirtualDisk {
  /** Called in front of each call: what it throws, the call fails with. */
  readonly #before: (call: DiskCall, path: string) => void
  #names: Names = new Map([['', 'folder']])
  /** What a loss of power leaves, and by folder what has been done to its names since. */
  #synced: Names = new Map([['', 'folder']])
  readonly #changes = new Map<string, ((names: Names) => void)[]>()

  constructor(before: (call: DiskCall, path: string) => void = () => {}) {
    this.#before = before
  }

  makeFolder(path: string): void {
    this.#before('folder', path)
    if (this.#names.has(path)) throw new DiskError('EEXIST', 'folder', path)
    if (this.#names.get(folderOf(path)) !== 'folder') throw new DiskError('ENOENT', 'folder', path)
    this.#change(path, (names) => names.set(path, 'folder'))
  }

  /** Creates an empty file; one that is there loses its bytes unless `isNew` refuses it. */
  create(path: string, isNew: boolean): void {
    this.#before('create', path)
    if (isNew && this.#names.has(path)) throw new DiskError('EEXIST', 'create', path)
    if (this.#names.get(folderOf(path)) !== 'folder') throw new DiskError('ENOENT', 'create', path)
    const file: VirtualFile = { bytes: Buffer.alloc(0), syncedBytes: 0, isBroken: false }
    this.#change(path, (names) => names.set(path, file))
  }

  append(path: string, bytes: Uint8Array): void {
    const file = this.#file('append', path)
    try {
      this.#before('append', path)
    } catch (error) {
      // A disk that is full takes what it still can.
      file.bytes = Buffer.concat([file.bytes, bytes.subarray(0, bytes.length >> 1)])
      throw error
    }
    file.bytes = Buffer.concat([file.bytes, bytes])
  }

  sync(path: string): void {
    const file = this.#file('sync', path)
    try {
      this.#before('sync', path)
    } catch (error) {
      file.isBroken = true
      throw error
    }
    if (!file.isBroken) file.syncedBytes = file.bytes.length
  }

  syncFolder(path: string): void {
    this.#before('sync', path)
    for (const change of this.#changes.get(path) ?? []) change(this.#synced)
    this.#changes.delete(path)
  }

  rename(from: string, to: string): void {
    this.#before('rename', to)
    const file = this.#file('rename', from)
    this.#change(to, (names) => {
      // Behind all others of its folder: names are listed in the order in which they were given.
      names.delete(to)
      names.set(to, file)
      names.delete(from)
    })
  }

  /** Removes a file, or a folder with what is in it; nothing if it is not there. */
  remove(path: string): void {
    this.#before('remove', path)
    for (const inner of this.list(path)) this.remove(`${path}/${inner}`)
    if (this.#names.has(path)) this.#change(path, (names) => names.delete(path))
  }

  read(path: string): Uint8Array {
    this.#before('read', path)
    return Buffer.from(this.#file('read', path).bytes)
  }

  has(path: string): boolean {
    return this.#names.has(path)
  }

  /** Names in a folder, in the order in which they were given; none if it is not there. */
  list(folder: string): readonly string[] {
    this.#before('list', folder)
    return this.#namesIn(folder)
  }

  /** What nobody has synced is lost, or not. */
  losePower(random: Random): void {
    for (const changes of this.#changes.values()) for (const change of changes.slice(0, random.integer(changes.length + 1))) change(this.#synced)
    this.#changes.clear()
    // Folders that are gone take what is in them along.
    for (const path of this.#synced.keys()) if (path !== '' && !this.#synced.has(folderOf(path))) this.#synced.delete(path)
    this.#names = new Map(this.#synced)
    for (const entry of this.#names.values()) {
      if (entry === 'folder') continue
      const kept = entry.syncedBytes + random.integer(entry.bytes.length - entry.syncedBytes + 1)
      entry.bytes = entry.bytes.subarray(0, kept)
      if (random.integer(2) === 0) entry.bytes.fill(random.integer(256), entry.syncedBytes)
      entry.syncedBytes = kept
      entry.isBroken = false
    }
  }

  #namesIn(folder: string): readonly string[] {
    const prefix = folder === '' ? '' : `${folder}/`
    return [...this.#names.keys()].filter((path) => path !== '' && folderOf(path) === folder).map((path) => path.slice(prefix.length))
  }

  #file(call: DiskCall, path: string): VirtualFile {
    const file = this.#names.get(path)
    if (file === undefined || file === 'folder') throw new DiskError(file === undefined ? 'ENOENT' : 'EISDIR', call, path)
    return file
  }

  #change(path: string, change: (names: Names) => void): void {
    change(this.#names)
    const folder = folderOf(path)
    const changes = this.#changes.get(folder)
    if (changes === undefined) this.#changes.set(folder, [change])
    else changes.push(change)
  }
}

/** Has the disk do something, some time later. */
export type Later = <T>(call: () => T) => Promise<T>

export class VirtualCheckpointStorage implements CheckpointStorage {
  readonly #disk: VirtualDisk
  readonly #later: Later
  readonly #isHasty: boolean

  /** @param isHasty A mistake to be found: publishes what it has not synced. */
  constructor(disk: VirtualDisk, later: Later = async (call) => call(), isHasty: boolean = false) {
    this.#disk = disk
    this.#later = later
    this.#isHasty = isHasty
  }

  nameOf(checkpointId: number, file: string = ''): string {
    return file === '' ? `chk-${checkpointId}` : `chk-${checkpointId}/${file}`
  }

  async list(): Promise<readonly number[]> {
    return (await this.#later(() => this.#begun())).filter((id) => this.#disk.has(this.nameOf(id, METADATA_FILE)))
  }

  async lastBegun(): Promise<number> {
    return (await this.#later(() => this.#begun())).at(-1) ?? 0
  }

  async begin(checkpointId: number): Promise<CheckpointUpload> {
    const [disk, later, folder] = [this.#disk, this.#later, this.nameOf(checkpointId)]
    try {
      await later(() => disk.makeFolder(folder))
    } catch (error) {
      if (!(error instanceof DiskError) || error.code !== 'EEXIST') throw error
      throw new RestoreError('CHECKPOINT_EXISTS', `Cannot begin checkpoint ${checkpointId}`, { cause: error })
    }
    const files = new Set<string>()
    const write = async (path: string, bytes: Uint8Array): Promise<void> => {
      const copy = Buffer.from(bytes)
      if (!files.has(path)) await later(() => disk.create(path, true))
      files.add(path)
      await later(() => disk.append(path, copy))
    }
    return {
      append: (file, bytes) => write(this.nameOf(checkpointId, file), bytes),
      publish: async (metadata) => {
        const unpublished = this.nameOf(checkpointId, `${METADATA_FILE}.tmp`)
        await write(unpublished, metadata)
        if (!this.#isHasty) {
          for (const file of files) await later(() => disk.sync(file))
          await later(() => disk.syncFolder(folder))
        }
        await later(() => disk.rename(unpublished, this.nameOf(checkpointId, METADATA_FILE)))
        if (this.#isHasty) return
        await later(() => disk.syncFolder(folder))
        await later(() => disk.syncFolder(''))
      },
      abandon: () => this.remove(checkpointId),
    }
  }

  read(checkpointId: number, file: string): Promise<Uint8Array> {
    return this.#later(() => this.#disk.read(this.nameOf(checkpointId, file)))
  }

  async confirm(checkpointId: number): Promise<void> {
    await this.#later(() => this.#disk.read(this.nameOf(checkpointId, METADATA_FILE)))
    await this.#later(() => this.#disk.syncFolder(this.nameOf(checkpointId)))
    await this.#later(() => this.#disk.syncFolder(''))
  }

  async remove(checkpointId: number): Promise<void> {
    await this.#later(() => this.#disk.remove(this.nameOf(checkpointId, METADATA_FILE)))
    await this.#later(() => this.#disk.remove(this.nameOf(checkpointId)))
  }

  async unpublish(checkpointId: number): Promise<void> {
    await this.#later(() => this.#disk.remove(this.nameOf(checkpointId, METADATA_FILE)))
  }

  async removeUnpublished(beforeId: number, except?: ReadonlySet<number>): Promise<void> {
    for (const id of await this.#later(() => this.#begun()))
      if (id < beforeId && except?.has(id) !== true && !this.#disk.has(this.nameOf(id, METADATA_FILE))) await this.remove(id)
  }

  #begun(): number[] {
    return this.#disk
      .list('')
      .flatMap((name) => /^chk-(\d+)$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((left, right) => left - right)
  }
}
