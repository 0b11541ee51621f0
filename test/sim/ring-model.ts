// The ring's own code under every interleaving. Not a model of it: the sources of src/ring are bundled and rewritten so that each `Atomics` call
// first yields to a scheduler (methods become generators), then all schedules are walked depth first. A bug is seeded by a change of the source.
// Invariant: code between two yields runs alone, which is sound as long as frames are data-race free, and that is what the programs check.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** One replacement in a source file; it must match. */
export interface Change {
  readonly file: string
  readonly from: string | RegExp
  readonly to: string
}

/** A method that was rewritten: it yields before each atomic step. */
export type Steps<Result> = Generator<undefined, Result, undefined>

export interface ModelDoorbell {
  park(hasWork: () => Steps<boolean>, timeoutMs: number): Steps<boolean>
  post(): Steps<boolean>
  takeMail(): Steps<void>
}

export interface ModelRing {
  readonly frameLength: number
  readonly frameKind: number
  readonly frameLengthMax: number
  tryClaim(length: number): Steps<number>
  commit(kind: number, length: number): void
  publish(): Steps<void>
  isCreditGranted(): Steps<boolean>
  closeProducer(): Steps<void>
  poll(): Steps<number>
  release(): Steps<void>
  hasFrame(): Steps<boolean>
  closeConsumer(): Steps<void>
  isConsumerClosed(): Steps<boolean>
  isProducerClosed(): Steps<boolean>
  isDrained(): Steps<boolean>
  /** Values of its private fields: added here, so that states can be compared. */
  privateState(): readonly number[]
}

interface RingCode {
  readonly SpscRing: {
    new (buffer: ArrayBufferLike, byteOffset: number, capacityBytes: number, doorbells: { producer: ModelDoorbell; consumer: ModelDoorbell }): ModelRing
    initialize(buffer: ArrayBufferLike, byteOffset: number, capacityBytes: number, startPosition: number): void
  }
  readonly Doorbell: new (buffer: ArrayBufferLike, byteOffset: number, timeoutMsMax: number) => ModelDoorbell
}

/** Methods with an `Atomics` call in them or below them. */
const STEPPED = [
  'tryClaim',
  'publish',
  'freeBytes',
  'isCreditGranted',
  'closeProducer',
  'isConsumerClosed',
  '#renewCredit',
  'poll',
  'release',
  'hasFrame',
  'closeConsumer',
  'isProducerClosed',
  'isDrained',
  '#grantCredit',
  'ring',
  'post',
  'takeMail',
  'hasMail',
  'park',
  'tryPark',
  'unpark',
]
const CALL = new RegExp(`\\b(?:Atomics\\.\\w+|(?:this|doorbell)(?:\\.#\\w+)?\\??\\.(?:${STEPPED.join('|')})|hasWork)\\(`, 'g')
const METHOD = new RegExp(`^  (${STEPPED.join('|')})\\(`)

/** Bundles src/ring with `changes` applied, and turns it into steps. */
export async function loadRingCode(changes: readonly Change[]): Promise<(atomics: SteppedAtomics) => RingCode> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const unused = new Set(changes)
  const { outputFiles } = await build({
    stdin: { contents: `export * from './src/ring/spsc-ring.ts'\nexport * from './src/ring/parking.ts'`, resolveDir: root },
    bundle: true,
    write: false,
    format: 'cjs',
    target: 'es2022',
    plugins: [
      {
        name: 'seeded-changes',
        setup: ({ onLoad }) =>
          onLoad({ filter: /\/src\/ring\/[\w-]+\.ts$/ }, ({ path }) => {
            let contents = readFileSync(path, 'utf8')
            for (const change of changes.filter((one) => path.endsWith(`/${one.file}`))) {
              const changed = contents.replace(change.from, change.to)
              if (changed !== contents) unused.delete(change)
              contents = changed
            }
            return { contents: withPrivateState(contents), loader: 'ts' }
          }),
      },
    ],
  })
  if (unused.size > 0) throw new Error(`Cannot seed: the source no longer holds ${[...unused].map((change) => String(change.from)).join(', ')}`)
  const code = toSteps(outputFiles[0].text)
  return (atomics) => {
    const module = { exports: {} }
    new Function('module', 'Atomics', code)(module, atomics)
    return module.exports as RingCode
  }
}

/** Adds a method that lists the mutable private numbers of the ring. */
function withPrivateState(source: string): string {
  const fields = [...source.matchAll(/^  (#\w+)(?:: number| = -?\d+)$/gm)].map(([, field]) => `this.${field}`)
  return source.replace(/^  assertInvariants\(/m, `  privateState(): readonly number[] {\n    return [${fields.join(', ')}]\n  }\n\n$&`)
}

/**
 * Prefixes stepped methods with `*` and, inside them, wraps stepped calls in `(yield* …)` and gives atomic ones a `yield` as their last argument;
 * everything else stays as it is.
 */
function toSteps(source: string): string {
  let isStepped = false
  return source
    .split('\n')
    .map((line) => {
      const method = METHOD.exec(line)
      if (method !== null) isStepped = true
      else if (/^  [\w#].*\{$/.test(line)) isStepped = false
      if (method !== null) return `  *${line.slice(2)}`
      // What is not stepped runs outside the search: constructors and the asynchronous park, which no program here calls.
      return isStepped ? wrapCalls(line) : line.replaceAll('Atomics.', 'globalThis.Atomics.')
    })
    .join('\n')
}

function wrapCalls(line: string): string {
  if (line.trimStart().startsWith('//')) return line
  let out = ''
  let at = 0
  for (const match of line.matchAll(CALL)) {
    if (match.index < at) continue
    let end = match.index + match[0].length
    for (let depth = 1; depth > 0; end++) {
      const character = line[end]
      if (character === undefined) throw new Error(`Cannot step: the call goes on behind its line: ${line}`)
      if (character === '(') depth++
      if (character === ')') depth--
    }
    const call = line.slice(match.index, end).replace('?.', '.')
    const open = call.indexOf('(') + 1
    const opened = `${call.slice(0, open)}${wrapCalls(call.slice(open, -1))}`
    const isPlain = call.startsWith('Atomics.') && !call.startsWith('Atomics.wait(')
    out += `${line.slice(at, match.index)}${isPlain ? `${opened}, yield)` : `(yield* ${opened}))`}`
    at = end
  }
  return out + line.slice(at)
}

/**
 * `Atomics` as steps: each acts alone, and notes what it saw for the thread that ran it. The caller yields first, in the last argument, when all
 * others are known: a generator for each step would cost a fifth of the search. Only `wait` is one, since it yields twice.
 */
export interface SteppedAtomics {
  load(words: Int32Array, index: number, turn: undefined): number
  store(words: Int32Array, index: number, value: number, turn: undefined): number
  add(words: Int32Array, index: number, value: number, turn: undefined): number
  exchange(words: Int32Array, index: number, value: number, turn: undefined): number
  compareExchange(words: Int32Array, index: number, expected: number, value: number, turn: undefined): number
  wait(words: Int32Array, index: number, value: number, timeoutMs: number): Steps<'ok' | 'not-equal' | 'timed-out'>
  notify(words: Int32Array, index: number, turn: undefined): number
}

/** The scene that a program builder sees for one run: fresh memory, the code, and a point where others may run. */
export interface Scene {
  readonly i32: Int32Array
  readonly code: RingCode
  readonly buffer: ArrayBuffer
  /** For words of a program's own. */
  readonly atomics: SteppedAtomics
  /** A step that does nothing: lets the others run between two plain accesses. */
  pause(): Steps<void>
  /**
   * Called by a thread where `values` are all that decides what it will do next: its past is forgotten, so that more schedules meet. The top of a
   * loop is the place; the values are the loop's variables and the private state of its rings.
   */
  forget(...values: readonly (number | readonly number[])[]): void
}

export interface Model {
  readonly bufferBytes: number
  /** How many sleeps may end by their timeout, at any time while others run. Not where nobody runs: there a sleep that lasts is what we look for. */
  readonly timeoutCount: number
  /** Builds the threads of one run, and what must hold when all have ended. Must be deterministic. */
  start(scene: Scene): { readonly threads: readonly Steps<void>[]; check(): void }
}

export interface SearchResult {
  readonly stateCount: number
  readonly stepCount: number
  readonly endCount: number
  readonly depthMax: number
  /** What went wrong and the schedule that shows it, one `thread:operation` a step; undefined when nothing did. */
  readonly violation: { readonly message: string; readonly trace: string } | undefined
}

const DEPTH_MAX = 2_000
const PARKED_FOREVER = 'everybody sleeps and not all is done'

/**
 * Walks all interleavings. Two schedules meet in one state when the atomic words are equal and each thread has seen the same values since it was
 * last in the same state: what a thread does is a function of these, and every plain byte has one writer, so nothing else can differ.
 */
export async function search(model: Model, changes: readonly Change[] = []): Promise<SearchResult> {
  const makeCode = await loadRingCode(changes)
  const buffer = new ArrayBuffer(model.bufferBytes)
  const memory = new Uint8Array(buffer)
  const i32 = new Int32Array(buffer)

  let current = 0
  let seen: Int32Array = new Int32Array(0)
  let seenAlso: Int32Array = new Int32Array(0)
  let sleepingOn: Int32Array = new Int32Array(0)
  let timeoutsLeft = 0
  let isTracing = false
  /** Atomic words written in this run, by address: the shared half of a state. */
  const touched = new Map<number, number>()
  const remember = (value: number): void => {
    seen[current] = Math.imul(seen[current] ^ value, 0x85ebca6b) + 0x3c6ef372
    seenAlso[current] = Math.imul(seenAlso[current] + value, 0x27d4eb2f) ^ (seenAlso[current] >>> 15)
  }
  const note = (operation: string, value: number): void => {
    remember(value)
    if (isTracing) trace.push(`${current}:${operation}`)
  }
  const addressOf = (words: Int32Array, index: number): number => words.byteOffset + index * 4
  const put = (words: Int32Array, index: number, value: number): void => {
    words[index] = value
    touched.set(addressOf(words, index), value)
  }
  const atomics: SteppedAtomics = {
    load(words, index) {
      note('load', words[index])
      return words[index]
    },
    store(words, index, value) {
      put(words, index, value)
      note('store', 0)
      return value
    },
    add(words, index, value) {
      const before = words[index]
      put(words, index, before + value)
      note('add', before)
      return before
    },
    exchange(words, index, value) {
      const before = words[index]
      put(words, index, value)
      note('exchange', before)
      return before
    },
    compareExchange(words, index, expected, value) {
      const before = words[index]
      if (before === expected) put(words, index, value)
      note('compareExchange', before)
      return before
    },
    *wait(words, index, value) {
      yield
      if (words[index] !== value) {
        note('wait', 1)
        return 'not-equal'
      }
      sleepingOn[current] = addressOf(words, index)
      note('sleep', 2)
      yield
      if (sleepingOn[current] === -1) {
        note('wake', 3)
        return 'ok'
      }
      sleepingOn[current] = -1
      timeoutsLeft--
      note('timeout', 4)
      return 'timed-out'
    },
    notify(words, index) {
      const address = addressOf(words, index)
      let count = 0
      for (let thread = 0; thread < sleepingOn.length; thread++) {
        if (sleepingOn[thread] !== address) continue
        sleepingOn[thread] = -1
        count++
      }
      note('notify', count)
      return count
    },
  }
  const code = makeCode(atomics)
  const scene: Scene = {
    i32,
    code,
    buffer,
    atomics,
    *pause() {
      yield
      note('pause', 0)
    },
    forget(...values) {
      seen[current] = seenAlso[current] = 0
      for (const value of values) {
        if (typeof value === 'number') remember(value)
        else for (const one of value) remember(one)
      }
    },
  }

  const visited = new Set<number>()
  let stepCount = 0
  let endCount = 0
  let depthMax = 0
  /** The schedule being walked, and its operations if somebody wants to read them. */
  const schedule: number[] = []
  const trace: string[] = []
  /** Per depth: threads still to be tried there, as bits. */
  const untried: number[] = []

  const result = (message?: string): SearchResult => {
    const violation = message === undefined ? undefined : { message, trace: trace.join(' ') }
    return { stateCount: visited.size, stepCount, endCount, depthMax, violation }
  }
  /** Once more, slowly, to be read. */
  const explain = (message: string): SearchResult => {
    isTracing = true
    const { threads } = begin()
    try {
      for (const thread of [...threads.keys(), ...schedule]) {
        current = thread
        threads[thread].next()
      }
    } catch {
      // The step that fails is the last one.
    }
    return result(message)
  }
  const begin = (): ReturnType<Model['start']> => {
    memory.fill(0)
    touched.clear()
    timeoutsLeft = model.timeoutCount
    const run = model.start(scene)
    seen = new Int32Array(run.threads.length)
    seenAlso = new Int32Array(run.threads.length)
    sleepingOn = new Int32Array(run.threads.length).fill(-1)
    return run
  }

  for (;;) {
    // One run: repeats the schedule so far, then goes on with the first thread that can.
    const { threads, check } = begin()
    let running = (1 << threads.length) - 1
    const step = (thread: number): void => {
      current = thread
      stepCount++
      if (threads[thread].next().done === true) running &= ~(1 << thread)
    }
    try {
      // Up to its first atomic step a thread does nothing that others see.
      for (let thread = 0; thread < threads.length; thread++) step(thread)
      for (const thread of schedule) step(thread)
      for (;;) {
        let enabled = running
        for (let thread = 0; thread < threads.length; thread++) if (sleepingOn[thread] !== -1) enabled &= ~(1 << thread)
        if (enabled === 0 && running !== 0) return explain(PARKED_FOREVER)
        if (timeoutsLeft > 0) enabled = running
        if (visitedBefore()) break
        if (running === 0) {
          check()
          endCount++
          break
        }
        if (schedule.length >= DEPTH_MAX) return explain('a schedule does not end')
        const thread = 31 - Math.clz32(enabled & -enabled)
        untried.push(enabled & ~(1 << thread))
        schedule.push(thread)
        depthMax = Math.max(depthMax, schedule.length)
        step(thread)
      }
    } catch (error) {
      return explain(error instanceof Error ? error.message : String(error))
    }
    // Back to the deepest place with a thread not tried.
    while (untried.length > 0 && untried.at(-1) === 0) {
      untried.pop()
      schedule.pop()
    }
    if (untried.length === 0) return result()
    const left = untried.at(-1)!
    const thread = 31 - Math.clz32(left & -left)
    untried[untried.length - 1] = left & ~(1 << thread)
    schedule[schedule.length - 1] = thread
  }

  function visitedBefore(): boolean {
    let a = 0
    let b = 0
    const mix = (value: number): void => {
      a = (Math.imul(a ^ value, 0x9e3779b1) ^ (a >>> 13)) | 0
      b = (Math.imul(b + value, 0x85ebca77) ^ (b >>> 16)) | 0
    }
    // By sum, because equal words may have been touched in another order.
    let words = 0
    for (const [address, value] of touched) words = (words + Math.imul(Math.imul(address + 1, 0xc2b2ae3d) ^ value, 0x27d4eb2f)) | 0
    mix(words)
    mix(timeoutsLeft)
    for (let thread = 0; thread < seen.length; thread++) {
      mix(seen[thread])
      mix(seenAlso[thread])
      mix(sleepingOn[thread])
    }
    const key = (a >>> 0) * 0x200000 + (b >>> 11)
    if (visited.has(key)) return true
    visited.add(key)
    return false
  }
}
