// When things in a slab are over, in a time that only goes on: places by which bit their time first differs in from the one that has come, so that each moves
// on a few times until it is due, and none is looked at before. Things tell their time when it is their turn: one that has become later in the meantime costs
// nothing until then. Used by one operator, on its thread.

import { assert } from '../../base/assert.ts'

const WORD = 4294967296
/** Makes the upper words of all times that a number holds exactly positive. */
const BIAS = 2 ** 21
/** One for what is due at the time that has come, and one for each bit. */
const PLACES = 64

/** What has timers: one each, as a link of a list. */
export interface Timed {
  /** When it is over, in whole milliseconds. */
  dueMsOf(thing: number): number
  nextOf(thing: number): number
  setNext(thing: number, next: number): void
}

/** See the file's head. Things are numbers, 0 is none. */
export class SessionTimers {
  /** Nothing is due before this. */
  nextMs = Infinity
  readonly #things: Timed
  readonly #heads = new Uint32Array(PLACES)
  /** The places that hold something, as bits. */
  #lowPlaces = 0
  #highPlaces = 0
  /** The time that has come: not later than that of anything here. */
  #high = 0
  #low = 0

  constructor(things: Timed) {
    this.#things = things
  }

  /** Takes something in. Its time is later than what {@link poll} was given last. */
  add(thing: number): void {
    const dueMs = this.#things.dueMsOf(thing)
    const high = Math.floor(dueMs / WORD) + BIAS
    const low = dueMs >>> 0
    const place = high === this.#high ? 32 - Math.clz32(low ^ this.#low) : 64 - Math.clz32(high ^ this.#high)
    this.#things.setNext(thing, this.#heads[place])
    this.#heads[place] = thing
    if (place < 32) this.#lowPlaces |= 1 << place
    else this.#highPlaces |= 1 << (place - 32)
    // The first time that is told from the one that has come by this bit.
    const firstMs = this.#firstMs(place)
    if (firstMs < this.nextMs) this.nextMs = firstMs
  }

  /** Takes out what is next, if it is over at this time; 0: nothing is. In the order of time. */
  poll(upToMs: number): number {
    while (this.nextMs <= upToMs && this.nextMs !== Infinity) {
      const place = this.#firstPlace()
      if (place > 0) {
        this.#goTo(place)
        continue
      }
      const thing = this.#heads[0]
      this.#heads[0] = this.#things.nextOf(thing)
      if (this.#heads[0] === 0) this.#leave(0)
      return thing
    }
    return 0
  }

  #firstPlace(): number {
    assert(this.#lowPlaces !== 0 || this.#highPlaces !== 0, 'timers are due and there are none')
    if (this.#lowPlaces !== 0) return 31 - Math.clz32(this.#lowPlaces & -this.#lowPlaces)
    return 63 - Math.clz32(this.#highPlaces & -this.#highPlaces)
  }

  /** The earliest time that a place may hold, in milliseconds. */
  #firstMs(place: number): number {
    if (place === 0) return (this.#high - BIAS) * WORD + this.#low
    if (place > 32) return (this.#highOf(place) - BIAS) * WORD
    return (this.#high - BIAS) * WORD + this.#lowOf(place)
  }

  #highOf(place: number): number {
    return ((this.#high >>> (place - 33)) | 1) << (place - 33)
  }

  #lowOf(place: number): number {
    return (((this.#low >>> (place - 1)) | 1) << (place - 1)) >>> 0
  }

  /** Has the earliest time come that a place may hold, in front of which there is nothing. What lies there goes to places of its own. */
  #goTo(place: number): void {
    let thing = this.#heads[place]
    this.#heads[place] = 0
    if (place > 32) {
      this.#high = this.#highOf(place)
      this.#low = 0
    } else this.#low = this.#lowOf(place)
    this.#leave(place)
    while (thing !== 0) {
      const next = this.#things.nextOf(thing)
      this.add(thing)
      thing = next
    }
  }

  /** A place has become empty. */
  #leave(place: number): void {
    if (place < 32) this.#lowPlaces &= ~(1 << place)
    else this.#highPlaces &= ~(1 << (place - 32))
    this.nextMs = this.#lowPlaces === 0 && this.#highPlaces === 0 ? Infinity : this.#firstMs(this.#firstPlace())
  }
}
