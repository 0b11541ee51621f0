// Statements and scripts. Entry of the parser: everything else of it serves these functions.

import type { Parameter } from './parameters.ts'
import { QueryParser } from './query-parser.ts'
import type { Span, SqlError } from './sql-error.ts'
import type {
  AlterFunction,
  AlterTable,
  ColumnDefinition,
  ColumnPlace,
  Copy,
  CopyOption,
  CreateTable,
  Distribution,
  Drop,
  ExplainDetail,
  Expression,
  Insert,
  LikeClause,
  Name,
  Option,
  PrimaryKey,
  QualifiedName,
  Query,
  Show,
  Statement,
  StatementSet,
  Summarize,
  WatermarkDefinition,
} from './syntax-tree.ts'
import { TokenKind } from './tokens.ts'

/**
 * Reads a script: statements with semicolons between them.
 *
 * @param parameters What a program has put into it, in the order of the text.
 * @throws {SqlError} `SYNTAX_ERROR`, `UNSUPPORTED_TYPE`, `UNSUPPORTED_STATEMENT`, `QUERY_TOO_DEEP`, with the place of the first that is wrong.
 * @example
 * const [create, insert] = parseScript("CREATE TABLE t (id INT) WITH ('connector' = 'print'); INSERT INTO t VALUES (1)")
 */
export function parseScript(text: string, parameters: readonly Parameter[] = []): readonly Statement[] {
  return new StatementParser(text, parameters).script()
}

/** Reads one expression. @throws {SqlError} as {@link parseScript}. */
export function parseExpression(text: string): Expression {
  return new StatementParser(text).wholeExpression()
}

/** Reads a name with its parts. @throws {SqlError} as {@link parseScript}. */
export function parseName(text: string): QualifiedName {
  return new StatementParser(text).wholeName()
}

/** What a table's parentheses hold. */
interface TableElements {
  readonly columns: ColumnDefinition[]
  readonly names: Name[]
  readonly primaryKeys: PrimaryKey[]
  readonly watermarks: WatermarkDefinition[]
}

/** Statements of Flink's that stand for what is not here, with what to do instead. */
const REFUSED: readonly (readonly [readonly string[], string, string | undefined])[] = [
  [['UPDATE'], 'UPDATE changes what a sink holds, which sinks here cannot', 'Write an INSERT with a primary key: later rows replace earlier ones.'],
  [['DELETE'], 'DELETE changes what a sink holds, which sinks here cannot', undefined],
  [['TRUNCATE'], 'TRUNCATE changes what a sink holds, which sinks here cannot', undefined],
  [['MERGE'], 'There is no MERGE, as in Flink', undefined],
  [['CALL'], 'There are no procedures to call', undefined],
  [['ANALYZE'], 'There are no statistics to compute: plans do not depend on them', undefined],
  [['ADD', 'JAR'], 'Functions are TypeScript modules, not JARs', 'CREATE FUNCTION names the module.'],
  [['REMOVE', 'JAR'], 'Functions are TypeScript modules, not JARs', undefined],
  [['LOAD', 'MODULE'], 'There is one module, with all functions', undefined],
  [['UNLOAD', 'MODULE'], 'There is one module, with all functions', undefined],
  [['FROM'], 'A query begins with SELECT', 'Write SELECT * FROM the table.'],
  [['PRAGMA'], 'There are no PRAGMAs', "SET 'key' = 'value' sets options, DESCRIBE and SHOW look around."],
  [
    ['ATTACH'],
    'There are no database files to attach',
    "Tables are files, streams and connectors: FROM 'file.csv', or CREATE TABLE ... WITH ('connector' = '...').",
  ],
  [['INSTALL'], 'There are no extensions', undefined],
  [['IMPORT'], 'There is no IMPORT', "SELECT * FROM 'file.csv' reads a file as it is."],
  [['EXPORT'], 'There is no EXPORT', "COPY (query) TO 'file.csv' writes a file."],
  [['CREATE', 'MODEL'], 'There are no models', undefined],
  [['CREATE', 'MATERIALIZED'], 'There are no materialized tables', 'Write a table and an INSERT that keeps it.'],
]

/** What SHOW lists of a database, a catalog or a table, with FROM and LIKE. */
const DATABASE_CONTENTS: ReadonlySet<string> = new Set(['DATABASES', 'TABLES', 'VIEWS', 'COLUMNS', 'FUNCTIONS', 'USER FUNCTIONS'])
const TAKES_ILIKE: ReadonlySet<string> = new Set(['CATALOGS', 'DATABASES', 'FUNCTIONS', 'USER FUNCTIONS'])

/** Reads statements. */
class StatementParser extends QueryParser {
  script(): readonly Statement[] {
    const statements: Statement[] = []
    for (;;) {
      while (this.acceptSymbol(';'));
      if (this.isEnd()) return statements
      statements.push(this.#statement())
      if (!this.isSymbol(';') && !this.isEnd()) throw this.unexpected()
    }
  }

  wholeExpression(): Expression {
    const expression = this.expression()
    if (!this.isEnd()) throw this.unexpected()
    return expression
  }

  wholeName(): QualifiedName {
    const name = this.tableName('a name')
    if (!this.isEnd()) throw this.unexpected()
    return name
  }

  #statement(): Statement {
    const { token: start } = this
    if (this.isQuery() || this.isSymbol('(')) {
      const query = this.query()
      return { kind: 'query', query, span: this.span(start) }
    }
    for (const [words, message, hint] of REFUSED) if (this.isWords(...words)) throw this.error('UNSUPPORTED_STATEMENT', this.token, message, hint)
    if (this.accept('CREATE')) return this.#create(start.start)
    if (this.accept('DROP')) return this.#drop(start.start)
    if (this.accept('ALTER')) return this.#alter(start.start)
    if (this.isWords('INSERT')) return this.#insert()
    if (this.accept('EXECUTE')) {
      if (this.accept('PLAN')) return { kind: 'execute plan', path: this.string('the path of a plan'), ...this.span(start) }
      return this.isWords('STATEMENT') ? this.#statementSet() : this.#insert()
    }
    if (this.accept('COMPILE')) return this.#compile(start.start, false)
    if (this.isWords('BEGIN')) return this.#statementSet()
    if (this.accept('DESCRIBE') || this.accept('DESC')) return this.#describe(start.start)
    if (this.accept('SHOW')) return this.#show(start.start)
    if (this.accept('EXPLAIN')) return this.#explain(start.start)
    if (this.accept('SUMMARIZE')) return this.#summarize(start.start)
    if (this.accept('COPY')) return this.#copy(start.start)
    if (this.accept('SET')) return this.#set(start.start)
    if (this.accept('RESET')) return { kind: 'reset', key: this.token.kind === TokenKind.STRING ? this.take().text : undefined, ...this.span(start) }
    if (this.accept('USE')) {
      if (this.isWords('MODULES')) throw this.error('UNSUPPORTED_STATEMENT', this.token, 'There is one module, with all functions')
      return { kind: 'use', what: this.accept('CATALOG') ? 'CATALOG' : 'DATABASE', name: this.qualifiedName(), ...this.span(start) }
    }
    for (const word of ['SELECT', 'WITH', 'VALUES', 'TABLE']) this.isWords(word)
    throw this.unexpected('a statement')
  }

  // ---------------------------------------------------------------------------------------------------------------- CREATE

  #create(start: number): Statement {
    const replace = this.accept('OR', 'REPLACE')
    const temporary = this.accept('TEMPORARY')
    const system = this.accept('SYSTEM')
    if (this.accept('FUNCTION')) return this.#createFunction(start, temporary, system)
    if (!system && this.accept('TABLE')) return this.#createTable(start, temporary)
    if (replace) throw this.unexpected()
    if (!system && this.accept('VIEW')) {
      const head = this.#created(temporary)
      const columns = this.isSymbol('(') ? this.parenthesized(() => this.name('a column')) : []
      const comment = this.#comment()
      this.expectWords('AS')
      return { kind: 'create view', ...head, columns, comment, query: this.query(), ...this.span(start) }
    }
    if (!temporary && this.accept('CATALOG')) {
      const ifNotExists = this.accept('IF', 'NOT', 'EXISTS')
      const name = this.name()
      const comment = this.#comment()
      return { kind: 'create catalog', ifNotExists, name, comment, options: this.#with(), ...this.span(start) }
    }
    if (!temporary && this.accept('DATABASE')) {
      const ifNotExists = this.accept('IF', 'NOT', 'EXISTS')
      const name = this.qualifiedName()
      const comment = this.#comment()
      return { kind: 'create database', ifNotExists, name, comment, options: this.#with(), ...this.span(start) }
    }
    throw this.unexpected('TABLE, VIEW, FUNCTION, CATALOG or DATABASE')
  }

  #created(temporary: boolean) {
    const ifNotExists = this.accept('IF', 'NOT', 'EXISTS')
    return { temporary, ifNotExists, name: this.qualifiedName() }
  }

  #createFunction(start: number, temporary: boolean, system: boolean): Statement {
    const head = this.#created(temporary)
    const named = this.#functionClass()
    const using: string[] = []
    if (this.accept('USING'))
      this.list(() => {
        if (this.acceptOneOf('JAR', 'ARTIFACT') === undefined) throw this.unexpected()
        using.push(this.string())
      })
    return { kind: 'create function', ...head, system, ...named, using, ...this.span(start) }
  }

  #functionClass() {
    this.expectWords('AS')
    const { token } = this
    const className = this.string('the name of a module and its export')
    const classSpan = this.span(token)
    return { className, classSpan, language: this.accept('LANGUAGE') ? this.take().upper : undefined }
  }

  #alterFunction(start: number, temporary: boolean, system: boolean): AlterFunction {
    const ifExists = this.accept('IF', 'EXISTS')
    const name = this.qualifiedName()
    return { kind: 'alter function', temporary, system, ifExists, name, ...this.#functionClass(), ...this.span(start) }
  }

  #createTable(start: number, temporary: boolean): CreateTable {
    const head = this.#created(temporary)
    const elements = this.isSymbol('(') ? this.#tableElements(true) : { columns: [], names: [], primaryKeys: [], watermarks: [] }
    const comment = this.#comment()
    const distribution = this.accept('DISTRIBUTED') ? this.#distribution() : undefined
    const partitionedBy = this.accept('PARTITIONED', 'BY') ? this.parenthesized(() => this.name('a column')) : []
    const options = this.#with()
    const like = this.isWords('LIKE') ? this.#like() : undefined
    const query = like === undefined && this.accept('AS') ? this.query() : undefined
    const { columns, names, primaryKeys, watermarks } = elements
    if (names.length > 0 && query === undefined) throw this.error('SYNTAX_ERROR', names[0], `Column "${names[0].text}" has no type`)
    if (names.length > 0 && columns.length > 0) throw this.error('SYNTAX_ERROR', names[0], 'Columns are given by their names alone, or with types, not both')
    return {
      ...{ kind: 'create table', ...head, columns, columnNames: names, primaryKeys, watermarks, comment },
      ...{ distribution, partitionedBy, options, like, query, ...this.span(start) },
    }
  }

  #distribution(): Distribution {
    this.accept('BY')
    const kind = this.isSymbol('(') ? undefined : this.acceptOneOf('HASH', 'RANGE')
    const columns = this.isSymbol('(') ? this.parenthesized(() => this.name('a column')) : []
    if (!this.accept('INTO')) return { kind, columns, buckets: undefined }
    const buckets = this.integer()
    this.expectWords('BUCKETS')
    return { kind, columns, buckets }
  }

  #tableElements(mayBeNames: boolean): TableElements {
    const elements: TableElements = { columns: [], names: [], primaryKeys: [], watermarks: [] }
    this.parenthesized(() => {
      if (this.isWords('CONSTRAINT') || this.isWords('PRIMARY', 'KEY')) elements.primaryKeys.push(this.#primaryKey())
      else if (this.isWords('UNIQUE'))
        throw this.error('UNSUPPORTED_STATEMENT', this.token, 'There are no UNIQUE constraints', 'PRIMARY KEY (…) NOT ENFORCED is there.')
      else if (this.isWords('WATERMARK')) {
        if (elements.watermarks.length > 0) throw this.error('SYNTAX_ERROR', this.token, 'A table has one watermark')
        elements.watermarks.push(this.#watermark())
      } else {
        const behind = this.ahead(1).text
        if (mayBeNames && (behind === ',' || behind === ')')) elements.names.push(this.name('a column'))
        else elements.columns.push(this.#column())
      }
    })
    return elements
  }

  #column(): ColumnDefinition {
    const name = this.name('a column')
    if (this.accept('AS')) {
      const expression = this.expression()
      return { kind: 'computed', name, expression, comment: this.#comment(), ...this.span(name) }
    }
    const type = this.type()
    if (this.accept('METADATA')) {
      const key = this.accept('FROM') ? this.string("the metadata's key") : undefined
      const virtual = this.accept('VIRTUAL')
      return { kind: 'metadata', name, type, key, virtual, comment: this.#comment(), ...this.span(name) }
    }
    const constraintName = this.accept('CONSTRAINT') ? this.name() : undefined
    if (constraintName !== undefined && !this.isWords('PRIMARY', 'KEY')) throw this.unexpected()
    const isPrimaryKey = this.accept('PRIMARY', 'KEY')
    const isEnforced = isPrimaryKey && !this.#notEnforced()
    return { kind: 'physical', name, type, isPrimaryKey, isEnforced, constraintName, comment: this.#comment(), ...this.span(name) }
  }

  #primaryKey(): PrimaryKey {
    const { token: start } = this
    const name = this.accept('CONSTRAINT') ? this.name() : undefined
    this.expectWords('PRIMARY', 'KEY')
    const columns = this.parenthesized(() => this.name('a column'))
    return { name, columns, isEnforced: !this.#notEnforced(), ...this.span(start) }
  }

  #notEnforced(): boolean {
    if (this.accept('NOT', 'ENFORCED')) return true
    this.accept('ENFORCED')
    return false
  }

  #watermark(): WatermarkDefinition {
    const start = this.take()
    this.expectWords('FOR')
    const column = this.qualifiedName('a column')
    this.expectWords('AS')
    return { column, expression: this.expression(), ...this.span(start) }
  }

  #like(): LikeClause {
    const start = this.take()
    const table = this.qualifiedName('a table')
    const options: { strategy: 'INCLUDING' | 'EXCLUDING' | 'OVERWRITING'; feature: string }[] = []
    if (this.acceptSymbol('(')) {
      while (!this.acceptSymbol(')')) {
        const strategy = this.acceptOneOf('INCLUDING', 'EXCLUDING', 'OVERWRITING')
        const feature = strategy && this.acceptOneOf('ALL', 'CONSTRAINTS', 'DISTRIBUTION', 'GENERATED', 'METADATA', 'OPTIONS', 'PARTITIONS', 'WATERMARKS')
        if (strategy === undefined || feature === undefined) throw this.unexpected()
        options.push({ strategy, feature })
      }
    }
    return { table, options, ...this.span(start) }
  }

  #comment(): string | undefined {
    return this.accept('COMMENT') ? this.string('a comment in quotes') : undefined
  }

  #with(): readonly Option[] {
    return this.accept('WITH') ? this.#options() : []
  }

  #options(): readonly Option[] {
    this.expectSymbol('(')
    const options = this.isSymbol(')') ? [] : this.list(() => this.#option())
    this.expectSymbol(')')
    return options
  }

  #option(): Option {
    const { token: start } = this
    if (start.kind === TokenKind.WORD) throw this.#unquoted(start, 'WITH')
    const key = this.string("an option's key in quotes")
    this.expectSymbol('=')
    return { key, value: this.string("an option's value in quotes"), ...this.span(start) }
  }

  /** An option as others write it: with what it would be here. */
  #unquoted(start: Span, where: 'WITH' | 'SET'): SqlError {
    let key = this.take().text
    while (this.acceptSymbol('.') || this.acceptSymbol('-')) key += this.text[this.lastEnd - 1] + this.take().text
    const { start: from, end } = start
    return this.error(
      'SYNTAX_ERROR',
      { start: from, end },
      'Options stand in quotes, key and value',
      `Write ${where === 'SET' ? `SET '${key}' = '...'` : `WITH ('${key}' = '...')`}.`,
    )
  }

  // ---------------------------------------------------------------------------------------------------------------- DROP, ALTER

  #drop(start: number): Drop {
    const temporary = this.accept('TEMPORARY')
    const system = temporary && this.accept('SYSTEM')
    const what = system ? (this.expectWords('FUNCTION'), 'FUNCTION' as const) : this.acceptOneOf('TABLE', 'VIEW', 'FUNCTION', 'CATALOG', 'DATABASE')
    if (what === undefined) throw this.unexpected()
    const ifExists = this.accept('IF', 'EXISTS')
    const name = this.qualifiedName()
    const cascade = what === 'DATABASE' && this.acceptOneOf('RESTRICT', 'CASCADE') === 'CASCADE'
    return { kind: 'drop', what, temporary, system, ifExists, name, cascade, ...this.span(start) }
  }

  #alter(start: number): Statement {
    if (this.accept('VIEW')) {
      const name = this.qualifiedName()
      if (this.accept('RENAME')) {
        this.expectWords('TO')
        return { kind: 'alter view', name, action: { kind: 'rename', to: this.qualifiedName() }, ...this.span(start) }
      }
      this.expectWords('AS')
      return { kind: 'alter view', name, action: { kind: 'as', query: this.query() }, ...this.span(start) }
    }
    if (this.accept('DATABASE')) {
      const name = this.qualifiedName()
      this.expectWords('SET')
      return { kind: 'alter database', name, options: this.#options(), ...this.span(start) }
    }
    const temporary = this.accept('TEMPORARY')
    const system = temporary && this.accept('SYSTEM')
    if (this.accept('FUNCTION')) return this.#alterFunction(start, temporary, system)
    if (temporary) throw this.unexpected()
    if (this.isWords('CATALOG')) throw this.error('UNSUPPORTED_STATEMENT', this.token, 'There is no ALTER CATALOG', 'DROP it and CREATE it anew.')
    this.expectWords('TABLE')
    const ifExists = this.accept('IF', 'EXISTS')
    const name = this.qualifiedName('a table')
    const action = this.#alterAction()
    return { kind: 'alter table', ifExists, name, action, ...this.span(start) }
  }

  #alterAction(): AlterTable['action'] {
    if (this.accept('RENAME')) {
      if (this.accept('TO')) return { kind: 'rename', to: this.qualifiedName() }
      const column = this.qualifiedName('a column')
      this.expectWords('TO')
      return { kind: 'rename column', column, to: this.name('a column') }
    }
    if (this.accept('SET')) return { kind: 'set', options: this.#options() }
    if (this.accept('RESET')) return { kind: 'reset', keys: this.parenthesized(() => this.string("an option's key")) }
    for (const word of ['ADD', 'MODIFY'] as const) if (this.accept(word)) return { kind: word === 'ADD' ? 'add' : 'modify', ...this.#alteredElements() }
    this.expectWords('DROP')
    if (this.accept('PRIMARY', 'KEY')) return { kind: 'drop primary key' }
    if (this.accept('WATERMARK')) return { kind: 'drop watermark' }
    if (this.accept('CONSTRAINT')) return { kind: 'drop constraint', name: this.name() }
    const column = (): ReturnType<typeof this.qualifiedName> => this.qualifiedName('a column')
    return { kind: 'drop columns', columns: this.isSymbol('(') ? this.parenthesized(column) : [column()] }
  }

  #alteredElements() {
    const columns: ColumnPlace[] = []
    const primaryKeys: PrimaryKey[] = []
    const watermarks: WatermarkDefinition[] = []
    const read = (): void => {
      if (this.isWords('CONSTRAINT') || this.isWords('PRIMARY', 'KEY')) primaryKeys.push(this.#primaryKey())
      else if (this.isWords('WATERMARK')) watermarks.push(this.#watermark())
      else {
        const column = this.#column()
        const place = this.accept('FIRST') ? 'FIRST' : this.accept('AFTER') ? { after: this.name('a column') } : undefined
        columns.push({ column, place })
      }
    }
    if (this.isSymbol('(')) this.parenthesized(read)
    else read()
    return { columns, primaryKeys, watermarks }
  }

  // ---------------------------------------------------------------------------------------------------------------- INSERT, plans

  #insert(): Insert {
    const { token: start } = this
    this.expectWords('INSERT')
    const overwrite = this.acceptOneOf('INTO', 'OVERWRITE')
    if (overwrite === undefined) throw this.unexpected()
    const table = this.qualifiedName('a table')
    const hints = this.hints()
    const partition = this.accept('PARTITION')
      ? this.parenthesized(() => {
          const column = this.name('a column')
          return { column, value: this.acceptSymbol('=') ? this.expression() : undefined }
        })
      : []
    const columns = this.isSymbol('(') && !this.isQuery() ? this.parenthesized(() => this.name('a column')) : []
    const query: Query = this.query()
    let onConflict: Insert['onConflict']
    if (this.accept('ON')) {
      this.expectWords('CONFLICT', 'DO')
      onConflict = this.acceptOneOf('NOTHING', 'ERROR', 'DEDUPLICATE')
      if (onConflict === undefined) throw this.unexpected()
    }
    return { kind: 'insert', overwrite: overwrite === 'OVERWRITE', table, hints, partition, columns, query, onConflict, ...this.span(start) }
  }

  /** `[EXECUTE] STATEMENT SET BEGIN … END`, `BEGIN STATEMENT SET; … END`. */
  #statementSet(): StatementSet {
    const { token: start } = this
    const isOld = this.accept('BEGIN')
    this.expectWords('STATEMENT', 'SET')
    if (isOld) this.expectSymbol(';')
    else this.expectWords('BEGIN')
    const inserts: Insert[] = []
    while (!this.accept('END')) {
      inserts.push(this.#insert())
      this.expectSymbol(';')
    }
    if (inserts.length === 0) throw this.error('SYNTAX_ERROR', this.span(start), 'A statement set holds no INSERT')
    return { kind: 'statement set', inserts, ...this.span(start) }
  }

  #compile(start: number, execute: boolean): Statement {
    if (!execute && this.accept('AND')) {
      this.expectWords('EXECUTE')
      return this.#compile(start, true)
    }
    this.expectWords('PLAN')
    const path = this.string('the path of a plan')
    const ifNotExists = this.accept('IF', 'NOT', 'EXISTS')
    this.expectWords('FOR')
    const statement = this.isWords('STATEMENT') ? this.#statementSet() : this.#insert()
    return { kind: 'compile plan', path, ifNotExists, execute, statement, ...this.span(start) }
  }

  #explain(start: number): Statement {
    const details = this.accept('PLAN', 'FOR') ? [] : this.#explainDetails()
    if (this.isWords('STATEMENT')) return { kind: 'explain', details, statement: this.#statementSet(), ...this.span(start) }
    return { kind: 'explain', details, statement: this.#statement(), ...this.span(start) }
  }

  #explainDetails(): readonly ExplainDetail[] {
    const details: ExplainDetail[] = []
    do {
      const { token } = this
      const of = this.acceptOneOf('ESTIMATED_COST', 'CHANGELOG_MODE', 'JSON_EXECUTION_PLAN', 'PLAN_ADVICE')
      if (of === undefined && details.length === 0) return details
      if (of === undefined) throw this.unexpected('a further detail')
      if (details.some((detail) => detail.of === of)) throw this.error('DUPLICATE_DETAIL', token, `${of} is asked for twice`)
      details.push({ of, ...this.span(token.start) })
    } while (this.acceptSymbol(','))
    return details
  }

  // ---------------------------------------------------------------------------------------------------------------- files, as DuckDB has them

  #summarize(start: number): Summarize {
    return { kind: 'summarize', query: this.#queryOrTable(), ...this.span(start) }
  }

  #copy(start: number): Copy {
    const query = this.#queryOrTable()
    if (query.kind === 'table query' && this.isSymbol('('))
      throw this.error('SYNTAX_ERROR', this.token, 'COPY takes a whole table, or a query', 'Write COPY (SELECT a, b FROM t) TO ...')
    if (this.isWords('FROM'))
      throw this.error('UNSUPPORTED_STATEMENT', this.token, 'COPY writes files, it does not read them', "Write INSERT INTO t SELECT * FROM 'file.csv'.")
    this.expectWords('TO')
    const { token } = this
    const path = { text: this.string('the path of a file in quotes'), start: token.start, end: token.end }
    this.accept('WITH')
    const options = this.isSymbol('(') ? this.parenthesized(() => this.#copyOption()) : []
    return { kind: 'copy', query, path, options, ...this.span(start) }
  }

  #copyOption(): CopyOption {
    const { token: start } = this
    if (start.kind !== TokenKind.WORD) throw this.unexpected('an option of COPY')
    this.take()
    this.acceptSymbol('=')
    let value: string | undefined
    if (this.acceptSymbol('(')) {
      value = ''
      while (!this.isSymbol(')') && !this.isEnd()) value += this.take().text
      this.expectSymbol(')')
    } else if (!this.isSymbol(',') && !this.isSymbol(')')) value = this.take().text
    return { key: start.upper, value, ...this.span(start) }
  }

  /** A query, in parentheses or not, or a table or file, which stands for all of its rows. */
  #queryOrTable(): Query {
    if (this.isQuery() || this.isSymbol('(')) return this.query()
    const { token: start } = this
    return { kind: 'table query', table: this.tableName('a query, a table or a file'), ...this.span(start) }
  }

  // ---------------------------------------------------------------------------------------------------------------- session

  #describe(start: number): Statement {
    if (this.isQuery() && !this.isWords('TABLE')) return { kind: 'describe query', query: this.query(), ...this.span(start) }
    const what = this.acceptOneOf('CATALOG', 'DATABASE', 'FUNCTION', 'TABLE') ?? 'TABLE'
    const extended = this.accept('EXTENDED')
    return { kind: 'describe', what, extended, name: what === 'TABLE' ? this.tableName() : this.qualifiedName(), ...this.span(start) }
  }

  #show(start: number): Show {
    const what = this.#shown()
    const takesName = what.startsWith('CREATE') || what === 'PARTITIONS'
    let of = what === 'CREATE TABLE' ? this.tableName() : takesName ? this.qualifiedName() : undefined
    if (what === 'PARTITIONS' && this.accept('PARTITION')) this.parenthesized(() => this.expression())
    if (DATABASE_CONTENTS.has(what) && this.acceptOneOf('FROM', 'IN') !== undefined) of = this.qualifiedName()
    else if (what === 'COLUMNS') throw this.unexpected()
    if (what !== 'CATALOGS' && !DATABASE_CONTENTS.has(what)) return { kind: 'show', what, of, like: undefined, ...this.span(start) }
    const not = this.accept('NOT')
    const operator = this.acceptOneOf(...(TAKES_ILIKE.has(what) ? (['LIKE', 'ILIKE'] as const) : (['LIKE'] as const)))
    if (operator === undefined && not) throw this.unexpected()
    const like = operator && { not, operator, pattern: this.string('a pattern in quotes') }
    return { kind: 'show', what, of, like, ...this.span(start) }
  }

  #shown(): Show['what'] {
    if (this.accept('CURRENT')) {
      const what = this.acceptOneOf('CATALOG', 'DATABASE')
      if (what === undefined) throw this.unexpected()
      return `CURRENT ${what}`
    }
    if (this.accept('CREATE')) {
      const what = this.acceptOneOf('TABLE', 'VIEW', 'CATALOG')
      if (what === undefined) throw this.unexpected()
      return `CREATE ${what}`
    }
    if (this.accept('USER')) {
      this.expectWords('FUNCTIONS')
      return 'USER FUNCTIONS'
    }
    if (this.accept('FULL')) {
      this.expectWords('MODULES')
      return 'FULL MODULES'
    }
    const what = this.acceptOneOf('CATALOGS', 'DATABASES', 'TABLES', 'VIEWS', 'COLUMNS', 'FUNCTIONS', 'PARTITIONS', 'MODULES', 'JOBS')
    if (what === undefined) throw this.unexpected('what to show (TABLES, VIEWS, FUNCTIONS, COLUMNS FROM t, CREATE TABLE t, …)')
    return what
  }

  #set(start: number): Statement {
    if (this.isSymbol(';') || this.isEnd()) return { kind: 'set', key: undefined, value: undefined, ...this.span(start) }
    if (this.token.kind === TokenKind.WORD) throw this.#unquoted(this.token, 'SET')
    const key = this.string("an option's key in quotes")
    this.expectSymbol('=')
    return { kind: 'set', key, value: this.string("an option's value in quotes"), ...this.span(start) }
  }
}
