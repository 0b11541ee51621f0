// The commands on savepoints as files, as a user runs them: what they print, what they refuse, and that the diff says what the start does.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { SavepointWriter, t, valueState } from 'millrace'
import { job, run, scratchFolder } from '../fixtures/command.ts'

const scratch = scratchFolder()
const folder = join(scratch, 'savepoints', 'friday')

async function write(path: string): Promise<void> {
  const writer = SavepointWriter.newSavepoint({ jobName: 'visits' })
  const counter = writer.withOperator('counter', { key: { user: t.string() } })
  const count = valueState('count', t.bigint())
  counter.set(count, 'ada', 41n).set(count, 'bob', 7n)
  await writer.write(path)
}

beforeAll(() => write(folder))

/** A copy of a savepoint with a bit of its state turned over. */
async function damaged(path: string): Promise<string> {
  await write(path)
  const state = join(path, 'state')
  const bytes = readFileSync(state)
  bytes[12] ^= 4
  writeFileSync(state, bytes)
  return path
}

describe('millrace savepoint list', () => {
  test('says what is complete, what is damaged and why, and what was never finished', async () => {
    const root = join(scratch, 'listed')
    await write(join(root, 'a'))
    await damaged(join(root, 'deep', 'er', 'b'))
    mkdirSync(join(root, 'job', 'chk-3'), { recursive: true })
    const { status, stdout } = await run('savepoint', 'list', root, '--json')
    expect(status).toBe(0)
    const list = JSON.parse(stdout) as { folder: string; state: string; reason?: string }[]
    expect(list).toEqual([
      expect.objectContaining({ folder: join(root, 'a'), kind: 'savepoint', state: 'complete', job: 'visits', checkpointId: 1, operators: 1 }),
      { folder: join(root, 'deep', 'er', 'b'), kind: 'savepoint', state: 'damaged', reason: expect.stringContaining('its checksum is wrong') },
      { folder: join(root, 'job', 'chk-3'), kind: 'checkpoint', state: 'incomplete', reason: expect.stringContaining('no _metadata') },
    ])
    const table = await run('savepoint', 'list', root)
    expect(table.stdout.split('\n')[0]).toMatch(/^FOLDER +KIND +ID +JOB +TIME +SIZE +OPERATORS +STATE$/)
    expect(table.stdout).toMatch(/a +savepoint +1 +visits +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d+ B +1 +complete/)
  })

  test('refuses a folder that is not there', async () => {
    const { status, stderr } = await run('savepoint', 'list', join(scratch, 'nowhere'))
    expect(status).toBe(2)
    expect(stderr).toContain('error [INVALID_ARGUMENT]: Cannot list savepoints below')
  })
})

describe('millrace savepoint read', () => {
  test('shows operators and states', async () => {
    const { status, stdout } = await run('savepoint', 'read', folder)
    expect(status).toBe(0)
    expect(stdout).toContain('counter: process function, keyed by user STRING NOT NULL, parallelism 1 of 128')
    expect(stdout).toMatch(/ {2}count {2}value state of BIGINT NOT NULL {2}2 keys {2}\d+ B\n/)
    const json = JSON.parse((await run('savepoint', 'read', folder, '--operator', 'counter', '--format', 'json')).stdout) as object
    expect(json).toMatchObject({ job: 'visits', operators: [{ uid: 'counter', states: [{ name: 'count', kind: 'value', scope: 'key', entries: 2 }] }] })
  })

  test('prints the entries of a state, a JSON line each', async () => {
    const { status, stdout } = await run('savepoint', 'read', folder, '--state', 'count')
    expect(status).toBe(0)
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(
      expect.arrayContaining([
        { key: 'ada', value: 41 },
        { key: 'bob', value: 7 },
      ]),
    )
  })

  test.each([
    ['a mistyped operator', ['--operator', 'countr', '--state', 'count'], 2, 'Did you mean "counter"?'],
    ['a mistyped state', ['--operator', 'counter', '--state', 'cuont'], 2, 'Did you mean "count"?'],
    ['another format', ['--format', 'xml'], 2, 'Allowed choices are table, json'],
  ])('refuses %s', async (_name, args, code, text) => {
    const { status, stderr } = await run('savepoint', 'read', folder, ...args)
    expect(status).toBe(code)
    expect(stderr).toContain(text)
  })

  test('refuses what is damaged and what is no savepoint with the exit code of restores', async () => {
    const broken = await damaged(join(scratch, 'broken'))
    for (const [path, text] of [
      [broken, 'SNAPSHOT_DAMAGED'],
      [scratch, 'NO_SAVEPOINT'],
    ]) {
      const { status, stderr } = await run('savepoint', 'read', path)
      expect(status).toBe(3)
      expect(stderr).toContain(`error [${text}]`)
    }
  })
})

describe('millrace savepoint diff', () => {
  const counter = job('counter.js')

  test('what it says is what the start does', async () => {
    const { status, stdout } = await run('savepoint', 'diff', folder, counter)
    expect(stdout).toContain('The job can start from it.')
    expect(status).toBe(0)
    const started = await run('run', counter, '-p', '1', '-q', '--from-savepoint', folder)
    expect({ status: started.status, rows: started.stdout.trimEnd().split('\n') }).toEqual({ status: 0, rows: ['ada 42', 'cyd 1'] })
  })

  test.each([
    ['another key', ['--', '--key', 'shop'], 'counter', 0, 'its key column "user" is column "shop" now'],
    ['an operator that is gone', ['--', '--uid', 'other'], 'counter', 1, 'the job does not have it'],
    ['an operator that is gone, allowed', ['--allow-non-restored-state', '--', '--uid', 'other'], 'counter', 0, '--allow-non-restored-state is set'],
  ])('%s', async (_name, args, uid, code, reason) => {
    const { status, stdout } = await run('savepoint', 'diff', folder, counter, '--json', ...args)
    expect(status).toBe(code)
    const { operators, canStart } = JSON.parse(stdout) as { operators: { uid: string; reason: string }[]; canStart: boolean }
    expect(canStart).toBe(code === 0)
    expect(operators.find((operator) => operator.uid === uid)?.reason).toContain(reason)
  })

  test('state that is narrowed is refused at the start, with exit code 3', async () => {
    const { status, stderr } = await run('run', counter, '-p', '1', '-q', '--from-savepoint', folder, '--', '--type', 'int')
    expect(status).toBe(3)
    expect(stderr).toContain('error [STATE_CHANGED]: Cannot restore state "count": its type is BIGINT in the snapshot, and INT in the job: values may be lost')
  })
})

describe('millrace savepoint rm', () => {
  test('removes a savepoint', async () => {
    const path = join(scratch, 'old')
    await write(path)
    expect((await run('savepoint', 'rm', path)).status).toBe(0)
    expect(existsSync(path)).toBe(false)
  })

  test('refuses what is none, what holds more, and what a job needs', async () => {
    const more = join(scratch, 'more')
    await write(more)
    writeFileSync(join(more, 'notes.txt'), 'mine')
    const needed = join(scratch, 'job')
    await write(join(needed, 'chk-4'))
    writeFileSync(join(needed, 'job.json'), '{}')
    for (const [path, text] of [
      [scratch, 'it is no savepoint'],
      [more, 'it also holds "notes.txt"'],
      [join(needed, 'chk-4'), 'it is a checkpoint that job "visits" goes on from'],
    ]) {
      const { status, stderr } = await run('savepoint', 'rm', path)
      expect(status).toBe(2)
      expect(stderr).toContain(text)
      expect(existsSync(path)).toBe(true)
    }
    expect((await run('savepoint', 'rm', join(needed, 'chk-4'), '--force')).status).toBe(0)
    expect(existsSync(join(needed, 'chk-4'))).toBe(false)
  })

  test('a savepoint may be moved', async () => {
    const path = join(scratch, 'here')
    await write(path)
    const moved = join(scratch, 'there')
    renameSync(path, moved)
    expect((await run('savepoint', 'read', moved, '--state', 'count')).status).toBe(0)
  })
})

test.each(['list', 'read', 'diff', 'rm'])('millrace savepoint %s --help shows examples', async (command) => {
  const { status, stdout } = await run('savepoint', command, '--help')
  expect(status).toBe(0)
  expect(stdout).toContain(`$ millrace savepoint ${command}`)
})

test('the shell completes the commands and their folders', async () => {
  expect((await run('complete', '--', 'savepoint', '')).stdout).toMatch(/^list\t/m)
  expect((await run('complete', '--', 'savepoint', 'read', `${scratch}/`)).stdout).toContain(join(scratch, 'savepoints'))
})
