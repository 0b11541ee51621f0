// What a seed of the simulation stands for, as plain data: it is printed with a failure.
import { Random } from '../../../src/base/random.ts'
import { pick } from '../simulation.ts'
import { BRANCHES, type BranchName } from './branches.ts'
import type { SplitKind } from './numbered-source.ts'

export const FAULT_KINDS = [
  'kill',
  'kill while restoring',
  'power loss',
  'failing function',
  'I/O errors',
  'full disk',
  'slow disk',
  'stuck channel',
  'slow channels',
  'stalled worker',
  'lost wake-ups',
  'clock jump',
  'slow messages',
  'sink outage',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

export interface Fault {
  readonly kind: FaultKind
  /** The part of all records that have been read when it is due, those that are read again after a restart counted again. */
  readonly atShare: number
  /** How much later it begins; and how long it lasts, if it does. */
  readonly delayMs: number
  readonly lastsMs: number
  /** A kill comes with so many calls of the disk and messages more. */
  readonly calls: number
  /** 0 to 1: how often, how slow, or how far. */
  readonly strength: number
}

/** A mistake that the simulation must find. */
export type Mistake = 'sink commits at the barrier' | 'storage does not sync' | 'none'

export interface SimulationOptions {
  readonly seed: number
  readonly splitKind: SplitKind
  /** Of each source; the streams of two are united. */
  readonly sources: readonly { readonly splits: number; readonly rows: number; readonly keys: number }[]
  readonly branches: readonly { readonly name: BranchName; readonly front: 'nothing' | 'map' | 'rebalance'; readonly keepsRows: boolean }[]
  /** Of each start; the last one stays. */
  readonly parallelisms: readonly number[]
  readonly batchRowsMax: number
  readonly ringBytesMax: number
  readonly refusals: number
  /** How many entries of a part are written between two batches. */
  readonly pieceEntries: number
  readonly gapMs: number
  readonly rowsPerBatch: number
  /** How long a round of a worker takes, a message, a call of the disk. */
  readonly roundMs: number
  readonly messageMs: number
  readonly diskMs: number
  readonly checkpoints: {
    readonly intervalMs: number
    readonly minPauseMs: number
    readonly timeoutMs: number
    readonly tolerableFailures: number
    readonly retained: number
    /** When barriers begin to overtake; undefined: never. */
    readonly alignedTimeoutMs: number | undefined
  }
  /** Whether parts may write their changes only. */
  readonly isIncremental: boolean
  readonly faults: readonly Fault[]
  readonly mistake: Mistake
}

const BRANCH_NAMES = Object.keys(BRANCHES) as BranchName[]

/** What a seed stands for. */
export function optionsOf(seed: number, mistake: Mistake = 'none'): SimulationOptions {
  const random = new Random(seed)
  const splitKind = pick<SplitKind>(random, ['slices', 'lanes'])
  const sources = Array.from({ length: 1 + random.integer(2) }, () => ({
    splits: 1 + random.integer(5),
    rows: 20 + random.integer(120),
    keys: 1 + random.integer(8),
  }))
  const batchRowsMax = pick(random, [1, 3, 16, 1000])
  const rowsPerBatch = pick(random, [1, 2, 5, 20])
  const roundMs = pick(random, [0.1, 1])
  const gapMs = pick(random, [0, 5, 50]) * roundMs
  // About how long the job takes, and so how often there is a checkpoint, and how long its steps take.
  const batches = sources.reduce((sum, { rows }) => sum + rows / Math.min(batchRowsMax, rowsPerBatch), 0)
  const usualMs = batches * Math.max(gapMs, roundMs * 2)
  const intervalMs = Math.max(roundMs, usualMs / pick(random, [5, 10, 30]))
  const names = BRANCH_NAMES.filter((name) => splitKind === 'lanes' || !BRANCHES[name].isOrdered)
  const branches = Array.from({ length: 1 + random.integer(3) }, () => {
    const name = names.splice(random.integer(names.length), 1)[0]
    const { isOrdered } = BRANCHES[name]
    return {
      name,
      front: pick(random, isOrdered ? (['nothing', 'map'] as const) : (['nothing', 'map', 'rebalance'] as const)),
      keepsRows: !isOrdered && random.integer(2) === 0,
    }
  })
  const isMoved = random.integer(3) > 0
  // Windows that overlap do not move while their subtasks stand at different times.
  const mayOvertake = !isMoved || !branches.some(({ name }) => name === 'sliding windows')
  // Dice of its own: what the other ones say stays as it was.
  const alignedTimeoutMs = pick(new Random(~seed), [undefined, undefined, 0, intervalMs / 4])
  const pieceEntries = pick(new Random(seed ^ 0x5bd1e995), [1, 3, 10, Infinity])
  const parallelismOf = (): number => pick(random, [1, 2, 2, 3, 4])
  return {
    seed,
    splitKind,
    sources,
    branches,
    parallelisms: Array.from({ length: isMoved ? 8 : 1 }, parallelismOf),
    batchRowsMax,
    ringBytesMax: pick(random, [512, 1024, 4096, 65_536]),
    refusals: pick(random, [0, 0, 0.1, 0.3]),
    pieceEntries,
    gapMs,
    rowsPerBatch,
    roundMs,
    messageMs: intervalMs * pick(random, [0.001, 0.01, 0.1]),
    diskMs: intervalMs * pick(random, [0.001, 0.005, 0.02]),
    checkpoints: {
      intervalMs,
      minPauseMs: pick(random, [0, 0, intervalMs]),
      timeoutMs: pick(random, [2000, 60_000, 600_000]),
      tolerableFailures: pick(random, [0, 0, 2, 1000]),
      retained: pick(random, [1, 2, 3]),
      alignedTimeoutMs: mayOvertake ? alignedTimeoutMs : undefined,
    },
    faults: Array.from({ length: 3 + random.integer(6) }, () => ({
      kind: pick(random, FAULT_KINDS),
      atShare: 0.1 + random.next() * 0.88,
      delayMs: random.next() * intervalMs * 2,
      lastsMs: random.next() * pick(random, [intervalMs, usualMs / 2, usualMs]),
      calls: random.integer(40),
      strength: random.next(),
    })).sort((left, right) => left.atShare - right.atShare),
    isIncremental: random.integer(3) > 0,
    mistake,
  }
}
