import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { nodeFileSystem } from '../../src/base/file-system.ts'
import { Random } from '../../src/base/random.ts'
import { FaultyFileSystem } from '../../src/testing/io-errors.ts'
import { VirtualDisk } from '../../src/testing/virtual-disk.ts'
import { fileSystemContract } from './file-system-contract.ts'

const scratch = mkdtempSync(join(tmpdir(), 'millrace-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let folders = 0

fileSystemContract("the machine's", () => {
  const folder = join(scratch, String(folders++))
  mkdirSync(folder)
  return { files: nodeFileSystem, folder }
})
const newDisk = (): VirtualDisk => {
  const disk = new VirtualDisk()
  disk.makeFolder('/folder')
  return disk
}
fileSystemContract('a disk in memory', () => ({ files: newDisk(), folder: '/folder' }))
fileSystemContract('a disk that could fail', () => ({ files: new FaultyFileSystem(newDisk(), []).begin(), folder: '/folder' }))

function write(disk: VirtualDisk, path: string, ...texts: readonly string[]): number {
  const file = disk.open(path, 'w')
  for (const text of texts) disk.write(file, Buffer.from(text), 0, text.length, null)
  return file
}

/** What is found at a path when power returns, over many images. */
function found(disk: VirtualDisk, path: string): ReadonlySet<string | undefined> {
  const random = new Random(7)
  return new Set(
    Array.from({ length: 400 }, () => {
      const image = disk.powerLoss(random)
      return image.stat(path) === undefined ? undefined : Buffer.from(image.read(path)).toString()
    }),
  )
}

function syncFolderOf(disk: VirtualDisk, path: string): void {
  disk.sync(disk.open(path, 'r'))
}

test('VirtualDisk.powerLoss() keeps what was synced, and of the rest any that has been: bytes, lengths and names by themselves', () => {
  const disk = newDisk()
  syncFolderOf(disk, '/')
  const file = write(disk, '/folder/a', 'one')
  disk.sync(file)
  expect(found(disk, '/folder/a'), 'its name is not synced').toEqual(new Set([undefined, 'one']))
  syncFolderOf(disk, '/folder')
  expect(found(disk, '/folder/a')).toEqual(new Set(['one']))
  disk.write(file, Buffer.from('TWO4'), 0, 4, 0)
  expect(found(disk, '/folder/a'), 'a length without its bytes too').toEqual(new Set(['one', 'one\0', 'TWO', 'TWO4']))
  disk.sync(file)
  disk.rename('/folder/a', '/folder/b')
  expect(found(disk, '/folder/a')).toEqual(new Set([undefined, 'TWO4']))
  expect(found(disk, '/folder/b')).toEqual(new Set([undefined, 'TWO4']))
  syncFolderOf(disk, '/folder')
  expect(found(disk, '/folder/b')).toEqual(new Set(['TWO4']))
})

test('VirtualDisk.failSync() leaves nothing to the next sync: what it could not write must be written again', () => {
  const disk = newDisk()
  syncFolderOf(disk, '/')
  const file = write(disk, '/folder/a', 'one')
  syncFolderOf(disk, '/folder')
  disk.failSync(file)
  disk.sync(file)
  expect(found(disk, '/folder/a').has('')).toBe(true)
  disk.sync(write(disk, '/folder/a', 'two'))
  expect(found(disk, '/folder/a')).toEqual(new Set(['two']))
})

test('VirtualDisk cuts a write short where it is full, then refuses, and takes more once it is freed', () => {
  const disk = new VirtualDisk({ capacityBytes: 5 })
  const file = write(disk, '/a', 'abc')
  expect(disk.write(file, Buffer.from('defg'), 0, 4, null)).toBe(2)
  expect(() => disk.write(file, Buffer.from('fg'), 0, 2, null)).toThrow(expect.objectContaining({ code: 'ENOSPC' }))
  expect(disk.write(file, Buffer.from('A'), 0, 1, 0), 'what is there may be changed').toBe(1)
  write(disk, '/b')
  disk.close(file)
  disk.remove('/a')
  expect(disk.usedBytes).toBe(0)
  expect(disk.write(disk.open('/b', 'r+'), Buffer.from('fg'), 0, 2, null)).toBe(2)
})

test('FaultyFileSystem fails the calls that it is told to, as often as it is told to', () => {
  const faulty = new FaultyFileSystem(newDisk(), [
    { code: 'EIO', at: 2, times: 2, calls: ['makeFolder'] },
    { code: 'ENOSPC', at: 8, isDone: true },
  ])
  const files = faulty.begin()
  const make = (path: string): string | undefined => {
    try {
      files.makeFolder(path)
      return undefined
    } catch (error) {
      return (error as NodeJS.ErrnoException).code
    }
  }
  expect(files.list('/folder')).toEqual([])
  expect(['/a', '/b', '/b', '/b', '/c', '/d', '/e', '/f'].map(make)).toEqual([undefined, 'EIO', 'EIO', undefined, undefined, undefined, 'ENOSPC', undefined])
  expect(files.stat('/e')?.isDirectory(), 'it was done').toBe(true)
  expect([faulty.calls, faulty.failures]).toEqual([10, 3])
  faulty.begin()
  expect(() => files.stat('/e'), 'its process has ended').toThrow('the process has ended')
})
