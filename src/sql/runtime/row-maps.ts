// What operators without state do with each row.

import { BadRecordError } from '../../base/errors.ts'
import { RowKind } from '../../batch/record-batch.ts'
import { interpret, interpretColumn } from '../interpreter.ts'
import type { UnnestPlan, WindowPlan } from '../logical-plan.ts'
import type { Value } from '../value.ts'
import { calcFailure, type CalcSpec } from './calc-spec.ts'
import type { RowMapFactory } from './row-map-operator.ts'
import { isAddition } from './sql-operator.ts'
import { WindowClock } from './window-clock.ts'

/** A filter and a projection. */
export function calc(spec: CalcSpec): RowMapFactory {
  const { condition, expressions } = spec
  return (context) => {
    const holds = condition && interpret(condition, context)
    const columns = expressions?.map((expression) => interpretColumn(expression, context))
    return (kind, row, emit) => {
      try {
        if (holds === undefined || holds(row) === true) emit(kind, columns === undefined ? row : columns.map((evaluate) => evaluate(row)))
      } catch (error) {
        throw calcFailure(error, spec, row, context) ?? error
      }
    }
  }
}

/** Each row beside the elements of a collection. @param left How many columns of the row go on. @param width How many columns an element has. */
export function unnest({ collection, withOrdinality, isOuter, condition }: Omit<UnnestPlan, 'kind' | 'input'>, left: number, width: number): RowMapFactory {
  return (context) => {
    const evaluate = interpret(collection, context)
    const holds = condition && interpret(condition, context)
    const { type } = collection
    const isRow = (type.kind === 'ARRAY' || type.kind === 'MULTISET') && type.element.kind === 'ROW'
    const elementsOf = (value: Value): readonly (readonly Value[])[] => {
      const list = value as readonly Value[]
      if (type.kind === 'MAP') return list as readonly (readonly Value[])[]
      const elements =
        type.kind === 'MULTISET'
          ? list.flatMap((pair) => Array.from({ length: (pair as readonly [Value, number])[1] }, () => (pair as readonly Value[])[0]))
          : list
      return isRow ? elements.filter((element): element is readonly Value[] => element !== null) : elements.map((element) => [element])
    }
    return (kind, whole, emit) => {
      const value = evaluate(whole)
      const row = whole.slice(0, left)
      let isAlone = true
      if (value !== null)
        for (const [index, element] of elementsOf(value).entries()) {
          const made = [...row, ...element, ...(withOrdinality ? [index + 1] : [])]
          if (holds !== undefined && holds(made) !== true) continue
          isAlone = false
          emit(kind, made)
        }
      if (isAlone && isOuter) emit(kind, [...row, ...Array.from({ length: width }, () => null)])
    }
  }
}

/** Each row in each of its windows; rows without a time are in none. */
export function windows({ spec, time }: Pick<WindowPlan, 'spec' | 'time'>): RowMapFactory {
  return (context, metrics) => {
    const clock = new WindowClock(spec, context.timeZone)
    return (kind, row, emit) => {
      const given = spec.time === 'processing' ? context.nowMs() : row[time]
      if (given === null) {
        metrics.lateRecords++
        return
      }
      for (const [startMs, endMs] of clock.windowsOf(given as number)) emit(kind, [...row, startMs, endMs, clock.timeOf(endMs)])
    }
  }
}

/**
 * Changes of Debezium's records: what a row was, what it is, and what was done (create, read, update, delete).
 *
 * @param hasSchema Whether that is the payload of records that have their schema beside it.
 */
export function debezium(skipsErrors: boolean, hasSchema: boolean): RowMapFactory {
  return (_context, metrics) => (_kind, record, emit) => {
    const [before, after, op] = hasSchema ? ((record[0] ?? [null, null, null]) as readonly Value[]) : record
    const row = (value: Value, name: string): readonly Value[] => {
      if (value === null) throw new BadRecordError('BAD_CHANGE', `Cannot read a change: "${name}" is missing where "op" is "${String(op)}"`)
      return value as readonly Value[]
    }
    try {
      switch (op) {
        case 'c':
        case 'r':
          return emit(RowKind.INSERT, row(after, 'after'))
        case 'u':
          emit(RowKind.UPDATE_BEFORE, row(before, 'before'))
          return emit(RowKind.UPDATE_AFTER, row(after, 'after'))
        case 'd':
          return emit(RowKind.DELETE, row(before, 'before'))
        default:
          throw new BadRecordError('BAD_CHANGE', `Cannot read a change whose "op" is ${op === null ? 'missing' : `"${String(op)}"`}: expected c, r, u or d`)
      }
    } catch (error) {
      if (!skipsErrors) throw error
      metrics.badRecords++
    }
  }
}

/** Debezium's records of changes, as Flink writes them: a row that was is deleted, one that is was created. */
export function debeziumRecords(): RowMapFactory {
  return () => (kind, row, emit) => emit(RowKind.INSERT, isAddition(kind) ? [null, row, 'c'] : [row, null, 'd'])
}

/** For those who know rows by their key: what a row was before it changed is left out. */
export function upserts(): RowMapFactory {
  return () => (kind, row, emit) => {
    if (kind !== RowKind.UPDATE_BEFORE) emit(kind, row)
  }
}
