// The suite every storage of checkpoints must pass.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RestoreError } from '../../src/base/errors.ts'
import { type CheckpointStorage, METADATA_FILE } from '../../src/checkpoint/storage.ts'

/** A place for checkpoints that is empty at first. */
export interface PlaceUnderTest {
  /** A storage there, as each process opens one of its own. */
  open(): CheckpointStorage
  /** Puts things there that are no checkpoints; what it returns expects them to be there. Undefined where nothing else can be. */
  readonly strangers?: () => () => void
}

export interface CheckpointStorageContractOptions {
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[]
}

const METADATA = Uint8Array.of(1, 2, 3)
const EXISTS = expect.objectContaining({ constructor: RestoreError, code: 'CHECKPOINT_EXISTS' })

/** Runs the suite. */
export function checkpointStorageContract(name: string, newPlace: () => PlaceUnderTest, options: CheckpointStorageContractOptions = {}): void {
  const skipped = new Set(options.skip?.flatMap(({ tests }) => tests))
  const test = (title: string, run: () => Promise<void>): void => {
    // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title
    it.skipIf(skipped.has(title))(title, run)
  }
  const publish = async (storage: CheckpointStorage, ...ids: readonly number[]): Promise<void> => {
    for (const id of ids) {
      const upload = await storage.begin(id)
      await upload.append('state', Uint8Array.of(id))
      await upload.publish(METADATA)
    }
  }

  describe(`${name} keeps the contract of a checkpoint storage`, () => {
    test('where nothing was begun there is nothing, and nothing to remove', async () => {
      const storage = newPlace().open()
      expect(await storage.list()).toEqual([])
      expect(await storage.lastBegun()).toBe(0)
      await storage.remove(1)
      await storage.removeUnpublished(5)
      await expect(storage.read(1, METADATA_FILE)).rejects.toBeInstanceOf(Error)
      expect(await storage.lastBegun()).toBe(0)
    })

    test('what is begun is not listed before it is published, then it is, for everyone', async () => {
      const place = newPlace()
      const [storage, other] = [place.open(), place.open()]
      const upload = await storage.begin(1)
      for (const each of [storage, other]) expect(await each.list()).toEqual([])
      await upload.append('state', Uint8Array.of(7))
      for (const each of [storage, other]) expect(await each.list()).toEqual([])
      await upload.publish(METADATA)
      for (const each of [storage, other]) {
        expect(await each.list()).toEqual([1])
        expect([...(await each.read(1, 'state'))]).toEqual([7])
        expect([...(await each.read(1, METADATA_FILE))]).toEqual([...METADATA])
        await expect(each.read(1, 'another')).rejects.toBeInstanceOf(Error)
        await expect(each.read(2, 'state')).rejects.toBeInstanceOf(Error)
      }
    })

    test('files hold exactly what was appended, whatever the caller does with his bytes then', async () => {
      const chunk = fc.record({ bytes: fc.uint8Array({ maxLength: 50 }), before: fc.nat(20), after: fc.nat(20), isShared: fc.boolean() })
      const append = fc.record({ file: fc.constantFrom('state', 'a', 'b-2'), chunk })
      await fc.assert(
        fc.asyncProperty(fc.array(append, { maxLength: 12 }), fc.uint8Array({ maxLength: 40 }), async (appends, metadata) => {
          const storage = newPlace().open()
          const upload = await storage.begin(3)
          const expected = new Map<string, number[]>()
          for (const { file, chunk } of appends) {
            const length = chunk.before + chunk.bytes.length + chunk.after
            const whole = new Uint8Array(chunk.isShared ? new SharedArrayBuffer(length) : new ArrayBuffer(length)).fill(0xee)
            whole.set(chunk.bytes, chunk.before)
            expected.set(file, [...(expected.get(file) ?? []), ...chunk.bytes])
            await upload.append(file, whole.subarray(chunk.before, chunk.before + chunk.bytes.length))
            whole.fill(0xdd)
          }
          const given = metadata.slice()
          await upload.publish(given)
          given.fill(0xdd)
          for (const [file, bytes] of expected) expect([...(await storage.read(3, file))]).toEqual(bytes)
          expect([...(await storage.read(3, METADATA_FILE))]).toEqual([...metadata])
        }),
        { numRuns: 60 },
      )
    })

    test('large chunks arrive whole', async () => {
      const storage = newPlace().open()
      const large = new Uint8Array(5_000_011).map((_, index) => index * 31 + (index >> 8))
      const upload = await storage.begin(1)
      for (const chunk of [large, large.subarray(1, -1), new Uint8Array(0), large.subarray(4_000_000)]) await upload.append('state', chunk)
      await upload.publish(METADATA)
      const expected = Buffer.concat([large, large.subarray(1, -1), large.subarray(4_000_000)])
      expect(expected.equals(await storage.read(1, 'state'))).toBe(true)
    })

    test('two that are written at once do not mix, and each is published by itself', async () => {
      const storage = newPlace().open()
      const uploads = [await storage.begin(1), await storage.begin(2)]
      for (let time = 0; time < 3; time++) for (const [index, upload] of uploads.entries()) await upload.append('state', Uint8Array.of(index, time))
      await uploads[1].publish(Uint8Array.of(22))
      expect(await storage.list()).toEqual([2])
      await uploads[0].publish(Uint8Array.of(11))
      expect(await storage.list()).toEqual([1, 2])
      expect([...(await storage.read(1, 'state'))]).toEqual([0, 0, 0, 1, 0, 2])
      expect([...(await storage.read(2, 'state'))]).toEqual([1, 0, 1, 1, 1, 2])
      expect([...(await storage.read(1, METADATA_FILE)), ...(await storage.read(2, METADATA_FILE))]).toEqual([11, 22])
    })

    test('a number is begun once: twice is refused, published or not, and harms nothing', async () => {
      const place = newPlace()
      const [storage, other] = [place.open(), place.open()]
      const upload = await storage.begin(4)
      await upload.append('state', Uint8Array.of(4))
      for (const each of [storage, other]) await expect(each.begin(4)).rejects.toThrow(EXISTS)
      await upload.publish(METADATA)
      for (const each of [storage, other]) await expect(each.begin(4)).rejects.toThrow(EXISTS)
      expect(await other.list()).toEqual([4])
      expect([...(await other.read(4, 'state'))]).toEqual([4])
    })

    test('of several that begin a number at once, one does', async () => {
      const place = newPlace()
      const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => place.open().begin(1)))
      const refused = attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason as unknown] : []))
      expect(refused).toEqual(Array.from({ length: 7 }, () => EXISTS))
    })

    test('one that is abandoned leaves nothing, however far it was', async () => {
      const storage = newPlace().open()
      await publish(storage, 1)
      for (const appends of [0, 1, 3]) {
        const upload = await storage.begin(2)
        for (let append = 0; append < appends; append++) await upload.append(`file-${append}`, Uint8Array.of(append))
        await upload.abandon()
        expect(await storage.list()).toEqual([1])
        expect(await storage.lastBegun()).toBe(1)
        await expect(storage.read(2, 'file-0')).rejects.toBeInstanceOf(Error)
      }
      await publish(storage, 2)
      expect(await storage.list()).toEqual([1, 2])
      expect([...(await storage.read(2, 'state'))], 'what was abandoned is not in it').toEqual([2])
      await expect(storage.read(2, 'file-0')).rejects.toBeInstanceOf(Error)
    })

    test('the list ascends by number, not by text', async () => {
      const storage = newPlace().open()
      await publish(storage, 10, 2, 100, 1, 9, Number.MAX_SAFE_INTEGER)
      expect(await storage.list()).toEqual([1, 2, 9, 10, 100, Number.MAX_SAFE_INTEGER])
      expect(await storage.lastBegun()).toBe(Number.MAX_SAFE_INTEGER)
    })

    test('the last that was begun counts whether or not it was published, until it is removed', async () => {
      const storage = newPlace().open()
      await publish(storage, 9)
      await storage.begin(10)
      expect(await storage.lastBegun()).toBe(10)
      expect(await storage.list()).toEqual([9])
      await storage.begin(3)
      expect(await storage.lastBegun()).toBe(10)
      await storage.remove(10)
      expect(await storage.lastBegun()).toBe(9)
      await storage.remove(9)
      expect(await storage.lastBegun()).toBe(3)
      await storage.remove(3)
      expect(await storage.lastBegun()).toBe(0)
    })

    test('one that is confirmed is published as before', async () => {
      const place = newPlace()
      await publish(place.open(), 1, 2)
      await place.open().confirm(2)
      expect(await place.open().list()).toEqual([1, 2])
      await expect(place.open().confirm(3)).rejects.toBeInstanceOf(Error)
    })

    test('what is removed is gone, and nothing else', async () => {
      const place = newPlace()
      const [storage, other] = [place.open(), place.open()]
      await publish(storage, 1, 2, 21)
      await storage.remove(2)
      await storage.remove(2)
      for (const each of [storage, other]) {
        expect(await each.list()).toEqual([1, 21])
        for (const file of ['state', METADATA_FILE]) await expect(each.read(2, file)).rejects.toBeInstanceOf(Error)
        expect([...(await each.read(1, 'state')), ...(await each.read(21, 'state'))]).toEqual([1, 21])
      }
    })

    test('the unpublished before a number are removed: neither published ones, nor that one, nor later ones', async () => {
      const place = newPlace()
      const storage = place.open()
      await publish(storage, 1, 4, 8)
      const uploads = new Map<number, Awaited<ReturnType<CheckpointStorage['begin']>>>()
      for (const id of [2, 3, 5, 6, 10]) {
        const upload = await storage.begin(id)
        await upload.append('state', Uint8Array.of(id))
        uploads.set(id, upload)
      }
      await place.open().removeUnpublished(5)
      expect(await storage.list()).toEqual([1, 4, 8])
      for (const id of [2, 3]) await uploads.get(id)!.abandon()
      for (const id of [5, 6, 10]) {
        await expect(storage.begin(id)).rejects.toThrow(EXISTS)
        await uploads.get(id)!.publish(METADATA)
        expect([...(await storage.read(id, 'state'))]).toEqual([id])
      }
      expect(await storage.list()).toEqual([1, 4, 5, 6, 8, 10])
      await publish(storage, 2, 3)
      expect(await storage.list(), 'these could be begun again').toEqual([1, 2, 3, 4, 5, 6, 8, 10])
    })

    test('one that is unpublished is not listed, and its files stay until they are not named any more', async () => {
      const place = newPlace()
      const storage = place.open()
      await publish(storage, 1, 2, 3)
      await storage.unpublish(2)
      await storage.unpublish(2)
      await storage.unpublish(7)
      expect(await place.open().list()).toEqual([1, 3])
      expect(await storage.lastBegun()).toBe(3)
      await expect(storage.begin(2)).rejects.toThrow(EXISTS)
      await storage.removeUnpublished(3, new Set([2]))
      expect([...(await storage.read(2, 'state'))]).toEqual([2])
      await storage.removeUnpublished(3, new Set([1]))
      await expect(storage.read(2, 'state')).rejects.toBeInstanceOf(Error)
      expect(await storage.list()).toEqual([1, 3])
    })

    test('names tell checkpoints and files apart', async () => {
      const storage = newPlace().open()
      const names = [1, 2, 12].flatMap((id) => [storage.nameOf(id), storage.nameOf(id, METADATA_FILE), storage.nameOf(id, 'state')])
      expect(new Set(names).size).toBe(names.length)
      for (const id of [1, 12]) expect(storage.nameOf(id, 'state')).toMatch(new RegExp(`${id}\\b.*state$`))
    })

    test('strangers are no checkpoints, and stay', async () => {
      const place = newPlace()
      const storage = place.open()
      await publish(storage, 2)
      await storage.begin(3)
      const expectStrangers = place.strangers!()
      expect(await storage.list()).toEqual([2])
      expect(await storage.lastBegun()).toBe(3)
      await storage.removeUnpublished(Number.MAX_SAFE_INTEGER)
      expect(await storage.list()).toEqual([2])
      expect(await storage.lastBegun()).toBe(2)
      await publish(storage, 4)
      expect(await storage.list()).toEqual([2, 4])
      expectStrangers()
    })
  })
}
