import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Random } from '../../src/base/random.ts'
import { LocalCheckpointStorage } from '../../src/checkpoint/local-storage.ts'
import { METADATA_FILE } from '../../src/checkpoint/storage.ts'
import { FaultyFileSystem } from '../../src/testing/io-errors.ts'
import { VirtualDisk as SyncedDisk } from '../../src/testing/virtual-disk.ts'
import { type MemoryPlace, MemoryCheckpointStorage } from '../fixtures/memory-checkpoint-storage.ts'
import { VirtualCheckpointStorage, VirtualDisk } from '../sim/engine/virtual-disk.ts'
import { checkpointStorageContract } from './checkpoint-storage-contract.ts'

const scratch = mkdtempSync(join(tmpdir(), 'millrace-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let places = 0
/** Not there yet, nor the one around it. */
const newFolder = (): string => join(scratch, `place-${places++}`, 'checkpoints')

/** Names that a careless reader would take for checkpoints: not as numbers are written, not exactly a number, not a folder. */
const STRANGE_FOLDERS = [
  'chk-',
  'chk-x',
  'chk-07',
  'chk-00',
  'chk--4',
  'chk-+4',
  'chk-4.5',
  'chk-1e3',
  'chk-99999999999999999999',
  'chk-4.tmp',
  'xchk-4',
  'chk_4',
  '4',
]
const METADATA = Uint8Array.of(2)
/** A loss of power that takes all that was not synced. */
const NOTHING_UNSYNCED = { integer: () => 0, next: () => 0 } as unknown as Random
const STRANGE_FILES = ['notes.txt', 'chk-5', METADATA_FILE]

checkpointStorageContract('a local folder', () => {
  const folder = newFolder()
  return {
    open: () => new LocalCheckpointStorage(folder),
    strangers: () => {
      for (const name of STRANGE_FOLDERS) {
        mkdirSync(join(folder, name))
        writeFileSync(join(folder, name, METADATA_FILE), 'not ours')
      }
      for (const name of STRANGE_FILES) writeFileSync(join(folder, name), 'not ours')
      return () => {
        const names = readdirSync(folder)
        expect(names).toEqual(expect.arrayContaining([...STRANGE_FOLDERS, ...STRANGE_FILES]))
        for (const name of STRANGE_FOLDERS) expect(readdirSync(join(folder, name))).toEqual([METADATA_FILE])
      }
    },
  }
})

checkpointStorageContract(
  'the model in memory',
  () => {
    const place: MemoryPlace = new Map()
    return { open: () => new MemoryCheckpointStorage(place) }
  },
  { skip: [{ reason: 'nothing else can lie in its map', tests: ['strangers are no checkpoints, and stay'] }] },
)

test('LocalCheckpointStorage gives up a checkpoint whose metadata cannot be written, and leaves nothing of it', async () => {
  const folder = newFolder()
  const storage = new LocalCheckpointStorage(folder)
  const upload = await storage.begin(1)
  await upload.append('state', Uint8Array.of(1))
  mkdirSync(storage.nameOf(1, `${METADATA_FILE}.tmp`))
  await expect(upload.publish(Uint8Array.of(1))).rejects.toThrow(/EEXIST|EISDIR/)
  expect(await storage.list()).toEqual([])
  await upload.abandon()
  expect(readdirSync(folder)).toEqual([])
})

// The engine was killed between the two, its next start committed what belonged to the checkpoint, and then the power failed: all was committed twice.
test('LocalCheckpointStorage makes a checkpoint durable whose publisher has ended before it was', async () => {
  let published = 0
  for (let at = 1, hasEnded = true; hasEnded; at++) {
    const disk = new SyncedDisk()
    const dying = new LocalCheckpointStorage('/jobs/one', new FaultyFileSystem(disk, [{ code: 'EIO', at, times: Infinity, calls: ['sync'] }]).begin())
    const publish = async (): Promise<void> => {
      const upload = await dying.begin(1)
      await upload.append('state', Uint8Array.of(1))
      await upload.publish(METADATA)
    }
    hasEnded = await publish().then(
      () => false,
      () => true,
    )
    if ((await new LocalCheckpointStorage('/jobs/one', disk).list()).length === 0) continue
    published++
    await new LocalCheckpointStorage('/jobs/one', disk).confirm(1)
    const left = new LocalCheckpointStorage('/jobs/one', disk.powerLoss(NOTHING_UNSYNCED))
    expect(await left.list()).toEqual([1])
    expect(await left.read(1, METADATA_FILE)).toEqual(METADATA)
  }
  // Behind the name the folder is synced, and the one around it.
  expect(published).toBe(3)
})

test('LocalCheckpointStorage lets its folder be seen by the names that the design gives: chk-N, its files, _metadata', async () => {
  const folder = newFolder()
  const upload = await new LocalCheckpointStorage(folder).begin(12)
  await upload.append('state', Uint8Array.of(1))
  expect(readdirSync(folder)).toEqual(['chk-12'])
  await upload.publish(Uint8Array.of(1))
  expect(readdirSync(join(folder, 'chk-12')).toSorted()).toEqual([METADATA_FILE, 'state'])
})

checkpointStorageContract(
  'the virtual disk of the simulation',
  () => {
    const disk = new VirtualDisk()
    return { open: () => new VirtualCheckpointStorage(disk) }
  },
  { skip: [{ reason: 'nothing else lies on it', tests: ['strangers are no checkpoints, and stay'] }] },
)
