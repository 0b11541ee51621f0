// Joins of two changing tables without bounds in time: both sides are kept, and each change of one side meets all of the other. After Flink's
// StreamingJoinOperator and StreamingSemiAntiJoinOperator.

import { RowKind } from '../../batch/record-batch.ts'
import { type Schema, t } from '../../batch/types.ts'
import { declarationsOf } from '../../operator/keyed-row-operator.ts'
import type { OperatorDescription } from '../../operator/operator.ts'
import { type KeyedStateBackend, type ListState, listState, type MapState, mapState, type StateTtlConfig } from '../../state/state.ts'
import type { BoundExpression } from '../bound-expression.ts'
import { type Evaluate, interpret } from '../interpreter.ts'
import { keyOf, type Value } from '../value.ts'
import { type NotedRow, notedRow, storedRow } from './row-codec.ts'
import { isAddition, type SessionContext, type SqlInput, SqlOperator } from './sql-operator.ts'

/** A join of two inputs with the same key. */
export interface JoinSpec {
  readonly inputs: readonly [SqlInput, SqlInput]
  readonly outputSchema: Schema
  /** SEMI: rows of the left side that have a partner; ANTI: those that have none. */
  readonly type: 'INNER' | 'LEFT' | 'RIGHT' | 'FULL' | 'SEMI' | 'ANTI'
  /** Columns of each input that go on; behind them lie those of the key. */
  readonly widths: readonly [number, number]
  /** What must hold of a pair beside the key: over the columns of both. */
  readonly condition: BoundExpression | undefined
  /** Whether keys of which a part is NULL are equal to none: for each part of the key. */
  readonly refusesNull: readonly boolean[]
  /** Of the state of each side. */
  readonly ttls: readonly [left: StateTtlConfig | undefined, right: StateTtlConfig | undefined]
}

/** A row that is kept: how often it is there, and how many partners it has. */
type Kept = NotedRow<readonly [count: number, partners: number]>

const LEFT = 0

/** The join of rows that never change: pairs come with the later of both, and nobody has to find a row again. */
export class InsertOnlyJoinOperator extends SqlOperator {
  readonly #spec: JoinSpec
  #sides!: readonly [ListState<readonly Value[]>, ListState<readonly Value[]>]
  #condition: Evaluate | undefined

  /** @param spec Of an inner join. */
  constructor(spec: JoinSpec, session: SessionContext) {
    super(spec.inputs, spec.outputSchema, session)
    this.#spec = spec
  }

  describe(): OperatorDescription {
    return { type: 'join of inserted rows', states: declarationsOf((backend) => this.#sidesIn(backend)), hasTimers: false }
  }

  protected override openFunction(): void {
    this.#sides = this.#sidesIn(this.backend)
    this.#condition = this.#spec.condition && interpret(this.#spec.condition, this.evaluation)
  }

  #sidesIn(backend: KeyedStateBackend): readonly [ListState<readonly Value[]>, ListState<readonly Value[]>] {
    const [left, right] = this.#spec.ttls
    const side = (name: string, ttl: StateTtlConfig | undefined): ListState<readonly Value[]> =>
      backend.getState(listState(name, storedRow, ttl === undefined ? {} : { ttl }))
    return [side('left', left), side('right', right)]
  }

  protected override onChange(kind: RowKind, whole: readonly Value[], input: number): void {
    const { inputs, widths, refusesNull } = this.#spec
    const key = inputs[input].key ?? []
    // Nothing is equal to NULL, so the row has no pair, ever.
    if (refusesNull.some((refuses, part) => refuses && whole[key[part]] === null)) return
    const row = whole.length === widths[input] ? whole : whole.slice(0, widths[input])
    this.#sides[input].add(row)
    const condition = this.#condition
    for (const other of this.#sides[1 - input].get()) {
      const pair = input === LEFT ? [...row, ...other] : [...other, ...row]
      if (condition === undefined || condition(pair) === true) this.emit(kind, pair)
    }
  }
}

export class JoinOperator extends SqlOperator {
  readonly #spec: JoinSpec
  readonly #isOuter: readonly [boolean, boolean]
  #sides!: readonly [MapState<string, Kept>, MapState<string, Kept>]
  #condition: Evaluate | undefined

  constructor(spec: JoinSpec, session: SessionContext) {
    super(spec.inputs, spec.outputSchema, session)
    this.#spec = spec
    const { type } = spec
    this.#isOuter = [type === 'LEFT' || type === 'FULL', type === 'RIGHT' || type === 'FULL']
  }

  describe(): OperatorDescription {
    return { type: 'join', traits: { type: this.#spec.type }, states: declarationsOf((backend) => this.#sidesIn(backend)), hasTimers: false }
  }

  protected override openFunction(): void {
    this.#sides = this.#sidesIn(this.backend)
    this.#condition = this.#spec.condition && interpret(this.#spec.condition, this.evaluation)
  }

  #sidesIn(backend: KeyedStateBackend): readonly [MapState<string, Kept>, MapState<string, Kept>] {
    const [left, right] = this.#spec.ttls
    const side = (name: string, ttl: StateTtlConfig | undefined): MapState<string, Kept> =>
      backend.getState(mapState<string, Kept>(name, t.string(), notedRow(), ttl === undefined ? {} : { ttl }))
    return [side('left', left), side('right', right)]
  }

  protected override onChange(kind: RowKind, whole: readonly Value[], input: number): void {
    const row = whole.slice(0, this.#spec.widths[input])
    const partners = this.#partnersOf(whole, row, input)
    const { type } = this.#spec
    if (type === 'SEMI' || type === 'ANTI') this.#semi(kind, row, input, partners, type === 'ANTI')
    else this.#pairs(kind, row, input, partners)
  }

  #pairs(kind: RowKind, row: readonly Value[], input: number, partners: readonly Kept[]): void {
    const isAdded = isAddition(kind)
    const isOuter = this.#isOuter[input]
    const isOtherOuter = this.#isOuter[1 - input]
    this.#keep(input, row, isAdded ? 1 : -1, partners)
    if (partners.length === 0) {
      if (isOuter) this.#emitAlone(isAdded ? RowKind.INSERT : RowKind.DELETE, row, input)
      return
    }
    if (isAdded && isOtherOuter)
      for (const [[count, partnersOfIt], partner] of partners) {
        if (partnersOfIt === 0) for (let times = 0; times < count; times++) this.#emitAlone(RowKind.DELETE, partner, 1 - input)
        this.#note(1 - input, partner, count, partnersOfIt + 1)
      }
    // With an outer side a pair is a row of its own, which comes and goes.
    const pairKind = isOuter || (isAdded && isOtherOuter) ? (isAdded ? RowKind.INSERT : RowKind.DELETE) : kind
    for (const [[count], partner] of partners) for (let times = 0; times < count; times++) this.#emitPair(pairKind, row, partner, input)
    if (!isAdded && isOtherOuter)
      for (const [[count, partnersOfIt], partner] of partners) {
        if (partnersOfIt === 1) for (let times = 0; times < count; times++) this.#emitAlone(RowKind.INSERT, partner, 1 - input)
        this.#note(1 - input, partner, count, partnersOfIt - 1)
      }
  }

  #semi(kind: RowKind, row: readonly Value[], input: number, partners: readonly Kept[], isAnti: boolean): void {
    const isAdded = isAddition(kind)
    this.#keep(input, row, isAdded ? 1 : -1, partners)
    if (input === LEFT) {
      if ((partners.length === 0) === isAnti) this.emit(kind, row)
      return
    }
    for (const [[count, partnersOfIt], partner] of partners) {
      const changes = partnersOfIt === (isAdded ? 0 : 1)
      const changeKind = isAnti ? (isAdded ? RowKind.DELETE : RowKind.INSERT) : kind
      if (changes) for (let times = 0; times < count; times++) this.emit(changeKind, partner)
      this.#note(LEFT, partner, count, partnersOfIt + (isAdded ? 1 : -1))
    }
  }

  /** The rows of the other side with which a row makes a pair. */
  #partnersOf(whole: readonly Value[], row: readonly Value[], input: number): readonly Kept[] {
    const { refusesNull, inputs } = this.#spec
    const key = inputs[input].key ?? []
    if (refusesNull.some((refuses, part) => refuses && whole[key[part]] === null)) return []
    const others = this.#sides[1 - input].values().filter(([[count]]) => count > 0)
    const condition = this.#condition
    if (condition === undefined) return others
    return others.filter(([, other]) => condition(input === LEFT ? [...row, ...other] : [...other, ...row]) === true)
  }

  #keep(input: number, row: readonly Value[], change: 1 | -1, partners: readonly Kept[]): void {
    const state = this.#sides[input]
    const key = keyOf(row)
    const known = state.get(key)
    const count = (known?.[0][0] ?? 0) + change
    if (count <= 0) state.remove(key)
    else {
      let pairs = 0
      for (const [[times]] of partners) pairs += times
      state.put(key, [[count, pairs], row])
    }
  }

  /** Writes down how many partners a row has. */
  #note(side: number, row: readonly Value[], count: number, partners: number): void {
    this.#sides[side].put(keyOf(row), [[count, Math.max(0, partners)], row])
  }

  #emitPair(kind: RowKind, row: readonly Value[], partner: readonly Value[], input: number): void {
    this.emit(kind, input === LEFT ? [...row, ...partner] : [...partner, ...row])
  }

  /** A row beside NULLs. */
  #emitAlone(kind: RowKind, row: readonly Value[], input: number): void {
    const nothing = Array.from({ length: this.#spec.widths[1 - input] }, () => null)
    this.emit(kind, input === LEFT ? [...row, ...nothing] : [...nothing, ...row])
  }
}
