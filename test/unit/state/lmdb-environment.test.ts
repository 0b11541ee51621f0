import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { LmdbEnvironment } from '../../../src/state/lmdb-environment.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-environment-'))
afterAll(() => rmSync(folder, { recursive: true }))

function read(environment: LmdbEnvironment, get: () => Uint8Array | undefined): number[] | undefined {
  environment.beginRead()
  try {
    const bytes = get()
    return bytes === undefined ? undefined : [...bytes.subarray(0, bytes.length)]
  } finally {
    environment.endRead()
  }
}

test('LmdbEnvironment.open() gives a thread one environment in a folder, which the last close() removes', () => {
  const parent = join(folder, 'a', 'b')
  const first = LmdbEnvironment.open(parent)
  const second = LmdbEnvironment.open(parent)
  expect(second).toBe(first)
  expect(first.users).toBe(2)
  const [left, right] = [first.openDatabase(), second.openDatabase()]
  first.commit(() => {
    left.put(7, Uint8Array.of(1, 2, 3))
    right.put(7, Uint8Array.of(4))
    right.put(4_294_967_295, Uint8Array.of(5))
  })
  expect([left, right].map((database) => read(first, () => database.get(7)))).toEqual([[1, 2, 3], [4]])
  expect(read(first, () => right.get(4_294_967_295))).toEqual([5])
  left.close()
  first.close()
  expect(existsSync(second.folder)).toBe(true)
  expect(read(second, () => right.get(7))).toEqual([4])
  right.close()
  second.close()
  expect(readdirSync(parent)).toEqual([])
  const third = LmdbEnvironment.open(parent)
  expect(read(third, () => third.openDatabase().get(7))).toBeUndefined()
  third.close()
})

test('LmdbEnvironment.open() removes what processes that have ended left, and nothing else', () => {
  const parent = join(folder, 'leftovers')
  // No process has so great a number; the second name is not of such a folder.
  for (const name of ['millrace-state-4194305-1-0-0', 'millrace-state', `millrace-state-${process.pid}-x-0-99`])
    mkdirSync(join(parent, name), { recursive: true })
  const environment = LmdbEnvironment.open(parent)
  environment.close()
  expect(readdirSync(parent).toSorted()).toEqual(['millrace-state', `millrace-state-${process.pid}-x-0-99`])
})

test('a reading transaction sees what was committed, and leaves no timer', () => {
  const environment = LmdbEnvironment.open(join(folder, 'timers'))
  const database = environment.openDatabase()
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  for (let value = 0; value < 50; value++) {
    environment.commit(() => database.put(1, Uint8Array.of(value)))
    expect(read(environment, () => database.get(1))).toEqual([value])
  }
  environment.commit(() => database.remove(1))
  expect(read(environment, () => database.get(1))).toBeUndefined()
  expect(timers()).toBe(before)
  environment.close()
})

test('what the system refuses is told by its reason, and changes nothing', () => {
  const environment = LmdbEnvironment.open(join(folder, 'errors'))
  const database = environment.openDatabase()
  environment.commit(() => database.put(1, Uint8Array.of(1)))
  const failing = (code: unknown) => () =>
    environment.commit(() => {
      database.put(1, Uint8Array.of(2))
      throw Object.assign(new Error('Input/output error'), { code })
    })
  expect(failing(5)).toThrow(
    expect.objectContaining({ name: 'StateError', code: 'STATE_DISK_FULL', hint: expect.stringContaining('Make room') as string }) as Error,
  )
  expect(failing('ENOSPC')).toThrow(expect.objectContaining({ code: 'STATE_DISK_FULL' }) as Error)
  expect(failing(-30_793)).toThrow(
    expect.objectContaining({ code: 'STATE_STORE_FAILED', message: expect.stringContaining('Input/output error') as string }) as Error,
  )
  expect(read(environment, () => database.get(1))).toEqual([1])
  environment.commit(() => database.put(1, Uint8Array.of(3)))
  expect(read(environment, () => database.get(1))).toEqual([3])
  environment.close()
  writeFileSync(join(folder, 'a file'), '')
  expect(() => LmdbEnvironment.open(join(folder, 'a file'))).toThrow(
    expect.objectContaining({ code: 'STATE_STORE_FAILED', hint: 'Set state.backend.lmdb.dir to a folder on a local disk.' }) as Error,
  )
})

test('a database that was closed or cleared leaves nothing to the next one', () => {
  const parent = join(folder, 'again')
  const environments = [LmdbEnvironment.open(parent), LmdbEnvironment.open(parent)]
  const [environment] = environments
  for (let round = 0; round < 3; round++) {
    const databases = [environment.openDatabase(), environment.openDatabase()]
    for (const database of databases) expect(read(environment, () => database.get(1))).toBeUndefined()
    environment.commit(() => databases.forEach((database) => database.put(1, Uint8Array.of(round))))
    databases[0].clear()
    expect(databases.map((database) => read(environment, () => database.get(1)))).toEqual([undefined, [round]])
    environment.commit(() => databases[0].put(2, Uint8Array.of(round)))
    for (const database of databases) database.close()
  }
  for (const each of environments) each.close()
})
