// Who owns a job's folder. Owners that die and owners that race are processes of their own: they run the bundled source.
import { buildSync } from 'esbuild'
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { RestoreError } from '../../../src/base/errors.ts'
import { type FileSystem, nodeFileSystem } from '../../../src/base/file-system.ts'
import { JobDirectory } from '../../../src/checkpoint/job-directory.ts'

/** What other processes do between a claim's look at the folder and its own file: run once. */
const between: { act: (() => void) | undefined } = { act: undefined }
const files: FileSystem = {
  ...nodeFileSystem,
  open(path, mode) {
    const { act } = between
    if (act !== undefined && path.includes('/.attempt-')) {
      between.act = undefined
      act()
    }
    return nodeFileSystem.open(path, mode)
  },
}

const scratch = mkdtempSync(join(tmpdir(), 'millrace-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let roots = 0
const newRoot = (): string => join(scratch, `root-${roots++}`)
const claim = (root: string, name: string = 'job', fresh: boolean = false): JobDirectory => JobDirectory.claim(root, name, { fresh }, { files })

/** A refusal whose message holds these words. */
const refusal = (code: string, ...words: readonly string[]): unknown =>
  expect.toSatisfy(
    (error) => error instanceof RestoreError && error.code === code && words.every((word) => error.message.includes(word)),
    `${code}: ${words.join(' ... ')}`,
  )

/** A process that claims and releases when it is told to. */
interface Claimer {
  readonly child: ChildProcess
  ask(question: Question): Promise<Answer>
}
interface Question {
  readonly root: string
  readonly fresh?: boolean
  /** When to claim, by the machine's clock: so that two begin together. */
  readonly at?: number
  readonly release?: boolean
}
interface Answer {
  readonly attempt?: number
  readonly folder?: string
  readonly error?: { readonly name: string; readonly code: string; readonly message: string }
}

const claimerPath = join(scratch, 'claimer.mjs')
buildSync({
  stdin: {
    contents: `
      import { JobDirectory } from './job-directory.ts'
      let directory
      process.on('message', ({ root, fresh = false, at = 0, release = false }) => {
        while (Date.now() < at);
        try {
          if (release) directory.release('failed')
          else directory = JobDirectory.claim(root, 'job', { fresh })
          process.send({ attempt: directory.attempt, folder: directory.folder })
        } catch (error) {
          process.send({ error: { name: error.name, code: error.code, message: error.message } })
        }
      })
      process.send('ready')`,
    resolveDir: fileURLToPath(new URL('../../../src/checkpoint', import.meta.url)),
  },
  bundle: true,
  platform: 'node',
  format: 'esm',
  outfile: claimerPath,
})

const children: ChildProcess[] = []
afterAll(() => children.forEach((child) => child.kill('SIGKILL')))

async function startClaimer(): Promise<Claimer> {
  const child = fork(claimerPath, { execArgv: [] })
  children.push(child)
  await once(child, 'message')
  return {
    child,
    ask: async (question) => {
      const answer = once(child, 'message')
      child.send(question)
      return (await answer)[0] as Answer
    },
  }
}

const hasProc = existsSync('/proc/self/stat')

describe('attempts', () => {
  test('the first is 1; a second process is refused while the first lives, and told its number', () => {
    const root = newRoot()
    const first = claim(root)
    expect(first.attempt).toBe(1)
    expect(first.folder).toBe(join(root, 'job'))
    for (const fresh of [false, true])
      expect(() => claim(root, 'job', fresh)).toThrow(refusal('JOB_RUNNING', 'job "job"', `process ${process.pid} `, first.folder))
    expect(claim(root, 'other').attempt, 'other jobs are not concerned').toBe(1)
  })

  test('what was released goes on with the next number, and only its file is kept', () => {
    const root = newRoot()
    for (let attempt = 1; attempt <= 12; attempt++) {
      const directory = claim(root)
      expect(directory.attempt).toBe(attempt)
      expect(readdirSync(directory.folder).toSorted()).toEqual([`attempt-${attempt}`, 'job.json'])
      directory.release('failed')
    }
  })

  test('the last checkpoint that was noted is known to the next attempt, and to none that begins anew', () => {
    const root = newRoot()
    const first = claim(root)
    expect(first.lastCheckpointId).toBe(0)
    first.noteCheckpoint(7)
    first.noteCheckpoint(8)
    first.release('failed')
    const second = claim(root)
    expect(second.lastCheckpointId).toBe(8)
    second.release('failed')
    const third = claim(root)
    expect(third.lastCheckpointId, 'an attempt without a checkpoint forgets nothing').toBe(8)
    third.release('failed')
    expect(claim(root, 'job', true).lastCheckpointId).toBe(0)
  })

  test('a folder that cannot be made is refused, where Node would try for ever too', () => {
    const file = newRoot()
    writeFileSync(file, '')
    for (const root of [join(file, 'below'), ...(hasProc ? ['/proc/checkpoints'] : [])])
      expect(() => claim(root)).toThrow(
        expect.objectContaining({ name: 'PlanError', code: 'INVALID_OPTION', message: expect.stringContaining(root) as string }),
      )
  })

  test('a job that has finished is not started again', () => {
    const root = newRoot()
    const directory = claim(root)
    directory.release('finished')
    expect(() => claim(root)).toThrow(refusal('JOB_FINISHED', 'job "job"', join(directory.folder, 'job.json')))
    expect(() => claim(root), 'asking changes nothing').toThrow(refusal('JOB_FINISHED'))
  })

  test('fresh moves the folder aside, again and again, with all that is in it, and begins with attempt 1', () => {
    const root = newRoot()
    expect(claim(root, 'job', true).attempt, 'where there is nothing').toBe(1)
    expect(readdirSync(root)).toEqual(['job'])
    // The owner is this process still; it is taken for gone, as after a crash.
    writeFileSync(join(root, 'job', 'attempt-1'), JSON.stringify({ pid: 0 }))
    for (let time = 1; time <= 3; time++) {
      writeFileSync(join(root, 'job', 'kept'), `${time}`)
      const directory = claim(root, 'job', true)
      expect(directory.attempt).toBe(1)
      expect(readdirSync(directory.folder).toSorted()).toEqual(['attempt-1', 'job.json'])
      directory.release(time % 2 === 0 ? 'finished' : 'cancelled')
    }
    expect(readdirSync(root).toSorted()).toEqual(['job', 'job.old-1', 'job.old-2', 'job.old-3'])
    expect([1, 2, 3].map((time) => readFileSync(join(root, `job.old-${time}`, 'kept'), 'utf8'))).toEqual(['1', '2', '3'])
    expect(claim(root).attempt).toBe(2)
  })
})

describe('owners that are gone', () => {
  test('a process that was killed does not hold the job', async () => {
    const root = newRoot()
    for (let attempt = 1; attempt <= 3; attempt++) {
      const { child, ask } = await startClaimer()
      expect(await ask({ root })).toMatchObject({ attempt })
      expect(() => claim(root)).toThrow(refusal('JOB_RUNNING', `process ${child.pid} `))
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    }
    expect(claim(root).attempt).toBe(4)
  })

  test.runIf(hasProc)('a process whose number was given again does not hold it; the one that began then does', () => {
    const root = newRoot()
    const { folder } = claim(root)
    const path = join(folder, 'attempt-1')
    const { pid, started } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; started: string }
    expect(pid).toBe(process.pid)
    expect(() => claim(root)).toThrow(refusal('JOB_RUNNING'))
    writeFileSync(path, JSON.stringify({ pid, started: `${Number(started) - 1}` }))
    expect(claim(root).attempt).toBe(2)
  })

  test.runIf(hasProc)('a killed process that its parent has not asked after does not hold it', async () => {
    const root = newRoot()
    // The shell becomes a program that never asks, as the first process of a container may be.
    const claimer = `import(process.argv[1]).then(() => process.emit('message', { root: process.argv[2] }))`
    const parent = spawn('sh', [
      '-c',
      '"$0" -e "process.send = (said) => console.log(JSON.stringify(said)); $1" "$2" "$3" & exec sleep 1000',
      process.execPath,
      claimer,
      claimerPath,
      root,
    ])
    children.push(parent)
    let said = ''
    for await (const text of parent.stdout.setEncoding('utf8')) {
      said += text
      if (said.includes('attempt')) break
    }
    const { pid } = JSON.parse(readFileSync(join(root, 'job', 'attempt-1'), 'utf8')) as { pid: number }
    // The state of its first thread, and how many threads it has: the others may take a moment longer, and hold the job until then.
    const stateOf = (): readonly (string | undefined)[] => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
      return [fields[0], fields[17]]
    }
    process.kill(pid, 'SIGKILL')
    await expect.poll(stateOf).toEqual(['Z', '1'])
    expect(claim(root).attempt).toBe(2)
  })
})

describe('names', () => {
  const NAMES = [
    ...[
      'job',
      'a/b',
      'a\\b',
      'a_b',
      'a%2fb',
      'a:b',
      'a b',
      'a',
      'a/',
      '/a',
      './a',
      '../a',
      '.a',
      '..a',
      'a.',
      '',
      '.',
      '..',
      '...',
      '/',
      '%',
      '%2e',
      '\0',
      '\n',
    ],
    ...['ü', 'u\u0308', 'Übersicht', 'заказы', '订单', '🦊', '🐻', '🦊🐻', '🐻🦊', 'job.old-1', 'job.old-', 'con', '-', '--fresh', 'job.json', 'attempt-1'],
    ...['x', 'y'].flatMap((end) => [`${'л'.repeat(100)}${end}`, `${'a'.repeat(400)}${end}`]),
  ]

  test('every name has a folder of its own, directly below the root', () => {
    const root = newRoot()
    const folders = NAMES.map((name) => claim(root, name).folder)
    for (const folder of folders) expect(dirname(folder)).toBe(root)
    expect(readdirSync(root).toSorted()).toEqual([...new Set(folders.map((folder) => basename(folder)))].toSorted())
    expect(new Set(folders).size).toBe(NAMES.length)
    expect(readdirSync(dirname(root)), 'nothing beside it').not.toContain('a')
    for (const name of NAMES) expect(() => claim(root, name)).toThrow(refusal('JOB_RUNNING', `"${name}"`))
  })

  test('a name that looks like a folder moved aside does not find that one', () => {
    const root = newRoot()
    claim(root, 'job').release('failed')
    claim(root, 'job', true)
    expect(existsSync(join(root, 'job.old-1'))).toBe(true)
    expect(claim(root, 'job.old-1').attempt).toBe(1)
  })

  test('a plain name is its own folder', () => {
    const root = newRoot()
    for (const name of ['word-count', 'v1.2_final']) expect(claim(root, name).folder).toBe(join(root, name))
  })
})

describe('processes that claim at once', () => {
  /**
   * Two processes claim one folder in the same millisecond, over and over. Each round ends with the winner's release, so that the next meets what the
   * last left: its attempt, whose file the next winner removes, and with `fresh` the folder that is moved while the other looks.
   */
  async function race(rounds: number, fresh: (round: number) => boolean): Promise<JobDirectory> {
    const root = newRoot()
    const claimers = [await startClaimer(), await startClaimer()]
    for (let round = 0; round < rounds; round++) {
      const at = Date.now() + 3
      const answers = await Promise.all(claimers.map(({ ask }) => ask({ root, fresh: fresh(round), at })))
      const winners = answers.flatMap(({ error }, index) => (error === undefined ? [index] : []))
      expect(winners, `round ${round}: ${JSON.stringify(answers)}`).toHaveLength(1)
      const winner = winners[0]
      expect(answers[1 - winner].error, JSON.stringify(answers)).toMatchObject({ name: 'RestoreError', code: 'JOB_RUNNING' })
      expect(answers[1 - winner].error?.message).toContain(`process ${claimers[winner].child.pid} `)
      if (fresh(round)) expect(answers[winner].attempt).toBe(1)
      expect(await claimers[winner].ask({ root, release: true })).not.toHaveProperty('error')
    }
    return claim(root)
  }

  test('exactly one wins, and every attempt has its number', async () => {
    expect((await race(100, () => false)).attempt).toBe(101)
  })

  test('exactly one wins when both begin anew', async () => {
    expect((await race(100, () => true)).attempt).toBe(2)
  })

  test('exactly one wins when now and then both begin anew', async () => {
    expect((await race(60, (round) => round % 4 === 0)).attempt).toBe(5)
  })
})

describe('a claim that is overtaken between its look and its own file', () => {
  // A process that lives as long as this one.
  const other = JSON.stringify({ pid: process.ppid })
  const overtaken = (act: (folder: string) => void, fresh: boolean = false): { readonly folder: string; readonly attempt: () => number } => {
    const root = newRoot()
    const { folder } = claim(root)
    writeFileSync(join(folder, 'attempt-1'), JSON.stringify({ pid: 0 }))
    between.act = () => act(folder)
    return { folder, attempt: () => claim(root, 'job', fresh).attempt }
  }
  const refused = refusal('JOB_RUNNING', `process ${process.ppid} `)

  test.each([false, true])('by one who took its number is refused (fresh: %s)', (fresh) => {
    const { folder, attempt } = overtaken(() => writeFileSync(join(folder, 'attempt-2'), other), fresh)
    expect(attempt).toThrow(refused)
    expect(readdirSync(folder).toSorted()).toEqual(['attempt-1', 'attempt-2', 'job.json'])
  })

  test.each([false, true])('by one who took its number and ended, and another who began then, is refused (fresh: %s)', (fresh) => {
    const { folder, attempt } = overtaken(() => {
      rmSync(join(folder, 'attempt-1'))
      writeFileSync(join(folder, 'attempt-3'), other)
    }, fresh)
    expect(attempt).toThrow(refused)
    expect(readdirSync(folder).toSorted()).toEqual(['attempt-3', 'job.json'])
  })

  test.each([false, true])('by one who moved the folder and began in another is refused (fresh: %s)', (fresh) => {
    const { folder, attempt } = overtaken(() => {
      renameSync(folder, `${folder}.old-1`)
      mkdirSync(folder)
      writeFileSync(join(folder, 'attempt-1'), other)
    }, fresh)
    expect(attempt).toThrow(refused)
    expect(readdirSync(folder)).toEqual(['attempt-1'])
    expect(readdirSync(dirname(folder)).toSorted()).toEqual(['job', 'job.old-1'])
  })

  test('by some who have all ended goes on behind the last', () => {
    const { folder, attempt } = overtaken(() => {
      rmSync(join(folder, 'attempt-1'))
      writeFileSync(join(folder, 'attempt-5'), JSON.stringify({ pid: 0 }))
    })
    expect(attempt()).toBe(6)
    expect(readdirSync(folder).toSorted()).toEqual(['attempt-6', 'job.json'])
  })

  test('by one who finished the job is refused as such', () => {
    const { folder, attempt } = overtaken(() => {
      rmSync(join(folder, 'attempt-1'))
      writeFileSync(join(folder, 'attempt-3'), JSON.stringify({ pid: 0 }))
      writeFileSync(join(folder, 'job.json'), JSON.stringify({ format: 1, job: 'job', status: 'finished', checkpoint: 0 }))
    })
    expect(attempt).toThrow(refusal('JOB_FINISHED'))
    expect(readdirSync(folder).toSorted()).toEqual(['attempt-3', 'job.json'])
  })
})

describe('damaged files', () => {
  const HALVES = ['', '{', '{"pid": 12', '\0\0\0\0', 'null', '[]', '7', '"attempt"', '{}']

  test('those of an attempt are refused, with their path', () => {
    for (const content of [...HALVES, '{"pid":-1}', '{"pid":"12"}', '{"pid":1.5}', '{"started":"1"}'])
      for (const fresh of [false, true]) {
        const root = newRoot()
        const { folder } = claim(root)
        writeFileSync(join(folder, 'attempt-1'), content)
        expect(() => claim(root, 'job', fresh), content).toThrow(refusal('SNAPSHOT_DAMAGED', join(folder, 'attempt-1')))
      }
  })

  test('job.json is refused, with its path; fresh moves it aside', () => {
    for (const content of [...HALVES, '{"format":1,"job":"job"}', '{"format":1,"job":"job","status":"fini']) {
      const root = newRoot()
      const directory = claim(root)
      directory.release('failed')
      writeFileSync(join(directory.folder, 'job.json'), content)
      expect(() => claim(root), content).toThrow(refusal('SNAPSHOT_DAMAGED', join(directory.folder, 'job.json')))
      expect(claim(root, 'job', true).attempt).toBe(1)
    }
  })

  test('a link that leads nowhere is refused, not tried forever', () => {
    const root = newRoot()
    mkdirSync(root)
    symlinkSync(join(scratch, 'nowhere'), join(root, 'job'))
    expect(() => claim(root)).toThrow(refusal('SNAPSHOT_DAMAGED', join(root, 'job')))
  })

  test('what is not a file of ours changes nothing', () => {
    const root = newRoot()
    const { folder } = claim(root)
    for (const name of ['attempt-', 'attempt-2.tmp', '.attempt-7-1', 'attempt-x', 'attempt--3']) writeFileSync(join(folder, name), '{')
    mkdirSync(join(folder, 'chk-1'))
    writeFileSync(join(folder, 'attempt-1'), JSON.stringify({ pid: 0 }))
    expect(claim(root).attempt).toBe(2)
  })
})
