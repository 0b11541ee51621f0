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
import { compileKernels, instantiateKernels, type Kernels } from '../../src/kernels/kernels.ts'
import { canCompute, compileColumns } from '../../src/sql/runtime/column-code.ts'
import { readColumn, writeRow } from '../../src/sql/runtime/row-codec.ts'
import { parseExpression } from '../../src/sql/statement-parser.ts'
import { keyOf, type Value } from '../../src/sql/value.ts'
import { EVALUATION } from '../fixtures/evaluation.ts'
import { COLUMNS, ExpressionMaker, randomRows, TABLE } from './random-expressions.ts'
import { Draws, report, trials } from './seeds.ts'

const ROWS = 16
const module = compileKernels()
/** Filters with columns are judged for two tables, and cost as much as so many expressions. */
const TOGETHER_SHARE = 10
/** Expressions over the rows of one table. */
const OF_ONE_TABLE = 50
const SCOPE = COLUMNS.map(({ name, type }) => ({ name, type, table: 't' }))

class Table {
  readonly rows: readonly (readonly Value[])[]
  readonly batch: RecordBatch
  readonly slab: Slab
  readonly kernels: Kernels
  readonly #selected: readonly number[]

  /** @param beside A table in whose memory this one is to lie. */
  constructor(draws: Draws, beside?: Table) {
    this.slab = beside?.slab ?? new Slab()
    this.kernels = beside?.kernels ?? instantiateKernels(module, this.slab)
    this.rows = randomRows(draws, ROWS)
    const columns = TABLE.fields.map(({ type }) => Column.allocate(this.slab, type, ROWS))
    for (const [row, values] of this.rows.entries()) writeRow(columns, row, values)
    const coded = COLUMNS.findIndex(({ name }) => name === 's2')
    columns[coded] = this.#coded(columns[coded])
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

  /** The same column as codes into another one, in which the values stand the other way round. */
  #coded(column: Column): Column {
    const dictionary = Column.allocate(this.slab, column.type, ROWS)
    const coded = Column.borrow(this.slab, column.type)
    coded.values = this.slab.allocate(ROWS * 4)
    for (let row = 0; row < ROWS; row++) {
      writeRow([dictionary], row, [readColumn(column, ROWS - 1 - row)])
      this.slab.i32[(coded.values >>> 2) + row] = ROWS - 1 - row
    }
    coded.validity = column.validity
    coded.nullCount = column.nullCount
    coded.setDictionary(dictionary)
    return coded
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
  const program = compileColumns(TABLE, isTruth ? expression : undefined, [expression], EVALUATION, table.slab, table.kernels)
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
    program.free()
    target.free()
    table.slab.free(out, ROWS * 4)
  }
}

/** Whether an expression fails for a row, or might where operands behind NULL are computed too. */
function mayFail(expression: BoundExpression, row: readonly Value[]): boolean {
  return 'error' in outcomeOf(() => interpret(expression, EVALUATION)(row), expression.type) || failsEagerly(expression, row)
}

/** What is wrong with a filter, and with columns that are computed of the rows that pass, in one batch after the other; undefined where something fails. */
function judgeTogether(condition: BoundExpression, expressions: readonly BoundExpression[], tables: readonly Table[]): string | undefined {
  if (tables.some(({ rows }) => rows.some((row) => [condition, ...expressions].some((expression) => mayFail(expression, row))))) return undefined
  const [{ slab, kernels }] = tables
  const program = compileColumns(TABLE, condition, expressions, EVALUATION, slab, kernels)
  const types = expressions.map(({ type }) => withNullability(type, true))
  const targets = types.map((type) => Column.allocate(slab, type, ROWS))
  const out = slab.allocate(ROWS * 4)
  const wrong: string[] = []
  for (const { batch, rows, asked } of tables) {
    program.bind(batch)
    const passed = program.filter(0, asked.length, batch.selection, out)
    const found = Array.from(slab.i32.subarray(out >>> 2, (out >>> 2) + passed))
    const wanted = asked.filter((row) => interpret(condition, EVALUATION)(rows[row]) === true)
    if (found.join() !== wanted.join()) wrong.push(`rows ${found.join()} pass, interpreted ${wanted.join()}`)
    for (const [index, expression] of expressions.entries()) {
      targets[index].clear()
      program.compute(index, 0, passed, out, targets[index])
      for (const row of found) {
        const [value, interpreted] = [readColumn(targets[index], row), interpret(expression, EVALUATION)(rows[row])].map((one) =>
          JSON.stringify(outcomeOf(() => one, types[index])),
        )
        if (value !== interpreted) wrong.push(`column ${index}, row ${row}: ${value}, interpreted ${interpreted}`)
      }
    }
  }
  program.free()
  return wrong.slice(0, 3).join('; ')
}

/** What was computed otherwise once. */
const FOUND = ['CAST((GREATEST(tm) - ivd) AS TIME(0))']

describe('generated code', () => {
  test.each(FOUND)('%s is what its interpretation is', (text) => {
    expect(judge(new ExpressionBinder(text, SCOPE).bind(parseExpression(text)), new Table(new Draws(2_689_078)))).toBe('')
  })

  const { first, count } = trials(20_000, 500)

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

  test(`${Math.ceil(count / TOGETHER_SHARE)} filters and what is computed behind them are what their interpretation is, from seed ${first}`, () => {
    const wrong: string[] = []
    for (let seed = first, done = 0; done < count / TOGETHER_SHARE; seed++) {
      const draws = new Draws(seed)
      const maker = new ExpressionMaker(draws)
      const texts = [maker.conjunction(), maker.text(), draws.once(2) ? maker.text() : maker.any()]
      try {
        const [condition, ...expressions] = texts.map((text) => new ExpressionBinder(text, SCOPE).bind(parseExpression(text)))
        if (!expressions.every(({ type }) => canCompute(type))) continue
        const table = new Table(draws)
        const verdict = judgeTogether(condition, expressions, [table, new Table(draws, table)])
        if (verdict === undefined) continue
        if (verdict !== '') wrong.push(`SEED=${seed} ${texts.join(' | ')}: ${verdict}`)
        done++
      } catch (error) {
        if (!(error instanceof PlanError)) throw error
      }
    }
    expect(wrong.slice(0, 20)).toEqual([])
  }, 900_000)
})
