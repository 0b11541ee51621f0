// The code that is generated for expressions against their interpretation, over columns of every type, edges of their ranges and NULL among the values:
// the same values, and errors for the same rows. Operands behind a NULL are not asked for by the interpreter, while the code computes them in any case, as
// Flink's does: the interpreter then has to fail for one of them.

import { describe, expect, test } from 'vitest'
import { Slab } from '../../src/base/slab.ts'
import { PlanError } from '../../src/base/errors.ts'
import { Column } from '../../src/batch/column.ts'
import { RecordBatch } from '../../src/batch/record-batch.ts'
import { Decimal, type LogicalType, withNullability } from '../../src/batch/types.ts'
import type { BoundExpression } from '../../src/sql/bound-expression.ts'
import { CastError } from '../../src/sql/casts.ts'
import { ExpressionBinder } from '../../src/sql/expression-binder.ts'
import { interpret } from '../../src/sql/interpreter.ts'
import { canCompute, compileColumns } from '../../src/sql/runtime/column-code.ts'
import { readColumn, writeRow } from '../../src/sql/runtime/row-codec.ts'
import { parseExpression } from '../../src/sql/statement-parser.ts'
import { keyOf, type Value } from '../../src/sql/value.ts'
import { EVALUATION } from '../fixtures/evaluation.ts'
import { COLUMNS, ExpressionMaker, randomRows, TABLE } from './random-expressions.ts'
import { Draws, report, trials } from './seeds.ts'

const ROWS = 16
/** Expressions over the rows of one table. */
const OF_ONE_TABLE = 50
const SCOPE = COLUMNS.map(({ name, type }) => ({ name, type, table: 't' }))

class Table {
  readonly rows: readonly (readonly Value[])[]
  readonly batch: RecordBatch
  readonly slab = new Slab()
  readonly #selected: readonly number[]

  constructor(draws: Draws) {
    this.rows = randomRows(draws, ROWS)
    const columns = TABLE.fields.map(({ type }) => Column.allocate(this.slab, type, ROWS))
    for (const [row, values] of this.rows.entries()) writeRow(columns, row, values)
    this.batch = new RecordBatch(this.slab, TABLE, columns)
    this.batch.rowCount = ROWS
    // All rows, or some of them.
    this.#selected = this.rows.flatMap((_, row) => (draws.once(3) ? [] : [row]))
    if (draws.once(2)) {
      this.batch.selection = this.slab.allocate(ROWS * 4)
      this.batch.selectedCount = this.#selected.length
      this.slab.i32.set(this.#selected, this.batch.selection >>> 2)
    }
  }

  /** The rows that a program is to see. */
  get asked(): readonly number[] {
    return this.batch.selection === 0 ? this.rows.map((_, row) => row) : this.#selected
  }
}

/** A value, or why there is none. */
type Outcome = { readonly value: string } | { readonly error: string }

function outcomeOf(compute: () => Value, type: LogicalType): Outcome {
  try {
    const value = compute()
    return { value: keyOf(value instanceof Decimal && type.kind === 'DECIMAL' ? new Decimal(value.unscaled, type.scale) : value) }
  } catch (error) {
    // Whatever ends the job: values that cannot be, and nothing that speaks of a mistake of ours.
    if (!(error instanceof CastError || error instanceof RangeError || error instanceof PlanError)) throw error
    return { error: error.message }
  }
}

/** Whether an expression fails for a row where all operands are computed, also behind one that is NULL. */
function failsEagerly(expression: BoundExpression, row: readonly Value[]): boolean {
  const value = (of: BoundExpression): Value | undefined => {
    try {
      return interpret(of, EVALUATION)(row)
    } catch {
      return undefined
    }
  }
  const fails = (of: BoundExpression): boolean => failsEagerly(of, row)
  switch (expression.kind) {
    case 'literal':
    case 'column':
      return false
    case 'cast':
      return fails(expression.operand) || value(expression) === undefined
    case 'case':
      for (const { when, result } of expression.branches) {
        if (fails(when)) return true
        if (value(when) === true) return fails(result)
      }
      return fails(expression.otherwise)
    case 'call': {
      const { name, operands } = expression
      if (name === 'AND' || name === 'OR') return fails(operands[0]) || (value(operands[0]) !== (name === 'OR') && fails(operands[1]))
      if (name === 'COALESCE' || name === 'IFNULL') {
        for (const operand of operands) {
          if (fails(operand)) return true
          if (value(operand) !== null) return false
        }
        return false
      }
      return operands.some(fails) || value(expression) === undefined
    }
  }
}

/** What is wrong with the code of an expression; '' if nothing is. */
function judge(expression: BoundExpression, table: Table): string {
  const { batch, rows, asked } = table
  const evaluate = interpret(expression, EVALUATION)
  const expected = new Map(asked.map((row) => [row, outcomeOf(() => evaluate(rows[row]), expression.type)]))
  const isTruth = expression.type.kind === 'BOOLEAN'
  const program = compileColumns(TABLE, isTruth ? expression : undefined, [expression], EVALUATION)
  const type = withNullability(expression.type, true)
  const target = Column.allocate(table.slab, type, ROWS)
  const out = table.slab.allocate(ROWS * 4)
  try {
    program.bind(batch)
    const wrong: string[] = []
    const check = (row: number, found: Outcome): void => {
      const wanted = expected.get(row)!
      if ('error' in found && 'value' in wanted && failsEagerly(expression, rows[row])) return
      if ('error' in found ? 'error' in wanted : 'value' in wanted && found.value === wanted.value) return
      wrong.push(`row ${row}: ${JSON.stringify(found)}, interpreted ${JSON.stringify(wanted)}`)
    }
    const compute = (begin: number, end: number): Outcome => {
      target.clear()
      return outcomeOf(() => {
        program.compute(0, begin, end, batch.selection, target)
        return null
      }, type)
    }
    // All at once where nothing fails; else row by row, to see which ones do.
    const steps = 'value' in compute(0, asked.length) ? [[0, asked.length] as const] : asked.map((_, at) => [at, at + 1] as const)
    for (const [begin, end] of steps) {
      const inStep = asked.slice(begin, end)
      const failure = compute(begin, end)
      for (const row of inStep) check(row, 'error' in failure ? failure : outcomeOf(() => readColumn(target, row), type))
      if (!isTruth) continue
      let passed = 0
      const filtered = outcomeOf(() => (passed = program.filter(begin, end, batch.selection, out)), type)
      const found = Array.from(table.slab.i32.subarray(out >>> 2, (out >>> 2) + passed)).join()
      const wanted = inStep.filter((row) => JSON.stringify(expected.get(row)) === '{"value":"btrue"}').join()
      if ('value' in filtered && found !== wanted) wrong.push(`rows ${found} pass, interpreted ${wanted}`)
    }
    return wrong.slice(0, 3).join('; ')
  } finally {
    target.free()
    table.slab.free(out, ROWS * 4)
  }
}

/** What was computed otherwise once. */
const FOUND = ['CAST((GREATEST(tm) - ivd) AS TIME(0))']

describe('generated code', () => {
  test.each(FOUND)('%s is what its interpretation is', (text) => {
    expect(judge(new ExpressionBinder(text, SCOPE).bind(parseExpression(text)), new Table(new Draws(2_689_078)))).toBe('')
  })

  const { first, count } = trials(20_000, 1500)

  test(`${count} random expressions are what their interpretation is, from seed ${first}`, () => {
    const wrong: string[] = []
    let refused = 0
    let tried = 0
    let seed = first
    let table: Table | undefined
    for (let done = 0; done < count; seed++) {
      // Rows follow from the seed too, so that one seed is enough to see it again.
      if (table === undefined || seed % OF_ONE_TABLE === 0) table = new Table(new Draws(Math.floor(seed / OF_ONE_TABLE)))
      const draws = new Draws(seed)
      const maker = new ExpressionMaker(draws)
      const text = draws.once(3) ? maker.truth() : maker.any()
      tried++
      let verdict: string
      try {
        const bound = new ExpressionBinder(text, SCOPE).bind(parseExpression(text))
        if (!canCompute(bound.type)) {
          done += count === 1 ? 1 : 0
          continue
        }
        verdict = judge(bound, table)
        done++
      } catch (error) {
        // Most that are drawn blindly do not fit.
        if (error instanceof PlanError) {
          refused++
          done += count === 1 ? 1 : 0
          continue
        }
        verdict = (error as Error).stack!.split('\n', 4).join(' ')
        done++
      }
      if (verdict !== '') wrong.push(`SEED=${seed} ${text}: ${verdict}`)
    }
    report(`generated code: ${tried - refused} expressions from seed ${first} on, ${refused} more were refused`)
    expect(wrong.slice(0, 20)).toEqual([])
  }, 900_000)
})
