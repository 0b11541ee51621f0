// The named inputs and outputs of a job that runs, over the ports of its workers. Runs on the main thread.

import type { MessagePort } from 'node:worker_threads'
import type { StateError } from '../base/errors.ts'
import { decimalsWithin, notCloneable, restoreDecimals } from '../batch/cloned-values.ts'
import type { Decimal } from '../batch/types.ts'
import type { ProgramEdgeSpec } from '../plan/transformation.ts'
import { Doorbell } from '../ring/parking.ts'
import { DOORBELL_ADDRESS } from '../runtime/control-layout.ts'
import type { PushUntil } from './program-handles.ts'
import type { CoordinatorEvent, ProgramMessage, PushMessage } from '../runtime/thread-messages.ts'

/** Records that are to be sent together, and the promise of all who pushed them. */
interface Pushed {
  readonly id: number
  readonly input: string
  readonly records: unknown[] | 'ended'
  readonly decimals: Decimal[]
  readonly accepted: Promise<void>
  /** Made when somebody asks: resolves when a checkpoint holds them. */
  kept: Promise<void> | undefined
  readonly refuse: (error: StateError) => void
}

/** The main thread's ends of the ports of a running job. */
export class RunningJob {
  readonly #ports: readonly MessagePort[]
  readonly #doorbells: readonly Doorbell[]
  readonly inputs: readonly ProgramEdgeSpec[]
  readonly outputs: readonly ProgramEdgeSpec[]
  /** Names of the outputs, in the order of their counters. */
  readonly #outputNames: readonly string[]
  readonly #pending: Int32Array
  readonly #outbox: Pushed[] = []
  /** Pushed messages that no source has taken yet, by id. */
  readonly #waiting = new Map<number, () => void>()
  #pushes = 0
  /** Messages that somebody wants kept, by input; each list in order. */
  readonly #unkept = new Map<string, { readonly id: number; readonly keep: () => void }[]>()
  /** What checkpoints that are not complete yet will hold. */
  #held: Extract<ProgramMessage, { held: number }>[] = []
  /** The last checkpoint that is complete. */
  #completeId = 0
  /** Resolves when every worker has sent its last record. */
  readonly drained: Promise<unknown>

  constructor(event: Extract<CoordinatorEvent, { kind: 'running' }>, receive: (output: string, records: readonly unknown[]) => void) {
    this.#ports = event.ports
    this.#doorbells = event.memories.map((memory) => new Doorbell(memory.buffer, DOORBELL_ADDRESS))
    this.inputs = event.inputs
    this.outputs = event.outputs
    this.#outputNames = [...new Set(event.outputs.map(({ name }) => name))]
    this.#pending = new Int32Array(event.outputPending)
    this.drained = Promise.all(
      this.#ports.map(
        (port) =>
          new Promise<void>((resolve) => {
            port.on('message', (message: ProgramMessage) => {
              if ('ended' in message) resolve()
              else if ('accepted' in message) this.#accept(message.accepted)
              else if ('held' in message) this.#hold(message)
              else {
                restoreDecimals(message.decimals)
                receive(message.output, message.records)
              }
            })
            port.on('close', resolve)
          }),
      ),
    )
  }

  #accept(id: number): void {
    this.#waiting.get(id)?.()
    this.#waiting.delete(id)
  }

  #hold(held: Extract<ProgramMessage, { held: number }>): void {
    this.#held.push(held)
    this.complete(this.#completeId)
  }

  /** A checkpoint is complete. Which messages it holds may be heard before, or behind: other ports, other order. */
  complete(checkpointId: number): void {
    this.#completeId = Math.max(this.#completeId, checkpointId)
    const kept = this.#held.filter((held) => held.checkpointId <= this.#completeId)
    this.#held = this.#held.filter((held) => held.checkpointId > this.#completeId)
    for (const { input, held } of kept) {
      const unkept = this.#unkept.get(input) ?? []
      while (unkept.length > 0 && unkept[0].id <= held) unkept.shift()!.keep()
    }
  }

  /** The job has finished: what its sources have emitted has come to its end. Returns whether somebody waited for a checkpoint. */
  finish(): boolean {
    const isAwaited = [...this.#unkept.values()].some((unkept) => unkept.length > 0)
    this.complete(Infinity)
    return isAwaited
  }

  /** The program has not taken `count` records of an attempt before this one. Called before any of this one's is taken. */
  expect(output: string, count: number): void {
    const index = this.#outputNames.indexOf(output)
    // Pairs with Atomics.load in the worker's PortEdge: counts only.
    if (index !== -1) Atomics.add(this.#pending, index, count)
  }

  /** The program has taken `count` records: the workers may send more. */
  taken(output: string, count: number): void {
    // Pairs with Atomics.add and load in the worker's PortEdge, whose sink looks again after the mail below.
    const before = Atomics.sub(this.#pending, this.#outputNames.indexOf(output), count)
    if (before % TAKEN_RING_INTERVAL < count) for (const doorbell of this.#doorbells) doorbell.post()
  }

  /**
   * Resolves when the source has taken the records, or when a checkpoint that holds them is complete. Records pushed in one turn of the event loop travel
   * together.
   *
   * @throws {StateError} `VALUE_NOT_ENCODABLE`
   */
  push(input: string, records: PushMessage['records'], until: PushUntil): Promise<unknown> {
    const message = this.#enqueue(input, records)
    return until === 'accepted' ? message.accepted : Promise.all([message.accepted, this.#keep(message)])
  }

  #keep(message: Pushed): Promise<void> {
    return (message.kept ??= new Promise((keep) => {
      const { id, input } = message
      const unkept = this.#unkept.get(input)
      if (unkept === undefined) this.#unkept.set(input, [{ id, keep }])
      else unkept.push({ id, keep })
    }))
  }

  #enqueue(input: string, records: PushMessage['records']): Pushed {
    const decimals = records === 'ended' ? [] : decimalsWithin(records, inputPlace(input))
    const last = this.#outbox[this.#outbox.length - 1]
    if (last !== undefined && last.input === input && last.records !== 'ended' && records !== 'ended') {
      last.records.push(...records)
      last.decimals.push(...decimals)
      return last
    }
    const id = ++this.#pushes
    let refuse!: (error: StateError) => void
    const accepted = new Promise<void>((resolve, reject) => {
      this.#waiting.set(id, resolve)
      refuse = reject
    })
    const message: Pushed = { id, input, records: records === 'ended' ? records : [...records], decimals, accepted, kept: undefined, refuse }
    this.#outbox.push(message)
    if (this.#outbox.length === 1) queueMicrotask(() => this.#flush())
    return message
  }

  #flush(): void {
    for (const { id, input, records, decimals, refuse } of this.#outbox.splice(0)) {
      try {
        // Inputs are read by subtask 0.
        this.#ports[0].postMessage({ id, input, records, decimals } satisfies PushMessage)
      } catch (error) {
        this.#waiting.delete(id)
        refuse(notCloneable(inputPlace(input), error))
      }
    }
    // Mail: a message at the port is nothing that a worker's hasWork() sees.
    this.#doorbells[0].post()
  }

  close(): void {
    for (const port of this.#ports) port.close()
  }
}

function inputPlace(input: string): string {
  return `input "${input}"`
}

const TAKEN_RING_INTERVAL = 1024
