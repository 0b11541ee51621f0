// Checkpoints come back as they were saved or not at all: random snapshots against a tiny model, and random damage to the files of three checkpoints.
import fc from 'fast-check'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RestoreError, StateError } from '../../src/base/errors.ts'
import { type CheckpointOrigin, CheckpointStore, type FoundCheckpoint } from '../../src/checkpoint/checkpoint-store.ts'
import { type CapturedCheckpoint, type JobSnapshot, jobSnapshotOf, partId, type SnapshotSplit } from '../../src/checkpoint/job-snapshot.ts'
import type { KeyPart, OperatorSignature } from '../../src/checkpoint/operator-signature.ts'
import { t } from '../../src/batch/types.ts'
import { LocalCheckpointStorage } from '../../src/checkpoint/local-storage.ts'
import { type CheckpointStorage, METADATA_FILE } from '../../src/checkpoint/storage.ts'
import { MemoryCheckpointStorage, type MemoryPlace } from '../fixtures/memory-checkpoint-storage.ts'

const scratch = mkdtempSync(join(tmpdir(), 'millrace-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let places = 0

const names = fc.oneof(fc.constantFrom('', 'a', 'a/1', '/', 'заказы', '🦊', '\ufeffmarked'), fc.string({ unit: 'grapheme', maxLength: 8 }))
const payloads = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, Infinity, -Infinity, Number.NaN, -0, 2n ** 63n, -(2n ** 70n), { position: Infinity }, [undefined, [[]]]),
  fc.record({ path: fc.string(), end: fc.oneof(fc.constant(Infinity), fc.maxSafeNat()), nested: fc.record({ at: fc.bigInt(), of: fc.constant(undefined) }) }),
  fc
    .anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true })
    // Node does not take a set of an invalid date for equal to its own copy.
    .filter((value) => isDeepStrictEqual(structuredClone(value), structuredClone(value))),
)
const splits = fc.array(fc.record<SnapshotSplit>({ id: names, payload: payloads }), { maxLength: 4 })
const subtask = fc.record({
  state: fc.option(fc.uint8Array({ maxLength: 60 }), { nil: undefined }),
  hasEnded: fc.boolean(),
  /** What its barrier has overtaken. */
  inFlight: fc.option(fc.uint8Array({ maxLength: 60 }), { nil: undefined }),
  /** Of a part that the last checkpoint has too. */
  isChange: fc.boolean(),
})
const keyPart = fc.record<KeyPart>({ name: names, type: fc.constantFrom(t.string().logical, t.decimal(12, 3).nullable().logical) }, { requiredKeys: [] })
const signatures = fc.record<OperatorSignature>(
  { type: names, key: fc.array(keyPart, { maxLength: 3 }), traits: fc.dictionary(names, names, { maxKeys: 3, noNullPrototype: true }) },
  { requiredKeys: ['type'] },
)
const operator = fc.record({
  uid: names,
  name: names,
  maxParallelism: fc.integer({ min: 1, max: 32_768 }),
  signature: signatures,
  splits: fc.option(splits, { nil: undefined, freq: 2 }),
  subtasks: fc.array(subtask, { minLength: 1, maxLength: 5 }),
})
const operators = fc.uniqueArray(operator, { maxLength: 4, selector: ({ uid }) => uid })
const origin = fc.record<CheckpointOrigin>({
  jobName: names,
  engineVersion: fc.constantFrom('0.1.0', '12.0.0-rc.1'),
  attempt: fc.integer({ min: 1, max: 0xffff_ffff }),
  timestampMs: fc.maxSafeNat(),
})

type Operators = typeof operators extends fc.Arbitrary<infer T> ? T : never

/** @param last The checkpoint before: parts that it has may build on it. */
function snapshotOf(checkpointId: number, of: Operators, last?: JobSnapshot): CapturedCheckpoint {
  const all = of.flatMap(({ uid, subtasks }) => subtasks.map((each, index) => ({ id: partId(uid, index), ...each })))
  const isBefore = (id: string): boolean => last !== undefined && last.files.has(id)
  return {
    checkpointId,
    operators: of.map(({ uid, name, maxParallelism, signature, subtasks }) => ({ uid, name, parallelism: subtasks.length, maxParallelism, signature })),
    splits: new Map(of.flatMap((each) => (each.splits === undefined ? [] : [[each.uid, each.splits]]))),
    parts: new Map(
      all.flatMap(({ id, state, isChange }) =>
        state === undefined
          ? []
          : [[id, { sections: [{ kind: 0, state: 'a', keyGroup: 0, records: 1, bytes: state }], base: isChange && isBefore(id) ? last!.checkpointId : 0 }]],
      ),
    ),
    inFlight: new Map(all.flatMap(({ id, state, inFlight }) => (state === undefined || inFlight === undefined ? [] : [[id, inFlight]]))),
    ended: new Set(all.flatMap(({ id, hasEnded }) => (hasEnded ? [id] : []))),
  }
}

/** Fails unless a snapshot is, in every byte and value, one that was saved. */
function expectSame(found: JobSnapshot, saved: JobSnapshot): void {
  expect(found.checkpointId).toBe(saved.checkpointId)
  expect(found.operators).toEqual(saved.operators)
  expect(found.ended).toEqual(saved.ended)
  expect([...found.files.keys()].toSorted()).toEqual([...saved.files.keys()].toSorted())
  const plain = (files: readonly Uint8Array[]): number[][] => files.map((file) => [...file])
  expect([...found.inFlight].map(([id, bytes]) => [id, [...bytes]])).toEqual([...saved.inFlight].map(([id, bytes]) => [id, [...bytes]]))
  for (const [id, files] of saved.files) expect(plain(found.files.get(id)!), id).toEqual(plain(files))
  if (!isDeepStrictEqual(found.splits, structuredClone(saved.splits))) expect(found.splits).toStrictEqual(saved.splits)
}

async function roundTrip(storage: CheckpointStorage, saved: CapturedCheckpoint, from: CheckpointOrigin): Promise<FoundCheckpoint> {
  const store = new CheckpointStore(storage, 1)
  await store.save(saved, from)
  return (await store.newest())!
}

test('a snapshot comes back as it was saved', async () => {
  const storages: readonly [runs: number, () => CheckpointStorage][] = [
    [1500, () => new MemoryCheckpointStorage()],
    [50, () => new LocalCheckpointStorage(join(scratch, `place-${places++}`))],
  ]
  for (const [numRuns, newStorage] of storages)
    await fc.assert(
      fc.asyncProperty(operators, origin, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), async (of, from, checkpointId) => {
        const saved = snapshotOf(checkpointId, of)
        const { snapshot, metadata, warnings } = await roundTrip(newStorage(), saved, from)
        expect(warnings).toEqual([])
        expect(metadata).toMatchObject({ ...from, checkpointId })
        expectSame(snapshot, jobSnapshotOf(saved, undefined))
        // Workers read it where it is.
        for (const bytes of [...snapshot.files.values()].flat()) expect(bytes.buffer).toBeInstanceOf(SharedArrayBuffer)
      }),
      { numRuns },
    )
})

test('what is kept are the last complete ones: any sequence of saves, failures and prunes', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('save' as const), gap: fc.integer({ min: 1, max: 9 }), of: operators }),
    fc.record({ kind: fc.constant('begin' as const), gap: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant('prune' as const), back: fc.nat(3) }),
  )
  const from = { jobName: 'job', engineVersion: '0.1.0', attempt: 1, timestampMs: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), fc.integer({ min: 1, max: 3 }), async (steps, retained) => {
      const place: MemoryPlace = new Map()
      const storage = new MemoryCheckpointStorage(place)
      const store = new CheckpointStore(storage, retained)
      /** For each checkpoint, by part, the checkpoints in whose folders its files lie. */
      const chains = new Map<number, ReadonlyMap<string, readonly number[]>>()
      let published: JobSnapshot[] = []
      let unpublished: number[] = []
      let newestSaved: JobSnapshot | undefined
      for (const each of steps) {
        const last = Math.max(0, ...published.map(({ checkpointId }) => checkpointId), ...unpublished)
        expect(await store.lastId()).toBe(last)
        if (each.kind === 'save') {
          const saved = snapshotOf(last + each.gap, each.of, newestSaved)
          await store.save(saved, from)
          const chainOf = (id: string, base: number): readonly number[] => [...(chains.get(base)?.get(id) ?? []), saved.checkpointId]
          chains.set(saved.checkpointId, new Map([...saved.parts].map(([id, { base }]) => [id, chainOf(id, base)])))
          newestSaved = jobSnapshotOf(saved, newestSaved)
          published.push(newestSaved)
        } else if (each.kind === 'begin') {
          await storage.begin(last + each.gap)
          unpublished.push(last + each.gap)
        } else {
          const complete = published.at(-1 - each.back)?.checkpointId
          if (complete === undefined) continue
          await store.prune(complete)
          const older = published.filter(({ checkpointId }) => checkpointId <= complete)
          published = [...older.slice(-retained), ...published.filter(({ checkpointId }) => checkpointId > complete)]
          unpublished = unpublished.filter((id) => id >= complete)
        }
        expect(await storage.list()).toEqual(published.map(({ checkpointId }) => checkpointId))
        // Files stay as long as a checkpoint that is kept builds on them, and no longer.
        const needed = published.flatMap(({ checkpointId }) => [checkpointId, ...[...chains.get(checkpointId)!.values()].flat()])
        expect(new Set(place.keys())).toEqual(new Set([...needed, ...unpublished]))
        const newest = await store.newest()
        if (published.length === 0) expect(newest).toBeUndefined()
        else expectSame(newest!.snapshot, published.at(-1)!)
      }
    }),
    { numRuns: 300 },
  )
})

test('a save that cannot be completed says why and leaves nothing', async () => {
  const failure = new Error('the disk is full')
  await fc.assert(
    fc.asyncProperty(operators, fc.nat(8), async (of, failing) => {
      const storage = new MemoryCheckpointStorage()
      let calls = 0
      const call = (): void => {
        if (calls++ === failing) throw failure
      }
      const begin = storage.begin.bind(storage)
      storage.begin = async (id) => {
        const upload = await begin(id)
        return {
          append: async (file, bytes) => (call(), await upload.append(file, bytes)),
          publish: async (metadata) => (call(), await upload.publish(metadata)),
          abandon: () => upload.abandon(),
        }
      }
      const snapshot = snapshotOf(5, of)
      const saved = new CheckpointStore(storage, 1).save(snapshot, { jobName: 'job', engineVersion: '0.1.0', attempt: 1, timestampMs: 0 })
      // A call for the state, if there is some, and one that publishes.
      const needed = snapshot.parts.size === 0 ? 1 : 2
      if (failing >= needed) await saved
      else await expect(saved).rejects.toBe(failure)
      expect(await storage.lastBegun()).toBe(failing >= needed ? 5 : 0)
    }),
  )
  const storage = new MemoryCheckpointStorage()
  const split = { id: 'a', payload: (): void => {} }
  const unencodable = snapshotOf(5, [
    {
      uid: 'a',
      name: 'lines',
      maxParallelism: 1,
      signature: { type: 'File source' },
      splits: [split],
      subtasks: [{ state: undefined, inFlight: undefined, hasEnded: false, isChange: false }],
    },
  ])
  await expect(new CheckpointStore(storage, 1).save(unencodable, { jobName: 'job', engineVersion: '0.1.0', attempt: 1, timestampMs: 0 })).rejects.toThrow(
    expect.objectContaining({ constructor: StateError, code: 'VALUE_NOT_ENCODABLE', message: expect.stringContaining('splits of lines') }),
  )
  expect(await storage.lastBegun()).toBe(0)
})

/** Three checkpoints on disk, restored after each damage. */
interface Fixture {
  readonly storage: LocalCheckpointStorage
  readonly store: CheckpointStore
  readonly saved: ReadonlyMap<number, JobSnapshot>
  /** Bytes of the files, by path. */
  readonly files: ReadonlyMap<string, Buffer>
  /** Whether each checkpoint builds on those before it. */
  readonly isChange: boolean
}
const IDS = [9, 10, 12]
const LAST_ID = IDS.at(-1)!
const NEWEST_INDEX = IDS.length - 1
const fixtures: Fixture[] = []

/**
 * State of a few bytes, state of some kilobytes in several parts, and none at all: then `_metadata` is the only file. The last one is written whole in
 * the first checkpoint only: the others hold changes.
 */
const SHAPES = [
  { parts: [3], isChange: false },
  { parts: [2000, 0, 1500, 40], isChange: false },
  { parts: [], isChange: false },
  { parts: [500, 20], isChange: true },
]

beforeAll(async () => {
  for (const { parts, isChange } of SHAPES) {
    const storage = new LocalCheckpointStorage(join(scratch, `place-${places++}`))
    const store = new CheckpointStore(storage, IDS.length)
    const saved = new Map<number, JobSnapshot>()
    const files = new Map<string, Buffer>()
    let last: JobSnapshot | undefined
    for (const id of IDS) {
      const state = (length: number) => Uint8Array.from({ length }, (_, index) => (index % 5 === 0 ? 0 : index * id))
      const none = { state: undefined, inFlight: undefined, isChange }
      const snapshot = snapshotOf(
        id,
        [
          {
            uid: 'lines',
            name: 'read',
            maxParallelism: 128,
            signature: { type: 'process function' },
            splits: [{ id: '0', payload: { path: 'a.csv', end: Infinity, size: 7n } }],
            subtasks: [{ ...none, hasEnded: true }],
          },
          {
            uid: 'count',
            name: 'count',
            maxParallelism: 128,
            signature: { type: 'process function' },
            splits: undefined,
            subtasks: [
              ...parts.map((length, index) => ({ state: state(length), inFlight: index === 1 ? state(20) : undefined, hasEnded: false, isChange })),
              { ...none, hasEnded: id === 10 },
            ],
          },
        ],
        last,
      )
      await store.save(snapshot, { jobName: 'job', engineVersion: '0.1.0', attempt: 2, timestampMs: 1_700_000_000_000 + id })
      last = jobSnapshotOf(snapshot, last)
      saved.set(id, last)
      for (const name of parts.length === 0 ? [METADATA_FILE] : [METADATA_FILE, 'state']) {
        const path = storage.nameOf(id, name)
        files.set(path, readFileSync(path))
      }
    }
    fixtures.push({ storage, store, saved, files, isChange })
  }
})

const damage = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('bit' as const), at: fc.nat(), bit: fc.nat(7) }), weight: 5 },
  fc.record({ kind: fc.constant('bytes' as const), at: fc.nat(), with: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('append' as const), with: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
  fc.record({ kind: fc.constant('zero' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 600 }) }),
  fc.record({ kind: fc.constant('swap' as const), other: fc.nat(NEWEST_INDEX), both: fc.boolean() }),
  fc.record({ kind: fc.constant('copy' as const), other: fc.nat(NEWEST_INDEX), both: fc.boolean() }),
  fc.record({ kind: fc.constant('mix' as const) }),
  fc.record({ kind: fc.constant('empty' as const) }),
  fc.record({ kind: fc.constant('delete' as const) }),
)
const target = fc.record({ isMetadata: fc.boolean(), damage })
type Target = typeof target extends fc.Arbitrary<infer T> ? T : never

/** Damages a file of a checkpoint, in a copy of what is on disk. */
function apply(disk: Map<string, Buffer>, { storage, files }: Fixture, index: number, { isMetadata, damage: each }: Target): void {
  const name = isMetadata || files.size === IDS.length ? METADATA_FILE : 'state'
  const path = storage.nameOf(IDS[index], name)
  const file = disk.get(path)
  if (file === undefined) return
  const copy = Buffer.from(file)
  const at = 'at' in each && file.length > 0 ? each.at % file.length : 0
  switch (each.kind) {
    case 'bit':
      if (file.length > 0) copy[at] ^= 1 << each.bit
      disk.set(path, copy)
      return
    case 'bytes':
      copy.set(each.with.subarray(0, file.length - at), at)
      disk.set(path, copy)
      return
    case 'cut':
      disk.set(path, copy.subarray(0, at))
      return
    case 'append':
      disk.set(path, Buffer.concat([copy, each.with]))
      return
    case 'zero':
      disk.set(path, copy.fill(0, at, Math.min(at + each.length, file.length)))
      return
    case 'empty':
      disk.set(path, Buffer.alloc(0))
      return
    case 'delete':
      disk.delete(path)
      return
    case 'mix': {
      // As if what lies below the files had mixed them up.
      const other = disk.get(storage.nameOf(IDS[index], name === 'state' ? METADATA_FILE : 'state'))
      if (other !== undefined) disk.set(path, other)
      return
    }
    default:
      for (const one of each.both ? [METADATA_FILE, 'state'] : [name]) {
        const [left, right] = [storage.nameOf(IDS[index], one), storage.nameOf(IDS[each.other], one)]
        const [mine, its] = [disk.get(left), disk.get(right)]
        if (mine === undefined || its === undefined) continue
        disk.set(left, its)
        if (each.kind === 'swap') disk.set(right, mine)
      }
  }
}

/** What a look for the newest checkpoint comes to. */
interface Finding {
  /** The checkpoint that is taken; undefined if there is none; the code of the error if it throws. */
  readonly taken: number | string | undefined
  /** Those that a warning, or the error's hint, names with what is wrong; other warnings as they are. */
  readonly passedOver: readonly (number | string)[]
}

function passedOver(warning: string): number | string {
  const named =
    /Checkpoint (\d+) is passed over: (?:Cannot read the (?:state|checkpoint) in|ENOENT: no such file or directory,|it was complete, and) .*\bchk-(\d+)\/(?:_metadata|state)\b/.exec(
      warning,
    )
  return named !== null && Number(named[2]) <= Number(named[1]) ? Number(named[1]) : warning
}

/** Puts the damaged files on disk, looks for the newest checkpoint, and brings the files back. */
async function look(fixture: Fixture, disk: ReadonlyMap<string, Buffer>): Promise<{ readonly found: Finding; readonly expected: Finding }> {
  const { storage, store, files, saved } = fixture
  const changed = [...files.keys()].filter((path) => disk.get(path)?.equals(files.get(path)!) !== true)
  fc.pre(changed.length > 0)
  // Without its metadata it is as one that was never published, but for the last one, of which the job knows that it was complete.
  const listed = IDS.filter((id) => disk.has(storage.nameOf(id, METADATA_FILE))).toReversed()
  const isDamaged = (id: number): boolean =>
    changed.some((path) => path.startsWith(storage.nameOf(id)) || (fixture.isChange && IDS.some((base) => base < id && path === storage.nameOf(base, 'state'))))
  const whole = listed.find((id) => !isDamaged(id))
  const expected = {
    taken: whole ?? 'NO_CHECKPOINT_VERIFIES',
    passedOver: [...(listed.includes(LAST_ID) ? [] : [LAST_ID]), ...listed.filter((id) => whole === undefined || id > whole)],
  }
  for (const path of changed) {
    const bytes = disk.get(path)
    if (bytes === undefined) rmSync(path)
    else writeFileSync(path, bytes)
  }
  try {
    const newest = await store.newest(LAST_ID)
    if (newest !== undefined) expectSame(newest.snapshot, saved.get(newest.snapshot.checkpointId)!)
    return { found: { taken: newest?.snapshot.checkpointId, passedOver: newest?.warnings.map(passedOver) ?? [] }, expected }
  } catch (error) {
    if (!(error instanceof RestoreError)) throw error
    return { found: { taken: error.code, passedOver: error.hint!.split('; ').map(passedOver) }, expected }
  } finally {
    for (const path of changed) writeFileSync(path, files.get(path)!)
  }
}

test('a changed byte is found before anything is used: the checkpoint before is taken, with a warning', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(SHAPES.length - 1), target, async (fixtureIndex, each) => {
      const fixture = fixtures[fixtureIndex]
      const disk = new Map(fixture.files)
      apply(disk, fixture, NEWEST_INDEX, each)
      const { found, expected } = await look(fixture, disk)
      expect(found).toEqual(expected)
    }),
    { numRuns: 4200 },
  )
})

test('every single byte of the files counts', async () => {
  const fixture = fixtures[0]
  for (const name of [METADATA_FILE, 'state']) {
    const path = fixture.storage.nameOf(IDS[NEWEST_INDEX], name)
    for (let at = 0; at < fixture.files.get(path)!.length; at++) {
      const disk = new Map(fixture.files)
      const copy = Buffer.from(disk.get(path)!)
      copy[at] ^= 0x40
      const { found, expected } = await look(fixture, disk.set(path, copy))
      expect(found).toEqual(expected)
    }
  }
})

test('damage to any of the checkpoints is found: the newest that is whole is taken, or none', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(SHAPES.length - 1), fc.tuple(...IDS.map(() => fc.option(target, { freq: 6 }))), async (fixtureIndex, targets) => {
      const fixture = fixtures[fixtureIndex]
      const disk = new Map(fixture.files)
      for (const [index, each] of targets.entries()) if (each !== null) apply(disk, fixture, index, each)
      const { found, expected } = await look(fixture, disk)
      expect(found).toEqual(expected)
    }),
    { numRuns: 800 },
  )
})

test('a checkpoint of a later format is refused, not passed over', async () => {
  const { storage, store, files } = fixtures[0]
  const path = storage.nameOf(IDS[NEWEST_INDEX], METADATA_FILE)
  const later = Buffer.from(files.get(path)!)
  const [version, checksum, head] = [7, 12, 16]
  later[version]++
  later.writeUInt32LE(crc32(later.subarray(head), crc32(later.subarray(0, checksum))), checksum)
  writeFileSync(path, later)
  try {
    await expect(store.newest()).rejects.toThrow(expect.objectContaining({ constructor: RestoreError, code: 'SNAPSHOT_VERSION' }))
  } finally {
    writeFileSync(path, files.get(path)!)
  }
})
