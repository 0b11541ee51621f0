// Unaligned checkpoints at a task between two sources and a sink, every order of events: a design aid, and the proof that these rules are enough.
// A channel is a queue on the sender's side and one on the receiver's.
//
//   1. A task may take its snapshot at any time from when the first barrier of a checkpoint has come to it, from any channel: at once, whatever is
//      queued in front of the barrier, or when waiting for the others has taken too long; a channel whose barrier is at its head is held until then.
//      Once all have come to the head of their channels it is an aligned checkpoint, with nothing in flight.
//   2. What is queued on an input in front of its barrier is part of the snapshot: of the channel that brought the barrier what it has overtaken; of
//      each other channel what is queued now, and then what comes until its own barrier does. All of it is processed too, as ever. What comes behind
//      the barrier is no part of it.
//   3. The barrier goes to the outputs at once, in front of what is queued there on the sender's side, which is part of the snapshot as well.
//   4. An input that has ended has no barrier: its end counts as one. What is queued in front of the end is part of the snapshot. A task whose inputs
//      have all ended without a barrier leaves what it has at its end, and so does everybody behind it.
//   5. The snapshot is complete when the barriers (or ends) of all inputs have come; of two checkpoints only one is under way.
//   6. A restore puts what was in flight where it was, in its order and in front of everything that sources read from then on: what was queued on an
//      output goes to the receiver before anything that the task makes anew, what was queued on an input to the task before anything from the source.
//   7. Sources write their position in front of which all has been sent, and what they have not been able to send is part of their own snapshot
//      (rule 3): so nothing is read again that is in flight.
//
// What must hold: behind a restore from the checkpoint the task has each record once in its state, and the sink each once and in the order of its
// source; without a restore too.
import { expect, test } from 'vitest'
import { copyOf, type Model, report, search } from './search.ts'

interface Options {
  /** Of each source. */
  readonly records: readonly number[]
  readonly capacity: number
  readonly bug?:
    | 'what comes in front of a late barrier is left out'
    | 'what the barrier overtakes on an output is left out'
    | 'what comes behind a barrier is taken down too'
    | 'what was in flight is replayed behind new records'
    | 'an input that has ended is waited for'
    | 'what was in flight on an input is taken down and not processed'
}

/** A record is `source * 10 + number`; 'B' a barrier, 'E' the end. */
type Element = number | 'B' | 'E'

interface Channel {
  sending: Element[]
  received: Element[]
}

/** What a part of the job writes. */
interface TaskSnapshot {
  /** Of each source, as {@link State.processed}. */
  readonly processed: number[]
  /** In flight in front of the barrier, by input. */
  readonly inputs: number[][]
  /** Overtaken by the barrier on the output. */
  readonly output: number[]
}

interface State {
  /** Per source: the next number. */
  readonly next: number[]
  readonly ended: boolean[]
  readonly inputs: Channel[]
  readonly output: Channel
  /** Records of each source that the task has processed, and that the sink has; which ones, the order says. */
  processed: number[]
  delivered: number[]
  problem: string
  /** Per input of the task: whether its barrier or end has come, and whether its end has been taken. */
  readonly barriers: boolean[]
  readonly ends: boolean[]
  taskEnded: boolean
  sinkEnded: boolean
  hasBegun: boolean
  sourceSnapshots: ({ readonly next: number; readonly output: number[]; readonly ended: boolean } | null)[]
  task: TaskSnapshot | null
  sink: number[] | null
  isComplete: boolean
  hasRestored: boolean
}

const SOURCES = [0, 1]
const sourceOf = (record: number): number => Math.floor(record / 10)

const newChannel = (): Channel => ({ sending: [], received: [] })
const INITIAL: State = {
  next: [0, 0],
  ended: [false, false],
  inputs: [newChannel(), newChannel()],
  output: newChannel(),
  processed: [0, 0],
  delivered: [0, 0],
  problem: '',
  barriers: [false, false],
  ends: [false, false],
  ...{ taskEnded: false, sinkEnded: false, hasBegun: false },
  sourceSnapshots: [null, null],
  task: null,
  sink: null,
  ...{ isComplete: false, hasRestored: false },
}

function unaligned({ records, capacity, bug }: Options): Model<State> {
  const isRecord = (element: Element): element is number => typeof element === 'number'
  /** Once the task has begun its snapshot, and at the sink, a barrier is noticed wherever it is among what has been received. */
  const notice = (state: State): void => {
    for (const [input, { received }] of state.inputs.entries()) {
      const at = received.indexOf('B')
      if (at < 0 || state.task === null) continue
      received.splice(at, 1)
      // What it has overtaken was taken down when the snapshot began, or as it came.
      state.barriers[input] = true
    }
    const { received } = state.output
    const at = received.indexOf('B')
    if (at < 0) return
    // The sink has one input, and all that was in front of the barrier there is in flight on its input: as good as delivered.
    const delivered = [...state.delivered]
    for (const record of received.slice(0, at).filter(isRecord)) delivered[sourceOf(record)]++
    state.sink = delivered
    received.splice(at, 1)
  }
  /** The next record comes to the task or to the sink. */
  const count = (state: State, what: string, counts: number[], record: number): void => {
    const [source, number] = [sourceOf(record), record % 10]
    if (number < counts[source]) state.problem = `${what} has record ${number} of source ${source} twice`
    if (number > counts[source]) state.problem = `${what} has record ${number} of source ${source} and not all before it`
    counts[source]++
  }
  const begin = (state: State): void => {
    state.task = {
      processed: [...state.processed],
      inputs: state.inputs.map(({ received }) => inFront(received)),
      output: bug === 'what the barrier overtakes on an output is left out' ? [] : state.output.sending.filter(isRecord),
    }
    if (bug === 'what was in flight on an input is taken down and not processed')
      for (const { received } of state.inputs) {
        const at = received.findIndex((element) => !isRecord(element))
        received.splice(0, at < 0 ? received.length : at)
      }
    state.output.sending.unshift('B')
  }
  const inFront = (received: readonly Element[]): number[] => {
    const at = received.indexOf('B')
    return (at < 0 ? received : received.slice(0, at)).filter(isRecord)
  }
  /** An element arrives on the task's side of a channel. */
  const arrive = (state: State, input: number, element: Element): void => {
    const { task, barriers } = state
    const isTakenDown = bug === 'what comes behind a barrier is taken down too' || !barriers[input]
    if (task !== null && isRecord(element) && isTakenDown && bug !== 'what comes in front of a late barrier is left out' && !state.isComplete)
      task.inputs[input].push(element)
    state.inputs[input].received.push(element)
    // Behind it nothing comes.
    if (element === 'E' && bug !== 'an input that has ended is waited for') state.barriers[input] = true
  }
  const restored = (state: State): State => {
    const { task, sourceSnapshots, sink } = state
    // Nothing else is left of what was.
    const next = copyOf(INITIAL)
    next.hasBegun = next.isComplete = next.hasRestored = true
    next.processed = [...task!.processed]
    next.delivered = [...sink!]
    next.output.sending.push(...task!.output)
    for (const source of SOURCES) {
      const { next: number, output, ended } = sourceSnapshots[source]!
      next.next[source] = number
      next.ended[source] = ended
      const channel = next.inputs[source]
      channel.received = [...task!.inputs[source]]
      channel.sending = ended ? [...output, 'E'] : [...output]
      if (bug === 'what was in flight is replayed behind new records' && number < records[source]) {
        channel.received.unshift(source * 10 + number)
        next.next[source]++
      }
    }
    return next
  }

  return {
    initial: INITIAL,
    *steps(state) {
      const change = (act: (next: State) => void): State => {
        const next = copyOf(state)
        act(next)
        notice(next)
        return next
      }
      for (const source of SOURCES) {
        const { sending, received } = state.inputs[source]
        const hasRoom = sending.filter(isRecord).length < capacity
        if (!state.ended[source] && hasRoom && state.next[source] < records[source])
          yield [`source ${source} sends`, change((next) => next.inputs[source].sending.push(source * 10 + next.next[source]++))]
        if (!state.ended[source] && state.next[source] === records[source])
          yield [
            `source ${source} ends`,
            change((next) => {
              next.ended[source] = true
              next.inputs[source].sending.push('E')
              if (next.hasBegun && !next.isComplete && next.sourceSnapshots[source] === null) next.sourceSnapshots[source] = endOf(next.next[source])
            }),
          ]
        if (state.hasBegun && !state.isComplete && !state.ended[source] && state.sourceSnapshots[source] === null)
          yield [
            `source ${source} sends a barrier`,
            change((next) => {
              next.sourceSnapshots[source] = { next: next.next[source], output: next.inputs[source].sending.filter(isRecord), ended: false }
              next.inputs[source].sending.unshift('B')
            }),
          ]
        if (sending.length > 0 && (!isRecord(sending[0]) || received.filter(isRecord).length < capacity))
          yield [`channel ${source} moves`, change((next) => arrive(next, source, next.inputs[source].sending.shift()!))]
        const hasOutput = state.output.sending.filter(isRecord).length < capacity
        // At a barrier it waits, as in an aligned checkpoint.
        if (received.length > 0 && received[0] !== 'B' && hasOutput)
          yield [
            `the task takes from ${source}`,
            change((next) => {
              const element = next.inputs[source].received.shift()!
              if (!isRecord(element)) next.ends[source] = true
              else {
                count(next, 'the task', next.processed, element)
                next.output.sending.push(element)
              }
            }),
          ]
      }
      // Whenever it likes: when the first barrier comes, when waiting for the others has taken too long, or when all have come.
      if (state.task === null && state.inputs.some((channel) => channel.received.includes('B'))) yield ['the task begins its snapshot', change(begin)]
      if (!state.taskEnded && state.ends.every(Boolean))
        yield [
          'the task ends',
          change((next) => {
            next.taskEnded = true
            next.output.sending.push('E')
            if (next.hasBegun) next.task ??= { processed: [...next.processed], inputs: [[], []], output: [] }
          }),
        ]
      const { sending, received } = state.output
      if (sending.length > 0 && (!isRecord(sending[0]) || received.filter(isRecord).length < capacity))
        yield ['the output moves', change((next) => next.output.received.push(next.output.sending.shift()!))]
      if (received.length > 0)
        yield [
          'the sink takes',
          change((next) => {
            const element = next.output.received.shift()!
            if (isRecord(element)) count(next, 'the sink', next.delivered, element)
            else {
              next.sinkEnded = true
              if (next.hasBegun) next.sink ??= [...next.delivered]
            }
          }),
        ]
      // Not behind the end of a source: that has another rule (model of alignment).
      if (!state.hasBegun && !state.ended.some(Boolean)) yield ['a checkpoint begins', change((next) => (next.hasBegun = true))]
      if (
        !state.isComplete &&
        state.sourceSnapshots.every((one) => one !== null) &&
        state.task !== null &&
        state.barriers.every(Boolean) &&
        state.sink !== null
      )
        yield ['the checkpoint is complete', change((next) => (next.isComplete = true))]
      if (state.isComplete && !state.hasRestored) yield ['a crash, and a restore', restored(state)]
    },
    problem: ({ problem }) => (problem === '' ? undefined : problem),
    isEnd: (state) => state.sinkEnded && state.delivered.every((count, source) => count === records[source]) && (!state.hasBegun || state.isComplete),
  }

  /** A source that ends while the checkpoint is under way: it has sent all, and its end stands for the barrier. */
  function endOf(next: number): { readonly next: number; readonly output: number[]; readonly ended: boolean } {
    return { next, output: [], ended: true }
  }
}

test('behind a restore from an unaligned checkpoint each record is there once and in its order', () => {
  const found = search(unaligned({ records: [2, 1], capacity: 1 }))
  report('unaligned checkpoints', found)
  expect(found.violation).toBeUndefined()
  expect(found.endCount).toBeGreaterThan(0)
  expect(found.stateCount).toBeGreaterThan(10_000)
})

test.each<{ readonly bug: NonNullable<Options['bug']>; readonly problem: RegExp }>([
  { bug: 'what comes in front of a late barrier is left out', problem: /not all/ },
  { bug: 'what the barrier overtakes on an output is left out', problem: /not all/ },
  { bug: 'what comes behind a barrier is taken down too', problem: /twice|not all before it/ },
  { bug: 'what was in flight is replayed behind new records', problem: /not all before it|twice/ },
  { bug: 'an input that has ended is waited for', problem: /nothing can go on/ },
  { bug: 'what was in flight on an input is taken down and not processed', problem: /not all/ },
])('the search finds it if $bug', ({ bug, problem }) => {
  const found = search(unaligned({ records: [2, 1], capacity: 1, bug }))
  report(bug, found)
  expect(found.violation?.problem).toMatch(problem)
})
