// What an operator counts by itself, in its metric slots: late and bad records, bytes at the edges of the job, and the counters that users and
// connectors name. Runs on the worker's thread. Invariant: a name keeps its slot; the name itself is told once, when its counter is made.

import type { OperatorMetrics } from '../operator/operator.ts'
import { COUNTERS_MAX, OperatorSlot } from './subtask-metrics.ts'

/** The counter that all names share for which no slot was left. */
export const OTHER_COUNTERS = 'others'

/** A counter that lives in a slot: always published, at no cost but the addition. */
class SlotCounter {
  readonly #slots: Float64Array
  readonly #slot: number

  constructor(slots: Float64Array, slot: number) {
    this.#slots = slots
    this.#slot = slot
  }

  get value(): number {
    return this.#slots[this.#slot]
  }

  set value(value: number) {
    this.#slots[this.#slot] = value
  }
}

/** See the file's head. */
export class OperatorCounters implements OperatorMetrics {
  readonly #slots: Float64Array
  readonly #announce: (index: number, name: string) => void
  readonly #log: (message: string) => void
  readonly #counters = new Map<string, { value: number }>()
  #others: SlotCounter | undefined

  /**
   * @param slots The operator's, {@link OperatorSlot} and its counters.
   * @param announce Called once for each counter, with its index and name.
   */
  constructor(slots: Float64Array, announce: (index: number, name: string) => void, log: (message: string) => void) {
    this.#slots = slots
    this.#announce = announce
    this.#log = log
  }

  get lateRecords(): number {
    return this.#slots[OperatorSlot.LATE_RECORDS]
  }

  set lateRecords(count: number) {
    this.#slots[OperatorSlot.LATE_RECORDS] = count
  }

  get badRecords(): number {
    return this.#slots[OperatorSlot.BAD_RECORDS]
  }

  set badRecords(count: number) {
    this.#slots[OperatorSlot.BAD_RECORDS] = count
  }

  get bytesRead(): number {
    return this.#slots[OperatorSlot.BYTES_IN]
  }

  set bytesRead(bytes: number) {
    this.#slots[OperatorSlot.BYTES_IN] = bytes
  }

  get bytesWritten(): number {
    return this.#slots[OperatorSlot.BYTES_OUT]
  }

  set bytesWritten(bytes: number) {
    this.#slots[OperatorSlot.BYTES_OUT] = bytes
  }

  counter(name: string): { value: number } {
    const known = this.#counters.get(name)
    if (known !== undefined) return known
    const index = this.#counters.size
    if (index === COUNTERS_MAX) return this.#otherCounters(name)
    const counter = new SlotCounter(this.#slots, OperatorSlot.COUNTERS + index)
    this.#counters.set(name, counter)
    this.#announce(index, name)
    return counter
  }

  #otherCounters(name: string): SlotCounter {
    if (this.#others === undefined) {
      this.#others = new SlotCounter(this.#slots, OperatorSlot.COUNTERS + COUNTERS_MAX)
      this.#announce(COUNTERS_MAX, OTHER_COUNTERS)
      this.#log(`counter "${name}" and those that follow are counted together, as "${OTHER_COUNTERS}": an operator has ${COUNTERS_MAX} counters of its own`)
    }
    return this.#others
  }
}
