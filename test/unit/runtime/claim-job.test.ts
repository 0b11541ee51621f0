// Who gets a job whose folder says that another process runs it. The owners are processes that sleep; this test answers for them, or does not.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { RestoreError } from '../../../src/base/errors.ts'
import { isProcessAlive } from '../../../src/base/process-identity.ts'
import type { Owner } from '../../../src/checkpoint/job-owner.ts'
import { claimJob, type ClaimedJob } from '../../../src/runtime/claim-job.ts'
import { askOwner, NoAnswerError } from '../../../src/runtime/control-client.ts'
import { LINE_BYTES_MAX, SOCKET_FILE } from '../../../src/runtime/control-protocol.ts'
import { ControlServer, type ControlHandlers } from '../../../src/runtime/control-server.ts'

const scratch = mkdtempSync(join(tmpdir(), 'millrace-claim-'))
let roots = 0
const children: ChildProcess[] = []
const servers: Server[] = []
const claimed: ClaimedJob[] = []
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const server of servers.splice(0)) server.close()
  for (const { control } of claimed.splice(0)) control?.close()
})

const handlers: ControlHandlers = {
  status: () => ({ job: 'job', pid: process.pid, attempt: 1, state: 'running', checkpoint: 3 }),
  cancel: () => ({ status: 'cancelled' }),
  stop: ({ savepoint }) => ({ status: 'stopped', checkpoint: 4, savepoint }),
  savepoint: async ({ directory }) => {
    await Promise.resolve()
    throw new RestoreError('NO_SAVEPOINT', `none in ${directory}`, { hint: 'try' })
  },
}

/** A root whose job is said to be run by a process that sleeps. */
function ownedBy(changes: Partial<Owner> = {}, supervisor?: ChildProcess): { root: string; folder: string; child: ChildProcess } {
  const root = join(scratch, `root-${roots++}`)
  const folder = join(root, 'job')
  mkdirSync(folder, { recursive: true })
  const child = spawn('sleep', ['600'])
  children.push(child)
  const owner: Owner = {
    pid: child.pid!,
    started: undefined,
    socket: true,
    ...(supervisor && { supervisor: { pid: supervisor.pid!, started: undefined } }),
    ...changes,
  }
  writeFileSync(join(folder, 'attempt-1'), JSON.stringify(owner))
  writeFileSync(join(folder, 'job.json'), JSON.stringify({ format: 1, job: 'job', status: 'running', checkpoint: 0 }))
  return { root, folder, child }
}

/** Listens for an owner; answers each line, if it answers at all. */
function listenFor(folder: string, answer?: (line: string) => string): void {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => answer && socket.write(answer(chunk.toString())))
  })
  server.listen(join(folder, SOCKET_FILE))
  servers.push(server)
}

async function claim(root: string, takeOver: boolean = false): Promise<{ attempt: number; log: readonly string[] }> {
  const log: string[] = []
  const job = await claimJob(root, 'job', { takeOver, answerTimeoutMs: 200, handlers, log: (message) => log.push(message) })
  claimed.push(job)
  return { attempt: job.directory.attempt, log }
}

const isRunning = ({ pid }: ChildProcess): boolean => isProcessAlive({ pid: pid!, started: undefined })
const refusal = expect.objectContaining({ name: 'RestoreError', code: 'JOB_RUNNING' }) as Error

describe.skipIf(!existsSync('/proc/self/ns/pid'))('a job whose owner', () => {
  test('answers is refused, and the owner lives', async () => {
    const { root, folder, child } = ownedBy()
    listenFor(folder, () => '{"v":1,"id":1,"result":{"pid":1}}\n')
    await expect(claim(root)).rejects.toThrow(refusal)
    expect(isRunning(child)).toBe(true)
  })

  test('answers an error is no hung one: it is told', async () => {
    const { root, folder, child } = ownedBy()
    listenFor(folder, () => '{"v":2,"id":1,"error":{"name":"PlanError","code":"INVALID_REQUEST","message":"another version"}}\n')
    await expect(claim(root)).rejects.toThrow('another version')
    expect(isRunning(child)).toBe(true)
  })

  test('is silent is claimed once the owner has been killed, and its supervisor before it', async () => {
    const supervisor = spawn('sleep', ['600'])
    children.push(supervisor)
    const { root, folder, child } = ownedBy({}, supervisor)
    listenFor(folder)
    const { attempt, log } = await claim(root)
    expect([attempt, log]).toEqual([2, [`Process ${child.pid} runs the job and does not answer: it is killed`]])
    expect([isRunning(child), isRunning(supervisor)]).toEqual([false, false])
    expect(await askOwner(folder, { command: 'status' }, 5000)).toMatchObject({ pid: process.pid })
  })

  test('says that it listens, and does not, is claimed once it has been killed', async () => {
    const { root, child } = ownedBy()
    expect((await claim(root)).attempt).toBe(2)
    expect(isRunning(child)).toBe(false)
  })

  test('cannot be asked is refused, and the owner lives', async () => {
    const { root, child } = ownedBy({ socket: false })
    await expect(claim(root, true)).rejects.toThrow(refusal)
    expect(isRunning(child)).toBe(true)
  })

  test('is of another boot, or another process of the same number, is claimed, and nobody is killed', async () => {
    for (const changes of [{ boot: 'another' }, { started: '1' }]) {
      const { root, child } = ownedBy(changes)
      expect((await claim(root)).attempt).toBe(2)
      expect(isRunning(child)).toBe(true)
    }
  })

  test('is of another container is claimed if nobody listens, else refused; it is never killed', async () => {
    const foreign = { namespace: 'pid:[1]', boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() }
    expect(readlinkSync('/proc/self/ns/pid')).not.toBe(foreign.namespace)
    const gone = ownedBy(foreign)
    expect((await claim(gone.root)).attempt).toBe(2)
    const silent = ownedBy(foreign)
    listenFor(silent.folder)
    await expect(claim(silent.root)).rejects.toThrow(/of another container does not answer/)
    for (const { child } of [gone, silent]) expect(isRunning(child)).toBe(true)
  })

  test('is this very process is claimed if its thread does not listen any more', async () => {
    const { root } = ownedBy({ pid: process.pid })
    expect((await claim(root)).attempt).toBe(2)
  })

  test('answers is told to end if the job is taken over', async () => {
    const { root, folder } = ownedBy()
    const heard: string[] = []
    listenFor(folder, (line) => {
      heard.push((JSON.parse(line) as { command: string }).command)
      if (heard.at(-1) === 'cancel') writeFileSync(join(folder, 'attempt-1'), '{"pid":0}')
      return '{"v":1,"id":1,"result":{"pid":1}}\n'
    })
    expect((await claim(root, true)).attempt).toBe(2)
    expect(heard).toEqual(['status', 'cancel'])
  })
})

describe('the socket of a job', () => {
  async function listening(folder: string = join(scratch, `root-${roots++}`)): Promise<string> {
    mkdirSync(join(folder, 'job'), { recursive: true })
    const control = await ControlServer.listen(folder, handlers)
    control.show(join(folder, 'job'))
    claimed.push({ control } as ClaimedJob)
    return join(folder, 'job')
  }

  /** Sends bytes and returns the lines that come until so many have, or the connection ends. */
  const say = (
    folder: string,
    bytes: string | Buffer,
    lines: number,
  ): Promise<{ readonly id: unknown; readonly error?: { code: string }; readonly result?: unknown }[]> =>
    new Promise((resolve, reject) => {
      let heard = ''
      const done = (): void => {
        socket.destroy()
        const all = heard.split('\n').filter(Boolean)
        resolve(all.map((line) => JSON.parse(line) as { id: unknown }))
      }
      const socket = connect(join(folder, SOCKET_FILE), () => socket.write(bytes))
      socket.on('data', (chunk) => {
        heard += chunk.toString()
        if (heard.split('\n').length > lines) done()
      })
      socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' || error.code === 'ECONNRESET' ? done() : reject(error)))
      socket.on('close', done)
    })

  test("is the user's alone, has its name when it can be used, and leaves nothing beside it", async () => {
    const folder = await listening()
    expect(statSync(join(folder, SOCKET_FILE)).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(folder, '..'))).toEqual(['job'])
    expect(readdirSync(folder)).toEqual([SOCKET_FILE])
  })

  test('answers in whatever pieces requests come, each with its number, and errors in their class', async () => {
    const folder = await listening()
    const answers = await say(folder, '{"v":1,"id":"a","command":"status"}\n\n{"v":1,"id":2,"command":"stop","savepoint":"/s"}\n', 2)
    expect(answers).toMatchObject([
      { id: 'a', result: { checkpoint: 3 } },
      { id: 2, result: { status: 'stopped', savepoint: '/s' } },
    ])
    await expect(askOwner(folder, { command: 'savepoint', directory: '/s' }, 5000)).rejects.toThrow(
      expect.objectContaining({ name: 'RestoreError', code: 'NO_SAVEPOINT', message: 'none in /s', hint: 'try' }) as Error,
    )
  })

  test.each([
    ['no JSON', 'hello\n', 'INVALID_REQUEST'],
    ['no object', '[1]\n', 'INVALID_REQUEST'],
    ['null', 'null\n', 'INVALID_REQUEST'],
    ['another version', '{"v":2,"id":1,"command":"status"}\n', 'INVALID_REQUEST'],
    ['no command', '{"v":1,"id":1}\n', 'UNKNOWN_COMMAND'],
    ['a command of every object', '{"v":1,"id":1,"command":"constructor"}\n', 'UNKNOWN_COMMAND'],
    ['a relative path', '{"v":1,"id":1,"command":"savepoint","directory":"here"}\n', 'INVALID_REQUEST'],
    ['a path that no system takes', '{"v":1,"id":1,"command":"savepoint","directory":"/a\\u0000b"}\n', 'INVALID_REQUEST'],
    ['a number for a path', '{"v":1,"id":1,"command":"stop","savepoint":7}\n', 'INVALID_REQUEST'],
    ['bytes that are no text', Buffer.from([255, 254, 0, 10]), 'INVALID_REQUEST'],
    ['a line without an end', 'x'.repeat(LINE_BYTES_MAX * 3), 'INVALID_REQUEST'],
    ['a line that is too long', `${'x'.repeat(LINE_BYTES_MAX + 1)}\n`, 'INVALID_REQUEST'],
  ])('answers with an error, and goes on: %s', async (_, bytes, code) => {
    const folder = await listening()
    expect((await say(folder, bytes, 1)).map(({ error }) => error?.code)).toEqual([code])
    expect(await askOwner(folder, { command: 'status' }, 5000)).toMatchObject({ job: 'job' })
  })

  test('can lie in a folder whose path is longer than the system allows for sockets', async () => {
    const folder = await listening(join(scratch, 'long'.repeat(40)))
    expect(await askOwner(folder, { command: 'cancel' }, 5000)).toEqual({ status: 'cancelled' })
  })

  test('that is not there, or does not answer, is told apart', async () => {
    const folder = join(scratch, `root-${roots++}`)
    mkdirSync(folder)
    const reason = (): Promise<unknown> =>
      askOwner(folder, { command: 'status' }, 100).catch((error: unknown) => error instanceof NoAnswerError && error.reason)
    expect(await reason()).toBe('refused')
    listenFor(folder)
    expect(await reason()).toBe('silent')
  })
})
