// Random queries over random tables, each in two dialects: Flink's and DuckDB's. They stay where both mean the same; where a thing is written in another
// way there, or is known to mean something else, the other text says what Flink means:
//
// - whole numbers are divided by //, and the mean of whole numbers is a whole one;
// - numbers stay small: what is too large wraps in Flink and fails in DuckDB; nothing is divided by what may be zero, which fails in Flink;
// - a number that becomes a whole one is cut, not rounded; TRUE as text is in capitals; a DATE and an interval stay a DATE;
// - NULL comes first in ascending and last in descending order;
// - doubles are sums of powers of two, so that no order of adding shows, and never -0, which GROUP BY tells from 0;
// - an aggregate of all rows has at least one: of none it gives no row in streaming, nor does the empty one of GROUPING SETS; counts in subqueries that
//   do not depend on the row around are therefore for batch mode;
// - times lie behind 1970: before, Flink often rounds them upward;
// - LIMIT stands behind an order of all columns, so that rows at its edge are the same.

import type { Draws } from './seeds.ts'

/** A text of SQL in both dialects. */
export interface Text {
  readonly ours: string
  readonly theirs: string
}

type Kind = 'whole' | 'double' | 'decimal' | 'text' | 'truth' | 'date' | 'timestamp'

interface Column {
  /** With its table, if it has to be said. */
  readonly text: string
  readonly kind: Kind
}

export function same(text: string): Text {
  return { ours: text, theirs: text }
}

/** A text with others in it. */
export function sql(pieces: TemplateStringsArray, ...parts: readonly (Text | string | number)[]): Text {
  const of = (dialect: keyof Text): string => pieces.map((piece, index) => piece + (index < parts.length ? textIn(parts[index], dialect) : '')).join('')
  return { ours: of('ours'), theirs: of('theirs') }
}

function textIn(part: Text | string | number, dialect: keyof Text): string {
  return typeof part === 'object' ? part[dialect] : String(part)
}

export function join(texts: readonly Text[], between: string): Text {
  return { ours: texts.map(({ ours }) => ours).join(between), theirs: texts.map(({ theirs }) => theirs).join(between) }
}

const TYPES: Readonly<Record<string, { readonly kind: Kind; readonly ours: string; readonly theirs: string; readonly values: readonly string[] }>> = {
  a: { kind: 'whole', ours: 'INT', theirs: 'INTEGER', values: ['0', '1', '1', '2', '3', '-1', '-3'] },
  b: { kind: 'whole', ours: 'BIGINT', theirs: 'BIGINT', values: ['0', '1', '2', '5', '-7', '10000000000'] },
  d: { kind: 'double', ours: 'DOUBLE', theirs: 'DOUBLE', values: ['0', '0.25', '1', '-1.5', '2', '100.5'] },
  m: { kind: 'decimal', ours: 'DECIMAL(10, 2)', theirs: 'DECIMAL(10, 2)', values: ['0', '1.50', '-2.25', '10', '0.01'] },
  s: { kind: 'text', ours: 'STRING', theirs: 'VARCHAR', values: ["''", "'a'", "'b'", "'ab'", "'B'", "'é'", "'10'", "'a b'"] },
  t: { kind: 'text', ours: 'STRING', theirs: 'VARCHAR', values: ["'a'", "'b'", "'x'"] },
  f: { kind: 'truth', ours: 'BOOLEAN', theirs: 'BOOLEAN', values: ['TRUE', 'FALSE'] },
  e: { kind: 'date', ours: 'DATE', theirs: 'DATE', values: ["DATE '2024-02-29'", "DATE '2023-12-31'", "DATE '1999-12-31'", "DATE '2024-03-01'"] },
  z: {
    kind: 'timestamp',
    ours: 'TIMESTAMP(3)',
    theirs: 'TIMESTAMP',
    values: ["TIMESTAMP '2024-02-29 23:59:59.999'", "TIMESTAMP '2024-01-01 00:00:00'", "TIMESTAMP '2001-09-09 01:46:40.5'", "TIMESTAMP '2024-02-29 12:00:00'"],
  },
}
export const TABLES = ['t1', 't2', 't3']
const TABLE_COLUMNS = Object.keys(TYPES)

/** A view with a few rows. */
export function randomTable(draws: Draws, name: string): Text {
  const rows = draws.list(0, 9, () =>
    TABLE_COLUMNS.map((column) => {
      const { ours, theirs, values } = TYPES[column]
      const value = draws.once(5) ? 'NULL' : draws.pick(values)
      return sql`CAST(${value} AS ${{ ours, theirs }})`
    }),
  )
  const isEmpty = rows.length === 0
  if (isEmpty) rows.push(TABLE_COLUMNS.map((column) => sql`CAST(NULL AS ${TYPES[column]})`))
  const values = join(
    rows.map((row) => sql`(${join(row, ', ')})`),
    ', ',
  )
  return sql`CREATE VIEW ${name} AS SELECT * FROM (VALUES ${values}) AS v(${TABLE_COLUMNS.join(', ')})${isEmpty ? ' WHERE FALSE' : ''}`
}

/** Expressions in expressions, and queries in queries. */
const DEEPEST = 3
const DEEPEST_QUERY = 2

/** Makes queries. */
export class QueryMaker {
  /** Whether the query has what means something else in streaming: counts of no rows, and functions OVER rows, which go in the order of a time there. */
  isForBatch = false
  readonly #draws: Draws
  #names = 0

  constructor(draws: Draws) {
    this.#draws = draws
  }

  query(): Text {
    const draws = this.#draws
    const kinds = draws.list(1, 4, () => this.#kind())
    const query = draws.once(5) ? this.#united(kinds, 0) : this.#select(kinds, 0)
    return draws.once(8) ? this.#limited(query, kinds) : query
  }

  // ---- queries whose columns are c0, c1, ... of the wanted kinds ----

  #united(kinds: readonly Kind[], depth: number): Text {
    const operator = this.#draws.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'INTERSECT ALL', 'EXCEPT ALL'])
    return sql`(${this.#select(kinds, depth + 1)}) ${operator} (${this.#select(kinds, depth + 1)})`
  }

  #limited(query: Text, kinds: readonly Kind[]): Text {
    const draws = this.#draws
    const order = join(
      kinds.map((_, index) => this.#ordered(`c${index}`)),
      ', ',
    )
    const offset = draws.once(3) ? ` OFFSET ${draws.integer(4)}` : ''
    return sql`SELECT * FROM (${query}) AS ${this.#name()} ORDER BY ${order} LIMIT ${draws.integer(6)}${offset}`
  }

  #ordered(column: string): Text {
    const isDescending = this.#draws.once(2)
    const explicit = `${column} ${isDescending ? 'DESC NULLS LAST' : 'ASC NULLS FIRST'}`
    return { ours: this.#draws.once(2) ? explicit : `${column}${isDescending ? ' DESC' : ''}`, theirs: explicit }
  }

  #select(kinds: readonly Kind[], depth: number): Text {
    const draws = this.#draws
    if (depth < 2 && draws.once(12)) return this.#united(kinds, depth)
    return draws.pick([
      () => this.#plain(kinds, depth),
      () => this.#plain(kinds, depth),
      () => this.#grouped(kinds, depth),
      () => this.#grouped(kinds, depth),
      () => this.#topRows(kinds, depth),
      () => this.#over(kinds, depth),
    ])()
  }

  #items(kinds: readonly Kind[], make: (kind: Kind) => Text): Text {
    return join(
      kinds.map((kind, index) => sql`${make(kind)} AS c${index}`),
      ', ',
    )
  }

  #plain(kinds: readonly Kind[], depth: number): Text {
    const { from, columns } = this.#from(depth)
    const draws = this.#draws
    const where = draws.once(2) ? sql` WHERE ${this.#condition(columns, depth)}` : same('')
    const item = (kind: Kind): Text => (depth < 2 && draws.once(15) ? this.#scalarQuery(kind, columns) : this.#expression(kind, columns, 0))
    return sql`SELECT ${draws.once(5) ? 'DISTINCT ' : ''}${this.#items(kinds, item)} FROM ${from}${where}`
  }

  #grouped(kinds: readonly Kind[], depth: number): Text {
    const draws = this.#draws
    const { from, columns } = this.#from(depth)
    const keyCount = draws.integer(3)
    // Keys are columns of a query inside, so that both dialects take them for the same.
    const keys = Array.from({ length: keyCount }, (_, index) => ({ name: `k${index}`, kind: this.#kind() }))
    const values = kinds.map((kind, index) => ({ name: `v${index}`, kind }))
    const inner = join(
      [...keys, ...values].map(({ name, kind }) => sql`${this.#expression(kind, columns, 1)} AS ${name}`),
      ', ',
    )
    const where = draws.once(3) ? sql` WHERE ${this.#condition(columns, depth)}` : same('')
    const scope = [...keys, ...values, { name: 'w', kind: 'whole' as const }].map(({ name, kind }): Column => ({ text: name, kind }))
    const filter = (): Text => (draws.once(4) ? sql` FILTER (WHERE ${this.#truth(scope, 1)})` : same(''))
    const isOfSets = keyCount === 2 && draws.once(4)
    const aggregate = (kind: Kind, index: number): Text => {
      const key = keys.find((one) => one.kind === kind)
      if (key !== undefined && draws.once(2)) return same(key.name)
      return this.#aggregate(kind, `v${index}`, filter)
    }
    const items = join(
      kinds.map((kind, index) => sql`${aggregate(kind, index)} AS c${index}`),
      ', ',
    )
    const names = keys.map(({ name }) => name).join(', ')
    const by =
      keyCount === 0
        ? ''
        : ` GROUP BY ${isOfSets ? draws.pick(['ROLLUP (k0, k1)', 'CUBE (k0, k1)', 'GROUPING SETS ((k0), (k1), ())', 'GROUPING SETS ((k0, k1), (k0))']) : names}`
    const having = keyCount > 0 && draws.once(4) ? sql` HAVING ${draws.pick(['COUNT(*) > 1', 'COUNT(w) >= 1', 'SUM(w) > 0', 'MAX(w) IS NULL'])}` : same('')
    const w = this.#expression('whole', columns, 2)
    const input = sql`SELECT ${inner}, ${w} AS w FROM ${from}${where}`
    const oneRow = join(
      [...keys.map(({ kind }) => kind), ...kinds, 'whole' as const].map((kind) => this.#literal(kind)),
      ', ',
    )
    const isOfAll = keyCount === 0 || isOfSets
    return sql`SELECT ${items} FROM (${input}${isOfAll ? sql` UNION ALL SELECT ${oneRow}` : ''}) AS ${this.#name()}${by}${having}`
  }

  #aggregate(kind: Kind, value: string, filter: () => Text): Text {
    const draws = this.#draws
    const distinct = draws.once(4) ? 'DISTINCT ' : ''
    const extreme = (): Text => sql`${draws.pick(['MIN', 'MAX'])}(${value})${filter()}`
    switch (kind) {
      case 'whole':
        return draws.pick([
          () => sql`COUNT(*)${filter()}`,
          () => sql`COUNT(${distinct}${value})${filter()}`,
          () => sql`SUM(${distinct}${value})${filter()}`,
          () => {
            const of = filter()
            return { ours: `AVG(${value})${of.ours}`, theirs: `(SUM(${value})${of.theirs} // COUNT(${value})${of.theirs})` }
          },
          extreme,
        ])()
      case 'double':
        return draws.pick([() => sql`SUM(${distinct}${value})${filter()}`, () => sql`AVG(${value})${filter()}`, extreme])()
      case 'decimal':
        return draws.pick([() => sql`SUM(${distinct}${value})${filter()}`, extreme])()
      case 'truth':
        return sql`(COUNT(${value})${filter()} > 1)`
      default:
        return extreme()
    }
  }

  /** The first rows of parts. */
  #topRows(kinds: readonly Kind[], depth: number): Text {
    const draws = this.#draws
    const { from, columns } = this.#from(depth)
    const inner = this.#items(kinds, (kind) => this.#expression(kind, columns, 1))
    const part = draws.once(3) ? '' : `PARTITION BY ${draws.pick(kinds.map((_, index) => `c${index}`))} `
    const order = join(
      kinds.map((_, index) => this.#ordered(`c${index}`)),
      ', ',
    )
    const outer = kinds.map((_, index) => `c${index}`).join(', ')
    const rank = sql`ROW_NUMBER() OVER (${part}ORDER BY ${order}) AS rn`
    return sql`SELECT ${outer} FROM (SELECT *, ${rank} FROM (SELECT ${inner} FROM ${from}) AS ${this.#name()}) AS ${this.#name()} WHERE rn <= ${1 + draws.integer(3)}`
  }

  #over(kinds: readonly Kind[], depth: number): Text {
    const draws = this.#draws
    this.isForBatch = true
    const { from, columns } = this.#from(depth)
    const inner = this.#items(kinds, (kind) => this.#expression(kind, columns, 1))
    const part = draws.once(3) ? '' : `PARTITION BY ${draws.pick(kinds.map((_, index) => `c${index}`))} `
    const order = (): Text =>
      join(
        kinds.map((_, index) => this.#ordered(`c${index}`)),
        ', ',
      )
    const frame = draws.pick([
      '',
      ' ROWS BETWEEN 1 PRECEDING AND CURRENT ROW',
      ' ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING',
      ' RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW',
    ])
    // One order for all: rows that are equal have places in it, which are theirs in all calls.
    const ordered = order()
    const call = (kind: Kind, index: number): Text => {
      const value = `c${index}`
      const framed = sql`(${part}ORDER BY ${ordered}${frame})`
      const plain = sql`(${part}ORDER BY ${ordered})`
      if (kind === 'whole' && draws.once(2)) return sql`${draws.pick(['ROW_NUMBER()', 'RANK()', 'DENSE_RANK()'])} OVER ${plain}`
      if (kind === 'whole' || kind === 'double' || kind === 'decimal') return sql`${draws.pick(['SUM', 'MIN', 'MAX'])}(${value}) OVER ${framed}`
      if (kind === 'truth') return sql`(COUNT(${value}) OVER ${framed} > 1)`
      return draws.once(2)
        ? sql`${draws.pick(['MIN', 'MAX'])}(${value}) OVER ${framed}`
        : sql`${draws.pick(['LAG', 'LEAD'])}(${value}, ${1 + draws.integer(2)}) OVER ${plain}`
    }
    const items = join(
      kinds.map((kind, index) => sql`${draws.once(2) ? same(`c${index}`) : call(kind, index)} AS c${index}`),
      ', ',
    )
    return sql`SELECT ${items} FROM (SELECT ${inner} FROM ${from}) AS ${this.#name()}`
  }

  // ---- tables ----

  #from(depth: number): { readonly from: Text; readonly columns: readonly Column[] } {
    const draws = this.#draws
    const left = this.#table(depth)
    if (draws.once(2)) return left
    const right = this.#table(depth)
    const columns = [...left.columns, ...right.columns]
    if (draws.once(10)) return { from: sql`${left.from} CROSS JOIN ${right.from}`, columns }
    const type = draws.pick(['JOIN', 'JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'])
    const kinds = [...new Set(left.columns.map(({ kind }) => kind))].filter((kind) => right.columns.some((column) => column.kind === kind))
    const pairs = draws.list(1, 2, () => {
      const kind = draws.pick(kinds.length > 0 ? kinds : (['whole'] as const))
      return sql`${this.#leaf(kind, left.columns)} ${draws.once(8) ? 'IS NOT DISTINCT FROM' : '='} ${this.#leaf(kind, right.columns)}`
    })
    const residual = draws.once(3) ? [this.#truth(columns, 1)] : []
    return { from: sql`${left.from} ${type} ${right.from} ON ${join([...pairs, ...residual], ' AND ')}`, columns }
  }

  #table(depth: number): { readonly from: Text; readonly columns: readonly Column[] } {
    const draws = this.#draws
    const alias = this.#name()
    if (depth >= DEEPEST_QUERY || !draws.once(3)) {
      const columns = TABLE_COLUMNS.map((name): Column => ({ text: `${alias}.${name}`, kind: TYPES[name].kind }))
      return { from: same(`${draws.pick(TABLES)} AS ${alias}`), columns }
    }
    const kinds = draws.list(1, 4, () => this.#kind())
    const columns = kinds.map((kind, index): Column => ({ text: `${alias}.c${index}`, kind }))
    return { from: sql`(${this.#select(kinds, depth + 1)}) AS ${alias}`, columns }
  }

  #name(): string {
    return `x${this.#names++}`
  }

  // ---- conditions ----

  /** As WHERE takes it: subqueries may stand there. */
  #condition(columns: readonly Column[], depth: number): Text {
    const draws = this.#draws
    if (depth >= 2 || draws.once(2)) return this.#truth(columns, 0)
    const kind = draws.pick(columns).kind
    const inner = this.#name()
    const own = TABLE_COLUMNS.map((name): Column => ({ text: `${inner}.${name}`, kind: TYPES[name].kind }))
    const table = `${draws.pick(TABLES)} AS ${inner}`
    const where = draws.once(2) ? sql` WHERE ${this.#truth(own, 1)}` : same('')
    const correlation = sql`${this.#column(kind, own)} = ${this.#column(kind, columns)}`
    return draws.pick([
      () => sql`${this.#leaf(kind, columns)} ${draws.once(3) ? 'NOT ' : ''}IN (SELECT ${this.#leaf(kind, own)} FROM ${table}${where})`,
      () =>
        sql`${draws.once(3) ? 'NOT ' : ''}EXISTS (SELECT 1 FROM ${table} WHERE ${correlation}${draws.once(2) ? sql` AND ${this.#truth(own, 1)}` : same('')})`,
      () => {
        const aggregate = draws.pick(['MAX', 'MIN', 'COUNT'])
        this.isForBatch ||= aggregate === 'COUNT'
        return sql`${this.#leaf('whole', columns)} ${draws.pick(['<', '>=', '='])} (SELECT ${aggregate}(${inner}.a) FROM ${table}${where})`
      },
      () =>
        sql`${this.#leaf('whole', columns)} ${draws.pick(['<', '>='])} (SELECT ${draws.pick(['MAX', 'COUNT'])}(${inner}.b) FROM ${table} WHERE ${correlation})`,
    ])()
  }

  #scalarQuery(kind: Kind, columns: readonly Column[]): Text {
    const inner = this.#name()
    const own = TABLE_COLUMNS.map((name): Column => ({ text: `${inner}.${name}`, kind: TYPES[name].kind }))
    const table = `${this.#draws.pick(TABLES)} AS ${inner}`
    const by = this.#draws.pick(columns).kind
    const where = this.#draws.once(2) ? sql` WHERE ${this.#column(by, own)} = ${this.#column(by, columns)}` : same('')
    this.isForBatch ||= kind === 'truth' && where.ours === ''
    const value = kind === 'truth' ? sql`COUNT(*) > 1` : sql`MAX(${this.#column(kind, own)})`
    return sql`(SELECT ${value} FROM ${table}${where})`
  }

  // ---- expressions ----

  #kind(): Kind {
    return this.#draws.pick(['whole', 'whole', 'whole', 'text', 'text', 'double', 'decimal', 'truth', 'date', 'timestamp'])
  }

  /** A column of a kind, or a constant if there is none. */
  #column(kind: Kind, columns: readonly Column[]): Text {
    const of = columns.filter((column) => column.kind === kind)
    return of.length === 0 ? this.#literal(kind) : same(this.#draws.pick(of).text)
  }

  #leaf(kind: Kind, columns: readonly Column[]): Text {
    return this.#draws.once(6) ? this.#literal(kind) : this.#column(kind, columns)
  }

  #literal(kind: Kind): Text {
    const type = this.#draws.pick(Object.values(TYPES).filter((one) => one.kind === kind))
    if (this.#draws.once(10)) return sql`CAST(NULL AS ${type})`
    return kind === 'double' || kind === 'decimal' || kind === 'whole'
      ? sql`CAST(${this.#draws.pick(type.values)} AS ${type})`
      : same(this.#draws.pick(type.values))
  }

  #truth(columns: readonly Column[], depth: number): Text {
    return this.#expression('truth', columns, depth)
  }

  #expression(kind: Kind, columns: readonly Column[], depth: number): Text {
    const draws = this.#draws
    if (depth >= DEEPEST || draws.once(3)) return this.#leaf(kind, columns)
    const sub = (of: Kind): Text => this.#expression(of, columns, depth + 1)
    if (draws.once(6))
      return draws.pick([
        () => sql`CASE WHEN ${sub('truth')} THEN ${sub(kind)} ELSE ${sub(kind)} END`,
        () => sql`CASE WHEN ${sub('truth')} THEN ${sub(kind)} WHEN ${sub('truth')} THEN ${sub(kind)} END`,
        () => sql`COALESCE(${sub(kind)}, ${sub(kind)})`,
        () => sql`NULLIF(${sub(kind)}, ${sub(kind)})`,
      ])()
    const count = (): number => draws.integer(4)
    switch (kind) {
      case 'whole':
        return draws.pick([
          () => sql`(${sub('whole')} ${draws.pick(['+', '-'])} ${sub('whole')})`,
          () => sql`(${sub('whole')} * ${2 + draws.integer(3)})`,
          () => sql`(-${this.#column('whole', columns)})`,
          () => sql`ABS(${sub('whole')})`,
          () => {
            const [left, divisor] = [sub('whole'), draws.pick([2, 3, 7])]
            return { ours: `(${left.ours} / ${divisor})`, theirs: `(${left.theirs} // ${divisor})` }
          },
          () => sql`MOD(${sub('whole')}, ${draws.pick([2, 3, 5])})`,
          () => ((text) => ({ ours: `CHAR_LENGTH(${text.ours})`, theirs: `LENGTH(${text.theirs})` }))(sub('text')),
          () => sql`POSITION(${draws.pick(["'a'", "'b'", "' '"])} IN ${sub('text')})`,
          () => sql`EXTRACT(${draws.pick(['YEAR', 'MONTH', 'DAY'])} FROM ${sub(draws.pick(['date', 'timestamp']))})`,
          () =>
            ((value) => ({ ours: `CAST(${value.ours} AS BIGINT)`, theirs: `CAST(trunc(${value.theirs}) AS BIGINT)` }))(sub(draws.pick(['double', 'decimal']))),
          () => sql`CAST(${sub('truth')} AS INT)`,
        ])()
      case 'double':
        return draws.pick([
          () => sql`(${sub('double')} ${draws.pick(['+', '-'])} ${sub('double')})`,
          () => sql`(${sub('double')} * ${draws.pick(['2', '0.5e0'])})`,
          () => sql`(${sub('double')} / 4e0)`,
          () => sql`(${draws.pick(['FLOOR', 'CEIL'])}(${sub('double')} + 1000) - 1000)`,
          () => sql`CAST(${sub('whole')} AS DOUBLE)`,
          () => sql`ABS(${sub('double')})`,
        ])()
      case 'decimal':
        return draws.pick([
          () => sql`CAST(${sub('decimal')} ${draws.pick(['+', '-'])} ${sub('decimal')} AS DECIMAL(20, 2))`,
          () => sql`CAST(${this.#leaf('decimal', columns)} * ${draws.pick(['2', '3'])} AS DECIMAL(20, 2))`,
          () => sql`CAST(${this.#leaf('whole', columns)} AS DECIMAL(20, 2))`,
          () => sql`ABS(${sub('decimal')})`,
        ])()
      case 'text':
        return draws.pick([
          () => sql`(${sub('text')} || ${sub('text')})`,
          () => sql`${draws.pick(['UPPER', 'LOWER', 'TRIM', 'REVERSE', 'LTRIM', 'RTRIM'])}(${sub('text')})`,
          () => sql`SUBSTRING(${sub('text')} FROM ${1 + count()} FOR ${count()})`,
          () => sql`REPLACE(${sub('text')}, ${draws.pick(["'a'", "'b'"])}, ${draws.pick(["''", "'cc'"])})`,
          () => sql`${draws.pick(['LEFT', 'RIGHT'])}(${sub('text')}, ${count()})`,
          () => sql`${draws.pick(['LPAD', 'RPAD'])}(${sub('text')}, ${count()}, 'xy')`,
          () => sql`CAST(${sub('whole')} AS ${TYPES['s']})`,
          () => sql`CAST(${sub('date')} AS ${TYPES['s']})`,
          () => ((value) => ({ ours: `CAST(${value.ours} AS STRING)`, theirs: `UPPER(CAST(${value.theirs} AS VARCHAR))` }))(sub('truth')),
        ])()
      case 'truth':
        return draws.pick([
          () => sql`(${sub('truth')} ${draws.pick(['AND', 'OR'])} ${sub('truth')})`,
          () => sql`(NOT ${sub('truth')})`,
          () => this.#comparison(columns, depth + 1),
          () => this.#comparison(columns, depth + 1),
          () => sql`(${sub(this.#kind())} IS ${draws.pick(['', 'NOT '])}NULL)`,
          () => sql`((${sub('truth')}) IS ${draws.pick(['', 'NOT '])}${draws.pick(['TRUE', 'FALSE'])})`,
          () => sql`(${sub('text')} ${draws.pick(['', 'NOT '])}LIKE ${draws.pick(["'a%'", "'%b'", "'_'", "'%'", "'a_b'", "''"])})`,
          () => sql`(${sub('whole')} ${draws.pick(['', 'NOT '])}BETWEEN ${sub('whole')} AND ${sub('whole')})`,
          () => {
            const of = draws.pick(['whole', 'text', 'date'] as const)
            return sql`(${sub(of)} ${draws.pick(['', 'NOT '])}IN (${join(
              draws.list(1, 3, () => this.#literal(of)),
              ', ',
            )}))`
          },
        ])()
      case 'date':
        return draws.pick([
          () =>
            ((value, days) => ({ ours: `(${value.ours} + INTERVAL '${days}' DAY)`, theirs: `CAST(${value.theirs} + INTERVAL '${days}' DAY AS DATE)` }))(
              sub('date'),
              count(),
            ),
          () => sql`CAST(${sub('timestamp')} AS DATE)`,
          () => this.#leaf('date', columns),
        ])()
      case 'timestamp':
        return draws.pick([
          () => sql`(${sub('timestamp')} ${draws.pick(['+', '-'])} INTERVAL '${count()}' ${draws.pick(['DAY', 'HOUR', 'MINUTE', 'MONTH'])})`,
          () =>
            ((value, unit) => ({ ours: `FLOOR(${value.ours} TO ${unit})`, theirs: `date_trunc('${unit}', ${value.theirs})` }))(
              sub('timestamp'),
              draws.pick(['DAY', 'HOUR', 'MONTH', 'YEAR']),
            ),
          () => sql`CAST(${sub('date')} AS ${TYPES['z']})`,
        ])()
    }
  }

  #comparison(columns: readonly Column[], depth: number): Text {
    const kind = this.#kind()
    const operator = this.#draws.pick(kind === 'truth' ? ['=', '<>'] : ['=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM'])
    return sql`(${this.#expression(kind, columns, depth)} ${operator} ${this.#expression(kind, columns, depth)})`
  }
}
