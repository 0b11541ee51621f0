import { expect, test } from 'vitest'
import { syncFolder } from '../../../src/base/durable.ts'
import { makeFolder } from '../../../src/base/make-folder.ts'
import type { Random } from '../../../src/base/random.ts'
import { FaultyFileSystem } from '../../../src/testing/io-errors.ts'
import { VirtualDisk } from '../../../src/testing/virtual-disk.ts'

const NOTHING_UNSYNCED = { integer: () => 0, next: () => 0 } as unknown as Random

/** Whether a folder would be there after a loss of power that takes all that was not synced. */
function isDurable(disk: VirtualDisk, path: string): boolean {
  return disk.powerLoss(NOTHING_UNSYNCED).stat(path)?.isDirectory() === true
}

test('makes a folder and those around it, and leaves those that are there', () => {
  const disk = new VirtualDisk()
  makeFolder('/data/jobs', disk)
  disk.close(disk.open('/data/jobs/file', 'w'))
  makeFolder('/data/jobs', disk)
  expect(disk.list('/data/jobs')).toEqual([{ name: 'file', isFolder: false }])
  expect(isDurable(disk, '/data')).toBe(false)
})

test('a durable folder survives a loss of power, with all folders around it', () => {
  const disk = new VirtualDisk()
  makeFolder('/data/jobs/one', disk, true)
  expect(isDurable(disk, '/data/jobs/one')).toBe(true)
})

// A crash between making and syncing left folders that the next run found in place, and whose names nobody ever synced.
test('a folder that is there, but was not synced by whoever made it, is made durable', () => {
  const disk = new VirtualDisk()
  makeFolder('/data/jobs/one', disk)
  makeFolder('/data/jobs/one', disk, true)
  expect(isDurable(disk, '/data/jobs/one')).toBe(true)
})

test('a sync that fails is tried again by the next call', () => {
  const disk = new VirtualDisk()
  const files = new FaultyFileSystem(disk, [{ code: 'EIO', at: 1, times: 2, calls: ['sync'] }]).begin()
  expect(() => makeFolder('/data/jobs', files, true)).toThrow('EIO')
  expect(() => makeFolder('/data/jobs', files, true)).toThrow('EIO')
  makeFolder('/data/jobs', files, true)
  expect(isDurable(disk, '/data/jobs')).toBe(true)
})

test('folders around that may not be synced are not an error', () => {
  const disk = new VirtualDisk()
  makeFolder('/data/jobs', disk, true)
  const files = new FaultyFileSystem(disk, [{ code: 'EROFS', at: 1, times: 2, calls: ['sync'] }]).begin()
  makeFolder('/data/jobs/one', files, true)
  expect(isDurable(disk, '/data/jobs/one')).toBe(true)
})

test('a folder that was made durable is found without a sync, and a new one in its place is synced again', () => {
  const disk = new VirtualDisk()
  const faulty = new FaultyFileSystem(disk, [])
  const files = faulty.begin()
  makeFolder('/data/jobs', files, true)
  const calls = faulty.calls
  makeFolder('/data/jobs', files, true)
  expect(faulty.calls).toBe(calls + 1)
  files.removeFolder('/data/jobs')
  syncFolder(files, '/data')
  makeFolder('/data/jobs', files, true)
  expect(isDurable(disk, '/data/jobs')).toBe(true)
})
