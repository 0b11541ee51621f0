// The two-phase commit of sinks, from the barrier to the names of files (operator/basic/sink-operator.ts, runtime/checkpoint-coordinator.ts,
// checkpoint/job-directory.ts), with a crash between any two steps, also in a restore, a change of the number of writers, and a process that was only
// stopped (SIGSTOP) when the next one began. What must hold: readers never see a record twice, nor a file without the checkpoint that covers it; and
// when the job has finished, every record is there. The order that makes it so:
//
//   1. a writer closes its file (prepares it) and writes that into its state, with how far the source has come;
//   2. the state is published as a checkpoint, whole or not at all;
//   3. only then files get their names (commit), which may be done again: a file that has its name already is left alone;
//   4. a restore commits everything that its checkpoint holds as prepared, every writer all of it, before it removes what no checkpoint knows;
//   5. behind the end of the input a last checkpoint covers what was written last;
//   6. the next owner begins only when the last one can do nothing any more.
import { expect, test } from 'vitest'
import { copyOf, type Model, report, search } from './search.ts'

interface Options {
  readonly records: number
  readonly crashes: number
  /** Whether the processes that crash may be ones that wake up again. */
  readonly zombies: boolean
  readonly bug?:
    | 'files get their names before the checkpoint is published'
    | 'a restore does not commit again'
    | 'a commit that was done is an error'
    | 'writers commit only their own files before they remove others'
    | 'the end of the input needs no checkpoint'
    | 'the next owner does not wait for the last one to be dead'
}

/** A file: who wrote it, its number, and the records in it. */
interface File {
  readonly name: string
  readonly records: readonly number[]
}

/** What a checkpoint holds. */
interface Checkpoint {
  readonly position: number
  readonly prepared: readonly File[]
  readonly files: number
  /** Records of the file in progress: what stands behind them is cut off by a restore. */
  readonly open: readonly number[]
  readonly hasEnded: boolean
}

/** One process. */
interface Process {
  /** Records read. */
  position: number
  /** Records in the file in progress. */
  open: number[]
  /** Files begun, over all processes: they have numbers. */
  files: number
  prepared: File[]
  hasEnded: boolean
  /** The checkpoint on its way, and how far it is. */
  snapshot: Checkpoint | null
  isPublished: boolean
  /** What a restore still has to do: for each writer, the files that it is to commit; then it removes what it does not know. */
  restoring: { commits: File[]; removesOf: number }[]
  isFinished: boolean
}

interface State {
  process: Process | null
  /** One that was stopped. */
  zombie: Process | null
  /** The disk: files in progress and with their names, the newest checkpoint, whether the job says that it has finished. */
  inProgress: File[]
  named: File[]
  checkpoint: Checkpoint | null
  isFinished: boolean
  crashes: number
  problem: string
}

const NEW: Process = {
  ...{ position: 0, open: [], files: 0, prepared: [], hasEnded: false, snapshot: null, isPublished: false, restoring: [], isFinished: false },
}

function twoPhaseCommit({ records, crashes, zombies, bug }: Options): Model<State> {
  const put = (files: File[], file: File): void => {
    const at = files.findIndex(({ name }) => name === file.name)
    if (at >= 0) files.splice(at, 1)
    files.push(file)
    files.sort((left, right) => (left.name < right.name ? -1 : 1))
  }
  const commit = (state: State, { name, records: written }: File): void => {
    const at = state.inProgress.findIndex((file) => file.name === name)
    const isThere = state.named.some((file) => file.name === name)
    if (at < 0) {
      if (isThere && bug !== 'a commit that was done is an error') return
      state.problem = isThere ? `${name} cannot be committed again` : `${name} is to be committed and is nowhere`
      return
    }
    const [file] = state.inProgress.splice(at, 1)
    if (file.records.join() !== written.join()) state.problem = `${name} holds ${file.records.join()}, and was prepared with ${written.join()}`
    put(state.named, file)
  }
  /** The file in progress, on disk as it is in the process. */
  const nameOf = (process: Process): string => `part-${process.files}`
  const snapshotOf = ({ position, prepared, files, open, hasEnded }: Process): Checkpoint => copyOf({ position, prepared, files, open, hasEnded })
  const isIdle = (process: Process): boolean => process.restoring.length === 0

  /** What a process may do. */
  const actions: readonly (readonly [string, (process: Process, state: State) => boolean, (process: Process, state: State) => void])[] = [
    [
      'reads and writes a record',
      (process) => isIdle(process) && process.position < records,
      (process, state) => {
        process.open.push(process.position++)
        put(state.inProgress, { name: nameOf(process), records: [...process.open] })
      },
    ],
    [
      'comes to the end of its input',
      (process) => isIdle(process) && process.position === records && !process.hasEnded,
      (process) => {
        process.hasEnded = true
        if (process.open.length > 0) process.prepared.push({ name: nameOf(process), records: process.open })
        if (process.open.length > 0) process.files++
        process.open = []
        if (bug === 'the end of the input needs no checkpoint')
          process.snapshot ??= { position: -1, prepared: process.prepared, files: 0, open: [], hasEnded: true }
        if (bug === 'the end of the input needs no checkpoint') process.isPublished = true
      },
    ],
    [
      'prepares and snapshots',
      (process) => isIdle(process) && process.snapshot === null && !process.isFinished && (process.open.length > 0 || process.hasEnded),
      (process) => {
        if (process.open.length > 0) {
          process.prepared.push({ name: nameOf(process), records: process.open })
          process.files++
          process.open = []
        }
        process.snapshot = snapshotOf(process)
      },
    ],
    [
      'snapshots, and goes on with its file',
      (process) => isIdle(process) && process.snapshot === null && !process.hasEnded && process.open.length > 0,
      (process) => (process.snapshot = snapshotOf(process)),
    ],
    [
      'publishes the checkpoint',
      (process) => process.snapshot !== null && !process.isPublished,
      (process, state) => {
        state.checkpoint = process.snapshot
        process.isPublished = true
      },
    ],
    [
      'commits a file',
      (process) =>
        process.snapshot !== null &&
        process.snapshot.prepared.length > 0 &&
        (process.isPublished || bug === 'files get their names before the checkpoint is published'),
      (process, state) => {
        const file = process.snapshot!.prepared[0]
        commit(state, file)
        process.snapshot = { ...process.snapshot!, prepared: process.snapshot!.prepared.slice(1) }
        process.prepared = process.prepared.filter(({ name }) => name !== file.name)
      },
    ],
    [
      'is done with the checkpoint',
      (process) => process.snapshot !== null && process.isPublished && process.snapshot.prepared.length === 0,
      (process) => {
        if (process.snapshot!.hasEnded && process.hasEnded) process.isFinished = true
        process.snapshot = null
        process.isPublished = false
      },
    ],
    ['says that the job has finished', (process, state) => process.isFinished && isIdle(process) && !state.isFinished, (_, state) => (state.isFinished = true)],
  ]
  /** Each writer of a restored job commits, then removes; in any order with the others. */
  const restore = function* (state: State): Iterable<readonly [string, State]> {
    for (const [index, writer] of (state.process?.restoring ?? []).entries()) {
      const next = copyOf(state)
      const mine = next.process!.restoring[index]
      if (writer.commits.length > 0) commit(next, mine.commits.shift()!)
      else {
        next.process!.restoring.splice(index, 1)
        // Of the files that no checkpoint knows, those whose numbers are its own.
        const { open } = next.process!
        const kept = open.length > 0 ? nameOf(next.process!) : ''
        next.inProgress = next.inProgress.filter(({ name }) => name === kept || Number(name.slice('part-'.length)) % 2 !== mine.removesOf)
      }
      yield [writer.commits.length > 0 ? `writer ${index} commits ${writer.commits[0].name} again` : `writer ${index} removes what nobody knows`, next]
    }
  }
  const start = (checkpoint: Checkpoint | null, writers: number): Process => {
    const { position = 0, prepared = [], files = 0, open = [], hasEnded = false } = checkpoint ?? {}
    const mine = (writer: number): File[] => {
      if (bug === 'a restore does not commit again') return []
      if (bug === 'writers commit only their own files before they remove others') return prepared.filter((_, index) => index % writers === writer)
      return [...prepared]
    }
    const restoring = Array.from({ length: writers }, (_, writer) => ({ commits: mine(writer), removesOf: writers === 1 ? 0 : 1 - writer }))
    if (writers === 1) restoring.push({ commits: mine(0), removesOf: 1 })
    return copyOf({ ...NEW, position, files, open: [...open], hasEnded, isFinished: hasEnded, restoring })
  }

  return {
    initial: { process: copyOf(NEW), zombie: null, inProgress: [], named: [], checkpoint: null, isFinished: false, crashes: 0, problem: '' },
    *steps(state) {
      for (const [role, process] of [['', state.process] as const, ['the zombie ', state.zombie] as const]) {
        if (process === null) continue
        for (const [name, may, act] of actions) {
          if (!may(process, state)) continue
          const next = copyOf(state)
          act(role === '' ? next.process! : next.zombie!, next)
          yield [`${role}${name}`, next]
        }
      }
      yield* restore(state)
      if (state.process !== null && state.crashes < crashes) {
        const next = copyOf(state)
        next.crashes++
        next.process = null
        yield ['the process is killed', next]
        if (zombies && state.zombie === null) {
          const stopped = copyOf(next)
          stopped.zombie = copyOf(state.process)
          yield ['the process is stopped', stopped]
        }
      }
      if (state.zombie !== null) {
        const next = copyOf(state)
        next.zombie = null
        yield ['the zombie is killed', next]
      }
      const mayStart = state.zombie === null || bug === 'the next owner does not wait for the last one to be dead'
      if (state.process === null && !state.isFinished && mayStart)
        for (const writers of [1, 2]) {
          const next = copyOf(state)
          next.process = start(state.checkpoint, writers)
          const { open } = next.process
          const file = next.inProgress.find(({ name }) => name === nameOf(next.process!))
          if (open.length > 0 && (file === undefined || file.records.length < open.length)) next.problem = 'the file in progress is shorter than it was'
          if (open.length > 0) put(next.inProgress, { name: nameOf(next.process), records: [...open] })
          yield [`a process starts, with ${writers} writers`, next]
        }
    },
    problem(state) {
      if (state.problem !== '') return state.problem
      const seen = state.named.flatMap((file) => file.records)
      if (new Set(seen).size < seen.length) return `readers see a record twice: ${seen.join()}`
      const covered = state.checkpoint?.position ?? 0
      if (seen.some((record) => record >= covered)) return `readers see ${seen.join()}, and the checkpoint covers ${covered} records`
      if (state.isFinished && seen.length < records) return `the job has finished, and readers see ${seen.length} of ${records} records`
      return undefined
    },
    isEnd: ({ isFinished }) => isFinished,
  }
}

test.each<Options & { readonly states: number }>([
  { records: 4, crashes: 3, zombies: false, states: 3000 },
  { records: 3, crashes: 3, zombies: true, states: 3000 },
])('each record is seen once, whatever crashes when: $records records, $crashes crashes, zombies $zombies', ({ states, ...options }) => {
  const found = search(twoPhaseCommit(options))
  report(`two-phase commit, ${options.crashes} crashes${options.zombies ? ', zombies' : ''}`, found)
  expect(found.violation).toBeUndefined()
  expect(found.endCount).toBeGreaterThan(0)
  expect(found.stateCount).toBeGreaterThan(states)
})

test.each<{ readonly bug: NonNullable<Options['bug']>; readonly problem: RegExp }>([
  { bug: 'files get their names before the checkpoint is published', problem: /the checkpoint covers/ },
  { bug: 'a restore does not commit again', problem: /nowhere|has finished/ },
  { bug: 'a commit that was done is an error', problem: /cannot be committed again/ },
  { bug: 'writers commit only their own files before they remove others', problem: /nowhere|has finished/ },
  { bug: 'the end of the input needs no checkpoint', problem: /the checkpoint covers/ },
  { bug: 'the next owner does not wait for the last one to be dead', problem: /twice|holds|nowhere|covers|has finished/ },
])('the search finds it if $bug', ({ bug, problem }) => {
  const found = search(twoPhaseCommit({ records: 2, crashes: 2, zombies: true, bug }))
  report(bug, found)
  expect(found.violation?.problem).toMatch(problem)
})
