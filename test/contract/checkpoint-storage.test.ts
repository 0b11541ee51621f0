import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { LocalCheckpointStorage } from '../../src/checkpoint/local-storage.ts'
import { METADATA_FILE } from '../../src/checkpoint/storage.ts'
import { type MemoryPlace, MemoryCheckpointStorage } from '../fixtures/memory-checkpoint-storage.ts'
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

test('LocalCheckpointStorage lets its folder be seen by the names that the design gives: chk-N, its files, _metadata', async () => {
  const folder = newFolder()
  const upload = await new LocalCheckpointStorage(folder).begin(12)
  await upload.append('state', Uint8Array.of(1))
  expect(readdirSync(folder)).toEqual(['chk-12'])
  await upload.publish(Uint8Array.of(1))
  expect(readdirSync(join(folder, 'chk-12')).toSorted()).toEqual([METADATA_FILE, 'state'])
})
