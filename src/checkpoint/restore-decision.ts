// Whether and how a job goes on from a snapshot: what becomes of each operator and each state, with the reason. One pure decision, shown by `millrace
// savepoint diff` and acted upon by the restore, so that the two never disagree. States that functions declare when they run are decided then, by
// the same rules (state/state-evolution.ts).

import { RestoreError } from '../base/errors.ts'
import { decideState, keyChangeOf } from '../state/state-evolution.ts'
import { EVENT_TIMERS_STATE, formatStateSchema, PROCESSING_TIMERS_STATE, shownNameOf, type StateDeclaration } from '../state/state-schema.ts'
import { formatKeyParts, type KeyPart, type OperatorSignature } from './operator-signature.ts'
import type { OperatorSummary, StateSummary } from './snapshot-summary.ts'

/** An operator of the job that is to start. */
export interface PlannedOperator {
  readonly uid: string
  readonly name: string
  /** Where the uid is from: the program has set it, it follows from what a query does, or it is made of the name and the place in the graph. */
  readonly uidOrigin: 'program' | 'plan' | 'place'
  readonly parallelism: number
  readonly maxParallelism: number
  readonly signature: OperatorSignature
  /** States that it is known to declare. */
  readonly states: readonly StateDeclaration[]
  /** Whether it may declare others when it runs. */
  readonly declaresMore: boolean
  readonly hasTimers: boolean
}

/**
 * What becomes of an operator or a state: `keep` as it is; `migrate`: its values follow; `drop`: it is left out; `new`: it begins empty; `pending`:
 * decided when a function declares it; `refuse`: the job cannot start.
 */
export type RestoreVerdict = 'keep' | 'migrate' | 'drop' | 'new' | 'pending' | 'refuse'

/** What becomes of a state. */
export interface RestoreStateDecision {
  /** As its descriptor names it. */
  readonly name: string
  /** In words; undefined for what an operator keeps for itself. */
  readonly schema: string | undefined
  readonly verdict: RestoreVerdict
  readonly reason: string
}

/** What becomes of an operator. */
export interface RestoreOperatorDecision {
  readonly uid: string
  readonly name: string
  /** The worst of its own and those of its states. */
  readonly verdict: RestoreVerdict
  readonly reason: string
  readonly states: readonly RestoreStateDecision[]
}

/** What becomes of a snapshot in a job. */
export interface RestoreDecision {
  /** Those of the snapshot in its order, then those that are new. Operators without state on either side are left out. */
  readonly operators: readonly RestoreOperatorDecision[]
  readonly canStart: boolean
}

/** A refusal of an operator as a whole, or what it goes on with. */
type OwnDecision = Omit<RestoreOperatorDecision, 'uid' | 'name' | 'states'> & { readonly code?: string; readonly hint?: string }

interface Refusal {
  readonly code: string
  readonly problem: string
  readonly hint: string
}

/** Why records that were on their way to an operator cannot go on: a sentence whose subject is the operator, and what to do. */
export interface InFlightRefusal {
  readonly reason: string
  readonly hint: string
}

const NOTHING_IN_FLIGHT: ReadonlyMap<string, InFlightRefusal> = new Map()

const TIMER_STATES: readonly string[] = [EVENT_TIMERS_STATE, PROCESSING_TIMERS_STATE]

/**
 * Decides.
 *
 * @param allowsNonRestored Whether state of operators that the job does not have may be dropped, and records that were on their way to them.
 * @param inFlight Records of an unaligned checkpoint that cannot go on, by the uid of their operator.
 */
export function decideRestore(
  saved: readonly OperatorSummary[],
  planned: readonly PlannedOperator[],
  allowsNonRestored: boolean,
  inFlight: ReadonlyMap<string, InFlightRefusal> = NOTHING_IN_FLIGHT,
): RestoreDecision {
  const { operators } = decide(saved, planned, allowsNonRestored, inFlight)
  return { operators, canStart: operators.every(({ verdict }) => verdict !== 'refuse') }
}

/**
 * Refuses a snapshot that a job cannot go on from.
 *
 * @param title How messages name the snapshot: "checkpoint 3".
 * @returns What becomes of it.
 * @throws {RestoreError} `STATE_NOT_RESTORED` if an operator with state is gone; `MAX_PARALLELISM_CHANGED`; `OPERATOR_CHANGED`; `STATE_CHANGED`;
 *   `IN_FLIGHT_NOT_RESTORED`.
 */
export function assertRestorable(
  title: string,
  saved: readonly OperatorSummary[],
  planned: readonly PlannedOperator[],
  allowsNonRestored: boolean,
  inFlight: ReadonlyMap<string, InFlightRefusal> = NOTHING_IN_FLIGHT,
): RestoreDecision {
  const { operators, refusals } = decide(saved, planned, allowsNonRestored, inFlight)
  const [first, ...others] = refusals
  if (first === undefined) return { operators, canStart: true }
  const more = others.length === 0 ? '' : ` (and ${others.length} more: \`millrace savepoint diff\` shows all)`
  throw new RestoreError(first.code, `Cannot restore ${title}: ${first.problem}${more}`, { hint: first.hint })
}

function decide(
  saved: readonly OperatorSummary[],
  planned: readonly PlannedOperator[],
  allowsNonRestored: boolean,
  inFlight: ReadonlyMap<string, InFlightRefusal>,
): { readonly operators: readonly RestoreOperatorDecision[]; readonly refusals: readonly Refusal[] } {
  const known = new Set(saved.map(({ uid }) => uid))
  const byUid = new Map(planned.map((operator) => [operator.uid, operator]))
  const arrived = planned.filter(
    ({ uid, signature, states, declaresMore }) => !known.has(uid) && (states.length > 0 || declaresMore || signature.key !== undefined),
  )
  const operators: RestoreOperatorDecision[] = []
  const refusals: Refusal[] = []
  for (const operator of saved) {
    const now = byUid.get(operator.uid)
    const title = `"${operator.name}" (uid "${operator.uid}")`
    const onTheWay = inFlight.get(operator.uid)
    if (now === undefined) {
      if (onTheWay !== undefined && !operator.hasState && !allowsNonRestored) {
        operators.push({ uid: operator.uid, name: operator.name, verdict: 'refuse', reason: onTheWay.reason, states: [] })
        refusals.push({ code: 'IN_FLIGHT_NOT_RESTORED', problem: `${title} ${onTheWay.reason}`, hint: onTheWay.hint })
        continue
      }
      if (operator.states.length === 0 && onTheWay === undefined) continue
      const gone = decideGone(operator, arrived, allowsNonRestored)
      if (gone.verdict === 'refuse')
        refusals.push({ code: 'STATE_NOT_RESTORED', problem: `it holds state of ${title}, which the job does not have`, hint: gone.hint! })
      const states = operator.states.map((state) => stateDecision(state, gone.verdict, 'its operator is gone'))
      operators.push({ uid: operator.uid, name: operator.name, verdict: gone.verdict, reason: gone.reason, states })
      continue
    }
    const ofState: OwnDecision = operator.hasState ? decideOperator(operator, now) : { verdict: 'keep', reason: 'it had no state' }
    const own: OwnDecision =
      onTheWay === undefined || ofState.verdict === 'refuse' ? ofState : { verdict: 'refuse', code: 'IN_FLIGHT_NOT_RESTORED', ...onTheWay }
    const states =
      own.verdict === 'refuse' ? operator.states.map((state) => stateDecision(state, 'refuse', 'its operator is refused')) : decideStates(operator, now)
    if (states.length === 0 && own.verdict === 'keep') continue
    if (own.verdict === 'refuse') refusals.push({ code: own.code!, problem: `${title} ${own.reason}`, hint: own.hint! })
    else
      for (const { name, verdict, reason } of states)
        if (verdict === 'refuse')
          refusals.push({
            code: 'STATE_CHANGED',
            problem: `state "${name}" of ${title}: ${reason}`,
            hint: 'Declare it as it was or in a way that its values can follow; under another name, or under another uid with --allow-non-restored-state, it begins empty.',
          })
    operators.push({ uid: operator.uid, name: now.name, ...worstOf(own, states), states })
  }
  for (const operator of arrived) {
    const states = operator.states.map(({ schema }) => stateDecision({ name: schema.name, schema }, 'new', 'begins empty'))
    operators.push({ uid: operator.uid, name: operator.name, verdict: 'new', reason: 'the snapshot does not know it: it begins empty', states })
  }
  return { operators, refusals }
}

function decideGone(operator: OperatorSummary, arrived: readonly PlannedOperator[], allowsNonRestored: boolean): OwnDecision {
  if (!operator.hasState) return { verdict: 'drop', reason: 'the job does not have it, and nothing of it would be missed' }
  if (allowsNonRestored) return { verdict: 'drop', reason: 'the job does not have it, and --allow-non-restored-state is set' }
  const likely = arrived.filter(({ signature }) => signature.type === operator.signature.type && isSameKey(operator.signature.key, signature.key))
  const heir = likely.find(({ name }) => name === operator.name) ?? likely[0]
  const reason = `the job does not have it${heir === undefined ? '' : `: it may have become "${heir.name}" (uid "${heir.uid}")`}`
  if (heir?.uidOrigin === 'plan')
    return {
      verdict: 'refuse',
      reason,
      hint: 'What it computes, or of which rows, has changed: bring that back, run the plan that was compiled before (EXECUTE PLAN), or drop its state with --allow-non-restored-state.',
    }
  const advice =
    heir === undefined
      ? 'Bring it back'
      : `If "${heir.name}" is what it has become, call .uid('${operator.uid}') on it${heir.uidOrigin === 'program' ? ` instead of .uid('${heir.uid}')` : ''}; otherwise bring it back`
  return {
    verdict: 'refuse',
    reason,
    hint: `${advice}, or drop its state with --allow-non-restored-state. An operator keeps its state for as long as its uid stays: give each that has state one with .uid(...).`,
  }
}

function decideOperator(saved: OperatorSummary, now: PlannedOperator): OwnDecision {
  const { signature: before, maxParallelism } = saved
  const { signature: after } = now
  const changed = (reason: string, hint: string = FRESH_UID): OwnDecision => ({ verdict: 'refuse', code: 'OPERATOR_CHANGED', reason, hint })
  if (before.type !== after.type) return changed(`was of the kind "${before.type}" when the snapshot was taken, and is "${after.type}" now`)
  const key = keyReason(before.key, after.key)
  if (key !== undefined) return changed(key)
  if (now.maxParallelism !== maxParallelism)
    return {
      verdict: 'refuse',
      code: 'MAX_PARALLELISM_CHANGED',
      reason: `has ${now.maxParallelism} key groups, and its state has ${maxParallelism}`,
      hint: `Set pipeline.max-parallelism to ${maxParallelism}, or that of the operator.`,
    }
  for (const trait of new Set([...Object.keys(before.traits ?? {}), ...Object.keys(after.traits ?? {})])) {
    const [had, has] = [before.traits?.[trait] ?? 'none', after.traits?.[trait] ?? 'none']
    if (had !== has) return changed(`had other ${trait} when the snapshot was taken: ${had}, and now ${has}`)
  }
  const notes = renamedKeys(before.key, after.key)
  if (before.folder !== undefined && after.folder !== undefined && before.folder !== after.folder)
    notes.push(`files that it had begun are completed in "${before.folder}", and further ones are written into "${after.folder}"`)
  if (now.parallelism !== saved.parallelism) notes.push(`its state moves from ${saved.parallelism} to ${now.parallelism} subtasks`)
  return { verdict: 'keep', reason: notes.join('; ') || 'as it was' }
}

const FRESH_UID = 'Let it be as it was; or give it another uid, and drop what it had with --allow-non-restored-state.'

function decideStates(saved: OperatorSummary, now: PlannedOperator): readonly RestoreStateDecision[] {
  const declared = new Map(now.states.map((declaration) => [declaration.schema.name, declaration]))
  const decisions = saved.states.map((state): RestoreStateDecision => {
    const { schema, records } = state
    if (schema === undefined) return stateDecision(state, 'keep', 'the operator keeps it for itself')
    if (schema.kind === 'timers') {
      if (now.hasTimers || records === 0) return stateDecision(state, 'keep', `${records} timer${records === 1 ? '' : 's'}`)
      return stateDecision(state, 'refuse', `there are ${records} timers, and the function has no onTimer any more: they would never fire`)
    }
    const declaration = declared.get(schema.name)
    if (declaration !== undefined) {
      const { verdict, reason } = decideState(schema, declaration.schema, declaration.evolution)
      return stateDecision(state, verdict, reason)
    }
    const renamed = now.states.find((other) => shownNameOf(other.schema.name) === shownNameOf(schema.name))
    if (renamed !== undefined)
      return stateDecision(state, 'refuse', `it is ${formatStateSchema(schema)} in the snapshot, and ${formatStateSchema(renamed.schema)} in the job`)
    return now.declaresMore
      ? stateDecision(state, 'pending', 'declared at run time: decided when the function declares it, and kept until then')
      : stateDecision(state, 'refuse', `it is ${formatStateSchema(schema)} in the snapshot, and the operator keeps no such state any more`)
  })
  const had = new Set(saved.states.map(({ name }) => name))
  const shown = new Set(saved.states.map(({ name }) => shownNameOf(name)))
  const arrived = now.states.filter(({ schema }) => !had.has(schema.name) && !shown.has(shownNameOf(schema.name)))
  return [...decisions, ...arrived.map(({ schema }) => stateDecision({ name: schema.name, schema }, 'new', 'begins empty'))]
}

function stateDecision({ name, schema }: Pick<StateSummary, 'name' | 'schema'>, verdict: RestoreVerdict, reason: string): RestoreStateDecision {
  const title = TIMER_STATES.includes(name) ? (name === EVENT_TIMERS_STATE ? 'event-time timers' : 'processing-time timers') : shownNameOf(name)
  return { name: title, schema: schema && formatStateSchema(schema), verdict, reason }
}

function worstOf({ verdict, reason }: OwnDecision, states: readonly RestoreStateDecision[]): Pick<RestoreOperatorDecision, 'verdict' | 'reason'> {
  if (verdict === 'refuse') return { verdict, reason }
  if (states.some((state) => state.verdict === 'refuse')) return { verdict: 'refuse', reason: 'a state of it is refused' }
  return { verdict: states.some((state) => state.verdict === 'migrate') ? 'migrate' : verdict, reason }
}

function isSameKey(before: readonly KeyPart[] | undefined, after: readonly KeyPart[] | undefined): boolean {
  return keyReason(before, after) === undefined
}

/** Why keyed state cannot follow; undefined if it can. */
function keyReason(before: readonly KeyPart[] | undefined, after: readonly KeyPart[] | undefined): string | undefined {
  if (before === undefined || after === undefined) {
    if (before === after) return undefined
    return before === undefined
      ? `had no key when the snapshot was taken, and has one now: ${formatKeyParts(after!)}`
      : `was keyed by ${formatKeyParts(before)}, and has no key now`
  }
  const changed = `was keyed by ${formatKeyParts(before)} when the snapshot was taken, and is by ${formatKeyParts(after)} now`
  if (before.length !== after.length) return changed
  const names = (parts: readonly KeyPart[]): readonly string[] => parts.flatMap(({ name }) => name ?? [])
  const isPermuted = names(before).join('\n') !== names(after).join('\n') && names(before).toSorted().join('\n') === names(after).toSorted().join('\n')
  if (isPermuted) return `${changed}: the order of the columns is part of the key`
  for (const [index, { type: from }] of before.entries()) {
    const to = after[index].type
    // What a function returned may be of any type; as columns they would have to be of one.
    if (from === undefined ? to !== undefined : to !== undefined && keyChangeOf(from, to) === 'other') return changed
  }
  return undefined
}

function renamedKeys(before: readonly KeyPart[] | undefined, after: readonly KeyPart[] | undefined): string[] {
  return (before ?? []).flatMap(({ name }, index) => {
    const now = after?.[index]?.name
    if (name === now) return []
    return [`its key ${name === undefined ? 'of a function' : `column "${name}"`} is ${now === undefined ? 'what a function returns' : `column "${now}"`} now`]
  })
}
