// The `sql` tag: SQL texts into which a program puts values and tables. What is put in is a node of the syntax tree, never text.

import { PlanError } from '../../base/errors.ts'
import type { BuiltJob, JobProgram } from '../../plan/job-program.ts'
import { type Statements, statementsUrl } from '../../sql/statements-url.ts'
import type { Parameter } from '../../sql/parameters.ts'
import { SqlError } from '../../sql/sql-error.ts'
import { quoted } from '../../sql/type-text.ts'
import { literalOf } from '../../sql/value-literals.ts'
import type { TableQuery } from './table-query.ts'

/** A name of a table, column, or anything else that has one. Made by `sql.id`. */
export class SqlIdentifier {
  readonly text: string

  /** @internal */
  constructor(text: string) {
    this.text = text
  }
}

/** A table of any rows: what may stand for one in a text. */
export interface SqlTable {
  /** @internal */
  readonly bound: TableQuery
  /** @internal What its columns may be named with. */
  readonly shownName: string
}

/** @internal Where tables say that they are such. */
export const IS_TABLE: unique symbol = Symbol('table')

/**
 * A SQL text with what a program has put into it. Made by the tag {@link sql}.
 *
 * Its text shows `${1}`, `${2}` and so on in the places of values and tables, which is what places in errors are counted in.
 *
 * It is a job too: `engine.submit` runs its one INSERT or EXECUTE STATEMENT SET, or its one query, whose changes are the output `result`.
 *
 * @example
 * const handle = engine.submit(sql`SELECT origin, COUNT(*) AS n FROM 'flights.csv' WHERE delay > ${15} GROUP BY origin`)
 * for await (const { rowKind, origin, n } of handle.output<{ rowKind: RowKind; origin: string; n: bigint }>('result')) console.log(rowKind, origin, n)
 */
export class SqlText implements JobProgram {
  readonly text: string
  /** @internal All jobs of SQL have one module. */
  readonly source = ''
  /** @internal What stands in it. */
  readonly parameters: readonly Parameter[]

  /** @internal */
  constructor(text: string, parameters: readonly Parameter[]) {
    this.text = text
    this.parameters = parameters
  }

  /** @internal Of the module that runs it. @throws {PlanError} `NOT_A_JOB` */
  get url(): string {
    return statementsUrl(this.#statements())
  }

  /** @internal */
  async build(): Promise<BuiltJob> {
    const { buildStatements } = await import('../../sql/runtime/script-job.ts')
    return buildStatements(this.#statements())
  }

  #statements(): Statements {
    const table = this.parameters.find(({ kind }) => kind === 'table')
    if (table !== undefined)
      throw new SqlError(
        'NOT_A_JOB',
        this.text,
        table,
        'A table of a program stands in a text that is a job of its own',
        'Use sqlQuery() or executeSql() of its environment.',
      )
    return { text: this.text, parameters: this.parameters }
  }
}

/**
 * Makes SQL texts. `${value}` becomes a literal of the value's own type: whole numbers are INT (BIGINT where they are larger), other numbers DOUBLE, bigints
 * BIGINT, `Decimal` DECIMAL, strings CHAR, `Uint8Array` BINARY, `Date` TIMESTAMP_LTZ(3), arrays ARRAY, null NULL. `${table}` is a relation: it stands in FROM,
 * in JOIN, and in parentheses where a query may. `${sql.id(name)}` is a name. Whatever a value holds, it ends no literal and begins no statement.
 *
 * @throws {SqlError} `WRONG_VALUE` for what is no value, with its place.
 * @example
 * const dear = tables.sqlQuery(sql`SELECT auction, price FROM bids WHERE price > ${1000}`)
 * const counts = tables.sqlQuery(sql`SELECT auction, COUNT(*) AS n FROM ${dear} GROUP BY auction`)
 */
export const sql: {
  (strings: TemplateStringsArray, ...values: readonly unknown[]): SqlText
  /** A name with its parts: `sql.id('my catalog', 'db', 't')` is `` `my catalog`.`db`.`t` ``. */
  id(...parts: readonly string[]): SqlIdentifier
} = Object.assign(sqlText, {
  id(...parts: readonly string[]): SqlIdentifier {
    for (const part of parts)
      if (typeof part !== 'string' || part === '' || !part.isWellFormed())
        throw new PlanError('WRONG_VALUE', `Cannot make a name of ${JSON.stringify(part)}: its parts are texts that are not empty`)
    if (parts.length === 0) throw new PlanError('WRONG_VALUE', 'Cannot make a name without parts')
    return new SqlIdentifier(parts.map(quoted).join('.'))
  },
})

function sqlText(strings: TemplateStringsArray, ...values: readonly unknown[]): SqlText {
  if (!Array.isArray(strings) || strings.length !== values.length + 1)
    throw new PlanError('WRONG_VALUE', 'Cannot make a SQL text: sql is a template tag', { hint: 'Write sql`SELECT ...`, without parentheses.' })
  const pieces = strings.map((piece, index) => {
    // An escape that JavaScript does not know has no value there.
    if (piece === undefined) throw new PlanError('WRONG_VALUE', `Cannot read ${JSON.stringify(strings.raw[index])}: it has an escape that there is not`)
    return piece
  })
  let text = pieces[0]
  const places = values.map((value, index) => {
    const start = text.length
    text += value instanceof SqlIdentifier ? value.text : `\${${index + 1}}`
    const end = text.length
    text += pieces[index + 1]
    return { value, start, end }
  })
  return new SqlText(
    text,
    places.flatMap(({ value, ...span }) => parameterOf(value, span, text) ?? []),
  )
}

function parameterOf(value: unknown, span: { readonly start: number; readonly end: number }, text: string): Parameter | undefined {
  if (value instanceof SqlIdentifier) return undefined
  const refuse = (reason: string, hint?: string): never => {
    throw new SqlError('WRONG_VALUE', text, span, `Cannot use this value: ${reason}`, hint)
  }
  if (typeof value === 'object' && value !== null && IS_TABLE in value) {
    const { shownName, bound } = value as unknown as SqlTable
    return { kind: 'table', name: shownName, plan: () => bound.plan, ...span }
  }
  if (value instanceof SqlText) refuse('it is a SQL text of its own', 'Make a table of it: sqlQuery(...).')
  return { kind: 'value', expression: literalOf(value, span, refuse), ...span }
}
