// What the parser makes of SQL texts: nodes as they stand in the text, with their places, nothing looked up.

import type { LogicalType } from '../batch/types.ts'
import type { LogicalPlan } from './logical-plan.ts'
import type { Span } from './sql-error.ts'
import type { NamedFunction } from './user-function-calls.ts'

/** A name as it counts: quotes and their doubling are gone. */
export interface Name extends Span {
  readonly text: string
}

/** Names with points between them, the last is the thing's own. */
export interface QualifiedName extends Span {
  readonly parts: readonly Name[]
}

// ---------------------------------------------------------------------------------------------------------------- expressions

export type Expression =
  | Literal
  | IntervalLiteral
  | Reference
  | Call
  | OverCall
  | Case
  | Cast
  | Between
  | Like
  | InList
  | InQuery
  | Quantified
  | Exists
  | QueryExpression
  | Constructor
  | Item
  | FieldAccess
  | Star
  | IsJson
  | Argument
  | TableArgument
  | Descriptor
  | Keyword

/** `text` is what stands between quotes, or the number's digits. */
export interface Literal extends Span {
  readonly kind: 'literal'
  readonly type:
    | 'string'
    | 'binary'
    | 'integer'
    | 'decimal'
    | 'double'
    | 'boolean'
    | 'null'
    | 'date'
    | 'time'
    | 'timestamp'
    | 'timestamp_ltz'
    | 'unknown'
    | 'default'
  readonly text: string
}

export type IntervalUnit = 'YEAR' | 'QUARTER' | 'MONTH' | 'WEEK' | 'DAY' | 'HOUR' | 'MINUTE' | 'SECOND' | 'MILLISECOND' | 'MICROSECOND' | 'NANOSECOND'

/** From which unit to which, with the digits of the first and of a second's fraction. */
export interface IntervalQualifier extends Span {
  readonly from: IntervalUnit
  readonly to: IntervalUnit | undefined
  readonly precision: number | undefined
  readonly fraction: number | undefined
}

/** `INTERVAL '1 02' DAY TO HOUR`; with an expression in place of the text, `INTERVAL a DAY`. */
export interface IntervalLiteral extends Span {
  readonly kind: 'interval'
  readonly negative: boolean
  readonly value: string | Expression
  readonly qualifier: IntervalQualifier
}

/** A column, a field of it, or what else has a name: `a`, `t.a`, `catalog.database.t.a`. */
export interface Reference extends Span {
  readonly kind: 'reference'
  readonly parts: readonly Name[]
}

/** `*`, `t.*`. */
export interface Star extends Span {
  readonly kind: 'star'
  readonly of: readonly Name[]
}

/** An operator or a function; operators stand under their symbols or words: `+`, `||`, `NOT`, `IS NULL`, `IS DISTINCT FROM`. */
export interface Call extends Span {
  readonly kind: 'call'
  readonly syntax: 'prefix' | 'infix' | 'postfix' | 'function' | 'special' | 'variable'
  readonly name: readonly Name[]
  readonly operands: readonly Expression[]
  /** Of an aggregate. */
  readonly quantifier: 'ALL' | 'DISTINCT' | undefined
  readonly filter: Expression | undefined
  readonly withinGroup: readonly OrderItem[] | undefined
  readonly nulls: 'IGNORE' | 'RESPECT' | undefined
  /** Of JSON functions, and others with a grammar of their own: what stands behind the operands, by its first words. */
  readonly clauses: readonly Clause[]
  /** The function of a user that it calls (function-names.ts). A function gives it, so that who copies trees leaves it as it is. */
  readonly user?: () => NamedFunction
}

/** `NULL ON EMPTY`, `RETURNING INT`, `DEFAULT 1 ON ERROR`. */
export interface Clause extends Span {
  readonly words: string
  readonly value: Expression | TypeName | undefined
}

export interface OverCall extends Span {
  readonly kind: 'over'
  readonly call: Call
  readonly window: WindowSpecification | Name
}

export interface Case extends Span {
  readonly kind: 'case'
  readonly value: Expression | undefined
  readonly branches: readonly { readonly when: readonly Expression[]; readonly result: Expression }[]
  readonly otherwise: Expression | undefined
}

export interface Cast extends Span {
  readonly kind: 'cast'
  readonly isTry: boolean
  readonly operand: Expression
  readonly type: TypeName
}

export interface Between extends Span {
  readonly kind: 'between'
  readonly not: boolean
  readonly symmetric: boolean
  readonly operand: Expression
  readonly low: Expression
  readonly high: Expression
}

export interface Like extends Span {
  readonly kind: 'like'
  readonly operator: 'LIKE' | 'ILIKE' | 'RLIKE' | 'SIMILAR TO'
  readonly not: boolean
  readonly operand: Expression
  readonly pattern: Expression
  readonly escape: Expression | undefined
}

export interface InList extends Span {
  readonly kind: 'in list'
  readonly not: boolean
  readonly operand: Expression
  readonly values: readonly Expression[]
}

export interface InQuery extends Span {
  readonly kind: 'in query'
  readonly not: boolean
  readonly operand: Expression
  readonly query: Query
}

/** `a = ANY (SELECT …)`, `a > ALL (1, 2)`. */
export interface Quantified extends Span {
  readonly kind: 'quantified'
  readonly operator: string
  readonly quantifier: 'SOME' | 'ALL'
  readonly operand: Expression
  readonly values: Query | readonly Expression[]
}

export interface Exists extends Span {
  readonly kind: 'exists'
  readonly query: Query
}

/** A query in parentheses, for its one value. */
export interface QueryExpression extends Span {
  readonly kind: 'query'
  readonly query: Query
}

/** `ROW(1, 2)` and `(1, 2)`, `ARRAY[…]`, `MAP[…]`, `MULTISET[…]`, of values or of a query's rows. */
export interface Constructor extends Span {
  readonly kind: 'constructor'
  readonly of: 'ROW' | 'ARRAY' | 'MAP' | 'MULTISET'
  readonly values: readonly Expression[] | Query
}

/** `a[1]`, `m['key']`. */
export interface Item extends Span {
  readonly kind: 'item'
  readonly operand: Expression
  readonly index: Expression
}

/** A field of something else than a name: `(r).a`, `a[1].b`. */
export interface FieldAccess extends Span {
  readonly kind: 'field'
  readonly operand: Expression
  readonly field: Name
}

export interface IsJson extends Span {
  readonly kind: 'is json'
  readonly not: boolean
  readonly operand: Expression
  readonly of: 'VALUE' | 'OBJECT' | 'ARRAY' | 'SCALAR'
}

/** An argument by its name: `SIZE => INTERVAL '1' MINUTE`. */
export interface Argument extends Span {
  readonly kind: 'argument'
  readonly name: Name
  readonly value: Expression
}

/** `TABLE t PARTITION BY a ORDER BY b`, as an argument. */
export interface TableArgument extends Span {
  readonly kind: 'table'
  readonly table: QualifiedName | Query
  readonly partitionBy: readonly Expression[]
  readonly orderBy: readonly OrderItem[]
}

/** `DESCRIPTOR(a, b)`. */
export interface Descriptor extends Span {
  readonly kind: 'descriptor'
  readonly columns: readonly Name[]
}

/** A word that is part of a function's grammar: the unit of EXTRACT, `BOTH` of TRIM. */
export interface Keyword extends Span {
  readonly kind: 'keyword'
  readonly word: string
}

/** A type with its place. */
export interface TypeName extends Span {
  readonly kind: 'type'
  readonly type: LogicalType
  /** Whether NULL or NOT NULL was said of it. */
  readonly saysNullable: boolean
}

// ---------------------------------------------------------------------------------------------------------------- queries

export interface OrderItem extends Span {
  readonly expression: Expression
  readonly descending: boolean
  readonly nulls: 'FIRST' | 'LAST' | undefined
}

export interface Hint extends Span {
  readonly name: Name
  /** `key = value` pairs, or what stands in its parentheses. */
  readonly options: readonly HintOption[]
  readonly arguments: readonly string[]
}

export interface HintOption extends Span {
  readonly key: string
  readonly value: string
}

export type Query = Select | SetOperation | Values | TableQuery | WithQuery | OrderedQuery

export interface Select extends Span {
  readonly kind: 'select'
  readonly hints: readonly Hint[]
  readonly quantifier: 'ALL' | 'DISTINCT' | undefined
  readonly items: readonly { readonly expression: Expression; readonly alias: Name | undefined }[]
  readonly from: TableExpression | undefined
  readonly where: Expression | undefined
  readonly groupBy: GroupBy | undefined
  readonly having: Expression | undefined
  readonly windows: readonly { readonly name: Name; readonly window: WindowSpecification }[]
  readonly qualify: Expression | undefined
}

export interface GroupBy {
  readonly distinct: boolean
  readonly items: readonly GroupItem[]
}

export type GroupItem =
  | { readonly kind: 'expressions'; readonly expressions: readonly Expression[]; readonly isRow: boolean }
  | { readonly kind: 'ROLLUP' | 'CUBE' | 'GROUPING SETS'; readonly items: readonly GroupItem[] }

export interface SetOperation extends Span {
  readonly kind: 'set operation'
  readonly operator: 'UNION' | 'INTERSECT' | 'EXCEPT'
  readonly all: boolean
  readonly left: Query
  readonly right: Query
}

export interface Values extends Span {
  readonly kind: 'values'
  readonly rows: readonly (readonly Expression[])[]
}

/** `TABLE t`. */
export interface TableQuery extends Span {
  readonly kind: 'table query'
  readonly table: QualifiedName
}

export interface WithQuery extends Span {
  readonly kind: 'with'
  readonly recursive: boolean
  readonly tables: readonly { readonly name: Name; readonly columns: readonly Name[]; readonly query: Query }[]
  readonly body: Query
}

export interface OrderedQuery extends Span {
  readonly kind: 'ordered'
  readonly query: Query
  readonly orderBy: readonly OrderItem[]
  readonly offset: Expression | undefined
  readonly fetch: Expression | undefined
}

export type TableExpression = TableReference | Subquery | TableFunction | Unnest | Join | MatchRecognize

interface Aliased extends Span {
  readonly alias: Name | undefined
  readonly columns: readonly Name[]
}

export interface TableReference extends Aliased {
  readonly kind: 'table reference'
  readonly name: QualifiedName
  readonly hints: readonly Hint[]
  /** `FOR SYSTEM_TIME AS OF …` */
  readonly asOf: Expression | undefined
  /** Of a table that a program has put there: what its rows are, whatever its name stands for elsewhere. */
  readonly plan?: () => LogicalPlan
}

export interface Subquery extends Aliased {
  readonly kind: 'subquery'
  readonly lateral: boolean
  readonly query: Query
}

/** `TABLE(f(…))`, `f(…)`, `LATERAL TABLE(f(…))`. */
export interface TableFunction extends Aliased {
  readonly kind: 'table function'
  readonly lateral: boolean
  readonly call: Call
}

export interface Unnest extends Aliased {
  readonly kind: 'unnest'
  readonly values: readonly Expression[]
  readonly withOrdinality: boolean
}

export interface Join extends Span {
  readonly kind: 'join'
  readonly type: 'COMMA' | 'CROSS' | 'INNER' | 'LEFT' | 'RIGHT' | 'FULL'
  readonly natural: boolean
  readonly left: TableExpression
  readonly right: TableExpression
  readonly on: Expression | undefined
  readonly using: readonly Name[] | undefined
}

/** Known by its text only: patterns are not run. */
export interface MatchRecognize extends Aliased {
  readonly kind: 'match recognize'
  readonly input: TableExpression
}

export interface WindowSpecification extends Span {
  readonly base: Name | undefined
  readonly partitionBy: readonly Expression[]
  readonly orderBy: readonly OrderItem[]
  readonly frame: Frame | undefined
}

export interface Frame {
  readonly unit: 'ROWS' | 'RANGE'
  readonly from: FrameBound
  /** Undefined: to the current row. */
  readonly to: FrameBound | undefined
}

export type FrameBound =
  | { readonly kind: 'UNBOUNDED PRECEDING' | 'CURRENT ROW' | 'UNBOUNDED FOLLOWING' }
  | { readonly kind: 'PRECEDING' | 'FOLLOWING'; readonly value: Expression }

// ---------------------------------------------------------------------------------------------------------------- statements

export type Statement =
  | { readonly kind: 'query'; readonly query: Query; readonly span: Span }
  | CreateTable
  | CreateView
  | CreateFunction
  | AlterFunction
  | CreateCatalog
  | CreateDatabase
  | Drop
  | AlterTable
  | AlterView
  | AlterDatabase
  | Insert
  | StatementSet
  | Describe
  | DescribeQuery
  | Show
  | Explain
  | SetOption
  | ResetOption
  | Use
  | CompilePlan
  | ExecutePlan
  | Summarize
  | Copy

export interface Option extends Span {
  readonly key: string
  readonly value: string
}

interface Created extends Span {
  readonly temporary: boolean
  readonly ifNotExists: boolean
  readonly name: QualifiedName
  readonly comment: string | undefined
}

export type ColumnDefinition = Span & { readonly name: Name; readonly comment: string | undefined } & (
    | {
        readonly kind: 'physical'
        readonly type: TypeName
        readonly isPrimaryKey: boolean
        readonly isEnforced: boolean
        /** Of the primary key. */
        readonly constraintName: Name | undefined
      }
    | { readonly kind: 'computed'; readonly expression: Expression }
    | { readonly kind: 'metadata'; readonly type: TypeName; readonly key: string | undefined; readonly virtual: boolean }
  )

export interface PrimaryKey extends Span {
  readonly name: Name | undefined
  readonly columns: readonly Name[]
  readonly isEnforced: boolean
}

export interface WatermarkDefinition extends Span {
  /** A column, or a field of one. */
  readonly column: QualifiedName
  readonly expression: Expression
}

export interface LikeClause extends Span {
  readonly table: QualifiedName
  readonly options: readonly { readonly strategy: 'INCLUDING' | 'EXCLUDING' | 'OVERWRITING'; readonly feature: string }[]
}

/** `DISTRIBUTED BY HASH (a) INTO 3 BUCKETS` */
export interface Distribution {
  readonly kind: 'HASH' | 'RANGE' | undefined
  readonly columns: readonly Name[]
  readonly buckets: number | undefined
}

export interface CreateTable extends Created {
  readonly kind: 'create table'
  readonly columns: readonly ColumnDefinition[]
  /** Of a table that is made from a query: names alone, which put its columns into another order. */
  readonly columnNames: readonly Name[]
  readonly primaryKeys: readonly PrimaryKey[]
  readonly watermarks: readonly WatermarkDefinition[]
  readonly distribution: Distribution | undefined
  readonly partitionedBy: readonly Name[]
  readonly options: readonly Option[]
  readonly like: LikeClause | undefined
  readonly query: Query | undefined
}

export interface CreateView extends Created {
  readonly kind: 'create view'
  readonly columns: readonly Name[]
  readonly query: Query
}

export interface CreateFunction extends Span {
  readonly kind: 'create function'
  readonly temporary: boolean
  readonly system: boolean
  readonly ifNotExists: boolean
  readonly name: QualifiedName
  readonly className: string
  /** Of the name of the class, or module. */
  readonly classSpan: Span
  readonly language: string | undefined
  readonly using: readonly string[]
}

export interface AlterFunction extends Span, Pick<CreateFunction, 'temporary' | 'system' | 'name' | 'className' | 'classSpan' | 'language'> {
  readonly kind: 'alter function'
  readonly ifExists: boolean
}

export interface CreateCatalog extends Span {
  readonly kind: 'create catalog'
  readonly ifNotExists: boolean
  readonly name: Name
  readonly comment: string | undefined
  readonly options: readonly Option[]
}

export interface CreateDatabase extends Span {
  readonly kind: 'create database'
  readonly ifNotExists: boolean
  readonly name: QualifiedName
  readonly comment: string | undefined
  readonly options: readonly Option[]
}

export interface Drop extends Span {
  readonly kind: 'drop'
  readonly what: 'TABLE' | 'VIEW' | 'FUNCTION' | 'CATALOG' | 'DATABASE'
  readonly temporary: boolean
  readonly system: boolean
  readonly ifExists: boolean
  readonly name: QualifiedName
  /** Of databases. */
  readonly cascade: boolean
}

/** Where a column that is added or changed goes. */
export interface ColumnPlace {
  readonly column: ColumnDefinition
  readonly place: 'FIRST' | { readonly after: Name } | undefined
}

export interface AlterTable extends Span {
  readonly kind: 'alter table'
  readonly ifExists: boolean
  readonly name: QualifiedName
  readonly action:
    | { readonly kind: 'rename'; readonly to: QualifiedName }
    | { readonly kind: 'rename column'; readonly column: QualifiedName; readonly to: Name }
    | { readonly kind: 'set'; readonly options: readonly Option[] }
    | { readonly kind: 'reset'; readonly keys: readonly string[] }
    | {
        readonly kind: 'add' | 'modify'
        readonly columns: readonly ColumnPlace[]
        readonly primaryKeys: readonly PrimaryKey[]
        readonly watermarks: readonly WatermarkDefinition[]
      }
    | { readonly kind: 'drop columns'; readonly columns: readonly QualifiedName[] }
    | { readonly kind: 'drop primary key' | 'drop watermark' }
    | { readonly kind: 'drop constraint'; readonly name: Name }
}

export interface AlterView extends Span {
  readonly kind: 'alter view'
  readonly name: QualifiedName
  readonly action: { readonly kind: 'rename'; readonly to: QualifiedName } | { readonly kind: 'as'; readonly query: Query }
}

export interface AlterDatabase extends Span {
  readonly kind: 'alter database'
  readonly name: QualifiedName
  readonly options: readonly Option[]
}

export interface Insert extends Span {
  readonly kind: 'insert'
  readonly overwrite: boolean
  readonly table: QualifiedName
  readonly hints: readonly Hint[]
  readonly partition: readonly { readonly column: Name; readonly value: Expression | undefined }[]
  readonly columns: readonly Name[]
  readonly query: Query
  readonly onConflict: 'NOTHING' | 'ERROR' | 'DEDUPLICATE' | undefined
}

export interface StatementSet extends Span {
  readonly kind: 'statement set'
  readonly inserts: readonly Insert[]
}

export interface Describe extends Span {
  readonly kind: 'describe'
  readonly what: 'TABLE' | 'CATALOG' | 'DATABASE' | 'FUNCTION'
  readonly extended: boolean
  readonly name: QualifiedName
}

/** DuckDB's `DESCRIBE SELECT …`. */
export interface DescribeQuery extends Span {
  readonly kind: 'describe query'
  readonly query: Query
}

export interface Show extends Span {
  readonly kind: 'show'
  readonly what:
    | 'CATALOGS'
    | 'CURRENT CATALOG'
    | 'DATABASES'
    | 'CURRENT DATABASE'
    | 'TABLES'
    | 'VIEWS'
    | 'COLUMNS'
    | 'FUNCTIONS'
    | 'USER FUNCTIONS'
    | 'CREATE TABLE'
    | 'CREATE VIEW'
    | 'CREATE CATALOG'
    | 'PARTITIONS'
    | 'MODULES'
    | 'FULL MODULES'
    | 'JOBS'
  readonly of: QualifiedName | undefined
  readonly like: { readonly not: boolean; readonly operator: 'LIKE' | 'ILIKE'; readonly pattern: string } | undefined
}

export interface Explain extends Span {
  readonly kind: 'explain'
  /** What is asked for beside the plans, each once. */
  readonly details: readonly ExplainDetail[]
  readonly statement: Statement
}

export interface ExplainDetail extends Span {
  readonly of: 'CHANGELOG_MODE' | 'ESTIMATED_COST' | 'JSON_EXECUTION_PLAN' | 'PLAN_ADVICE'
}

/** Both undefined: shows all. */
export interface SetOption extends Span {
  readonly kind: 'set'
  readonly key: string | undefined
  readonly value: string | undefined
}

/** Undefined: all. */
export interface ResetOption extends Span {
  readonly kind: 'reset'
  readonly key: string | undefined
}

export interface Use extends Span {
  readonly kind: 'use'
  readonly what: 'CATALOG' | 'DATABASE'
  readonly name: QualifiedName
}

export interface CompilePlan extends Span {
  readonly kind: 'compile plan'
  readonly path: string
  readonly ifNotExists: boolean
  /** Also runs it. */
  readonly execute: boolean
  readonly statement: Insert | StatementSet
}

export interface ExecutePlan extends Span {
  readonly kind: 'execute plan'
  readonly path: string
}

/** DuckDB's: a query, or the table or file of one. */
export interface Summarize extends Span {
  readonly kind: 'summarize'
  readonly query: Query
}

/** DuckDB's `COPY … TO`. */
export interface Copy extends Span {
  readonly kind: 'copy'
  readonly query: Query
  readonly path: Name
  readonly options: readonly CopyOption[]
}

/** `DELIMITER ';'`, `HEADER`: a value may be left out. */
export interface CopyOption extends Span {
  readonly key: string
  readonly value: string | undefined
}
