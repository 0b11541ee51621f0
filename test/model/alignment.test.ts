// Aligned barriers at a task of several inputs (runtime/input-gate.ts, runtime/pending-checkpoint.ts), every order of events: sources that send, are
// idle, or end at any time, channels that are full, a checkpoint that is given up while its barriers are still under way. What must hold: a complete
// checkpoint is a cut: of each source the task has counted exactly the records in front of the barrier. And nothing stands still for ever.
import { expect, test } from 'vitest'
import { copyOf, type Model, report, search } from './search.ts'

interface Options {
  readonly inputs: number
  readonly records: number
  readonly capacity: number
  readonly checkpoints: number
  readonly bug?: 'channels are not held' | 'ended inputs are waited for' | 'barriers of checkpoints that were given up are left out'
}

/** What a channel carries: a record, a barrier's number, the end. */
type Element = 'record' | 'end' | number

interface State {
  /** Per source: records sent, the last barrier that it has dealt with, whether it has ended. */
  readonly sent: number[]
  readonly barriers: number[]
  readonly ended: boolean[]
  readonly channels: Element[][]
  /** The gate: channels held, ends seen, the barrier for which channels are held (0: none). */
  readonly held: boolean[]
  readonly endsSeen: boolean[]
  aligning: number
  /** Records that the task has counted, per input. */
  readonly counted: number[]
  /** The coordinator: the last number given, the checkpoint under way (0: none), and what parts have written, by checkpoint. */
  begun: number
  pending: number
  givenUp: number
  readonly sources: (number | null)[][]
  readonly snapshots: (number[] | null)[]
  problem: string
}

function alignment({ inputs, records, capacity, checkpoints, bug }: Options): Model<State> {
  const all = Array.from({ length: inputs }, (_, index) => index)
  const each = <Value>(value: () => Value): Value[] => all.map(value)

  const release = (state: State): void => {
    const isComplete = all.every((input) => state.held[input] || (bug !== 'ended inputs are waited for' && state.endsSeen[input]))
    if (state.aligning === 0 || !isComplete) return
    state.snapshots[state.aligning] = [...state.counted]
    state.aligning = 0
    for (const input of all) state.held[input] = false
  }
  const take = (state: State, input: number): void => {
    const element = state.channels[input].shift()!
    if (element === 'record') state.counted[input]++
    else if (element === 'end') {
      state.endsSeen[input] = true
      release(state)
    } else {
      if (state.aligning !== 0 && state.aligning !== element) state.problem = 'barriers of two checkpoints meet'
      state.aligning = element
      state.held[input] = true
      release(state)
    }
  }
  /** What a part has written, or has left at its end; null while it is missing. */
  const positionOf = (state: State, input: number): number | null => state.sources[state.pending][input] ?? (state.ended[input] ? state.sent[input] : null)
  const countsOf = (state: State): number[] | null => state.snapshots[state.pending] ?? (state.endsSeen.every(Boolean) ? state.counted : null)

  return {
    initial: {
      sent: each(() => 0),
      barriers: each(() => 0),
      ended: each(() => false),
      channels: each(() => []),
      held: each(() => false),
      endsSeen: each(() => false),
      aligning: 0,
      counted: each(() => 0),
      ...{ begun: 0, pending: 0, givenUp: 0 },
      sources: Array.from({ length: checkpoints + 1 }, () => each(() => null)),
      snapshots: Array.from({ length: checkpoints + 1 }, () => null),
      problem: '',
    },
    *steps(state) {
      const change = (act: (next: State) => void): State => {
        const next = copyOf(state)
        act(next)
        return next
      }
      for (const input of all) {
        const hasRoom = state.channels[input].length < capacity
        if (!state.ended[input] && hasRoom) {
          // A source that sends nothing for long is idle: that is one of the orders.
          if (state.sent[input] < records)
            yield [
              `source ${input} sends`,
              change((next) => {
                next.sent[input]++
                next.channels[input].push('record')
              }),
            ]
          if (state.barriers[input] < state.begun)
            yield [
              `source ${input} sends a barrier`,
              change((next) => {
                const number = ++next.barriers[input]
                if (bug === 'barriers of checkpoints that were given up are left out' && number !== next.pending) return
                next.sources[number][input] = next.sent[input]
                next.channels[input].push(number)
              }),
            ]
          yield [
            `source ${input} ends`,
            change((next) => {
              next.ended[input] = true
              next.channels[input].push('end')
            }),
          ]
        }
        if ((!state.held[input] || bug === 'channels are not held') && state.channels[input].length > 0)
          yield [`the task takes from ${input}`, change((next) => take(next, input))]
      }
      if (state.pending === 0 && state.begun < checkpoints) yield ['a checkpoint begins', change((next) => (next.pending = ++next.begun))]
      if (state.pending !== 0) {
        if (state.givenUp === 0)
          yield [
            'the checkpoint is given up',
            change((next) => {
              next.givenUp++
              next.pending = 0
            }),
          ]
        const counts = countsOf(state)
        const positions = all.map((input) => positionOf(state, input))
        if (counts !== null && positions.every((position) => position !== null))
          yield [
            'the checkpoint is complete',
            change((next) => {
              next.pending = 0
              if (counts.some((count, input) => count !== positions[input])) next.problem = `the task has counted ${counts.join()} of ${positions.join()}`
            }),
          ]
      }
    },
    problem: ({ problem }) => (problem === '' ? undefined : problem),
    isEnd: ({ endsSeen, pending, channels }) => endsSeen.every(Boolean) && pending === 0 && channels.every((channel) => channel.length === 0),
  }
}

test.each<Options & { readonly states: number }>([
  { inputs: 2, records: 2, capacity: 2, checkpoints: 2, states: 10_000 },
  { inputs: 3, records: 1, capacity: 2, checkpoints: 1, states: 10_000 },
])('every complete checkpoint is a cut, and nothing stands still: $inputs inputs, $records records, $checkpoints checkpoints', ({ states, ...options }) => {
  const found = search(alignment(options))
  report(`alignment of ${options.inputs} inputs`, found)
  expect(found.violation).toBeUndefined()
  expect(found.endCount).toBeGreaterThan(0)
  expect(found.stateCount).toBeGreaterThan(states)
})

test.each<{ readonly bug: NonNullable<Options['bug']>; readonly problem: RegExp }>([
  { bug: 'channels are not held', problem: /has counted|barriers of two checkpoints meet/ },
  { bug: 'ended inputs are waited for', problem: /nothing can go on/ },
  { bug: 'barriers of checkpoints that were given up are left out', problem: /barriers of two checkpoints meet/ },
])('the search finds it if $bug', ({ bug, problem }) => {
  const found = search(alignment({ inputs: 2, records: 2, capacity: 2, checkpoints: 2, bug }))
  report(bug, found)
  expect(found.violation?.problem).toMatch(problem)
})
