// src/sql/README.md says only what holds: what it marks as there is, its tables are those of the sources. UPDATE_README=1 writes marks and tables anew.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MillraceError } from '../../../src/base/errors.ts'
import { AGGREGATE_FUNCTIONS } from '../../../src/sql/aggregate-types.ts'
import { FLINK_FUNCTIONS } from '../../../src/sql/flink-functions.ts'
import { FunctionModules } from '../../../src/sql/function-modules.ts'
import { FOREIGN_FUNCTIONS, functionAdvice } from '../../../src/sql/function-advice.ts'
import { SCALAR_FUNCTIONS } from '../../../src/sql/functions/functions.ts'
import { insertJobOf } from '../../../src/sql/runtime/compiled-plans.ts'
import { copyOf, explainedRows, insertJob, queryJob } from '../../../src/sql/runtime/run-script.ts'
import { CONNECTORS, FORMATS } from '../../../src/sql/runtime/table-options.ts'
import { SqlSession } from '../../../src/sql/session.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'
import { root } from '../../fixtures/command.ts'
import { scratchFolder } from '../connector/file-probe.ts'

const PATH = join(root, 'src/sql/README.md')
const isUpdated = process.env.UPDATE_README === '1'
const folder = scratchFolder()
const input = join(folder, 'x.json')
writeFileSync(input, '')

const FILE = `'connector' = 'filesystem', 'path' = '${input}', 'format' = 'json'`
const SETUP = `CREATE TABLE t (a INT, b STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH (${FILE});
CREATE TABLE v (a INT, b STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH (${FILE});
CREATE TABLE p (a INT, pt AS PROCTIME()) WITH (${FILE});
CREATE TABLE rates (currency STRING, rate DOUBLE, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, PRIMARY KEY (currency) NOT ENFORCED) WITH (${FILE});
CREATE TABLE people (a INT, name STRING) WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:${input}.db', 'table-name' = 'people');
CREATE TABLE s (a INT, b STRING) WITH ('connector' = 'blackhole');`

// A definition as scalarFunction() makes it: the package that modules import need not be built.
writeFileSync(
  join(folder, 'functions.ts'),
  `const signature = { arguments: [{ kind: 'INT', nullable: true }], rest: undefined, returns: { kind: 'INT', nullable: true }, accumulator: undefined, code: { eval: (a: number) => a } }
export const f = { kind: 'scalar', signatures: [signature], deterministic: true, [Symbol.for('millrace.user-function')]: true }`,
)
const modules = new FunctionModules(folder)
await modules.load(parseScript("CREATE FUNCTION f AS './functions.ts#f'"))

/** Whether a statement can be planned; what is wrong with it else. */
function refusalOf(sql: string): string | undefined {
  const code = refusalBy(sql)?.code
  // What is read from a file was understood.
  return code?.startsWith('FILE_') === true ? undefined : code
}

function refusalBy(sql: string): MillraceError | undefined {
  const session = new SqlSession(undefined, modules)
  for (const statement of parseScript(SETUP)) session.execute(statement, SETUP)
  const options = { log() {} }
  try {
    for (const statement of parseScript(sql)) {
      const result = session.execute(statement, sql)
      if (result.kind === 'query') queryJob(result.plan, session, () => {}, options)
      const job = insertJobOf(result, session)
      if (job !== undefined) insertJob(job, options)
      if (result.kind === 'copy') copyOf(result, session, options)
      if (result.kind === 'explain') explainedRows(result, session, options)
    }
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
  return undefined
}

// ---------------------------------------------------------------------------------------------------------------- functions

/** Of those that have a grammar of their own, or stand only in certain places: a query that calls each. */
const WINDOWED = (call: string): string => `SELECT ${call} AS x FROM t GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE)`
const HOPPED = (call: string): string => `SELECT ${call} AS x FROM t GROUP BY HOP(ts, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)`
const IN_SESSIONS = (call: string): string => `SELECT ${call} AS x FROM t GROUP BY SESSION(ts, INTERVAL '1' MINUTE)`
const OVER = (call: string): string => `SELECT ${call} OVER (PARTITION BY b ORDER BY ts) AS x FROM t`
const MATCHED = (measure: string): string =>
  `SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY b ORDER BY ts MEASURES ${measure} AS x PATTERN (A B) DEFINE B AS B.a > A.a)`
/** As in Flink: where rows never end nobody knows how many there are, or which comes next. */
const IN_BATCH = "SET 'execution.runtime-mode' = 'batch'; "
const CALLS: Readonly<Record<string, string>> = {
  AT: "SELECT ts AT TIME ZONE 'UTC' AS x FROM t",
  CLASSIFIER: MATCHED('CLASSIFIER()'),
  CONVERT: 'SELECT CONVERT(INT, b) AS x FROM t',
  CUMULATE: "SELECT * FROM CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)",
  CURRENT_CATALOG: 'SELECT CURRENT_CATALOG AS x',
  CURRENT_USER: 'SELECT CURRENT_USER AS x',
  DENSE_RANK: OVER('DENSE_RANK()'),
  FIRST: MATCHED('FIRST(A.a)'),
  FROM_CHANGELOG: 'SELECT * FROM FROM_CHANGELOG(input => TABLE t, op => DESCRIPTOR(b))',
  GROUPING: 'SELECT GROUPING(a) AS x FROM t GROUP BY ROLLUP (a)',
  GROUPING_ID: 'SELECT GROUPING_ID(a) AS x FROM t GROUP BY ROLLUP (a)',
  GROUP_ID: 'SELECT GROUP_ID() AS x FROM t GROUP BY ROLLUP (a)',
  HOP: "SELECT * FROM HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)",
  IS_JSON: 'SELECT b IS JSON AS x FROM t',
  LAG: OVER('LAG(a)'),
  LAST: MATCHED('LAST(A.a)'),
  LEAD: IN_BATCH + OVER('LEAD(a)'),
  MATCH_NUMBER: MATCHED('MATCH_NUMBER()'),
  MATCH_PROCTIME: MATCHED('MATCH_PROCTIME()'),
  MATCH_ROWTIME: MATCHED('MATCH_ROWTIME()'),
  ML_PREDICT: 'SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(a))',
  NEXT: MATCHED('NEXT(A.a)'),
  NTH_VALUE: IN_BATCH + OVER('NTH_VALUE(a, 2)'),
  NTILE: IN_BATCH + OVER('NTILE(2)'),
  NULLIF: 'SELECT NULLIF(a, 1) AS x FROM t',
  OBJECT_OF: "SELECT OBJECT_OF('C', 'a', 1) AS x",
  OBJECT_UPDATE: "SELECT OBJECT_UPDATE(OBJECT_OF('C', 'a', 1), 'a', 2) AS x",
  PERCENT_RANK: IN_BATCH + OVER('PERCENT_RANK()'),
  CUME_DIST: IN_BATCH + OVER('CUME_DIST()'),
  PREV: MATCHED('PREV(A.a)'),
  RANK: OVER('RANK()'),
  RLIKE: "SELECT b RLIKE 'a+' AS x FROM t",
  ROW_NUMBER: OVER('ROW_NUMBER()'),
  SESSION: "SELECT * FROM SESSION(TABLE t PARTITION BY b, DESCRIPTOR(ts), INTERVAL '1' MINUTE)",
  SNAPSHOT: 'SELECT * FROM SNAPSHOT(TABLE t)',
  SOURCE_WATERMARK: `CREATE TABLE w (ts TIMESTAMP(3), WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH (${FILE}); DESCRIBE w`,
  TO_CHANGELOG: 'SELECT * FROM TO_CHANGELOG(input => TABLE t)',
  TRY_CAST: 'SELECT TRY_CAST(b AS INT) AS x FROM t',
  TUMBLE: "SELECT * FROM TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)",
  USER: 'SELECT USER AS x',
  VECTOR_SEARCH: 'SELECT * FROM VECTOR_SEARCH(TABLE t, DESCRIPTOR(a), ARRAY[1], 3)',
  ...Object.fromEntries(['START', 'END', 'ROWTIME', 'PROCTIME'].map((part) => [`TUMBLE_${part}`, WINDOWED(`TUMBLE_${part}(ts, INTERVAL '1' MINUTE)`)])),
  ...Object.fromEntries(
    ['START', 'END', 'ROWTIME', 'PROCTIME'].map((part) => [`HOP_${part}`, HOPPED(`HOP_${part}(ts, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)`)]),
  ),
  ...Object.fromEntries(['START', 'END', 'ROWTIME', 'PROCTIME'].map((part) => [`SESSION_${part}`, IN_SESSIONS(`SESSION_${part}(ts, INTERVAL '1' MINUTE)`)])),
}

/** Why some are not there. */
const REASONS: readonly (readonly [names: RegExp, reason: string])[] = [
  [/^(?:CLASSIFIER|FIRST|LAST|NEXT|PREV|MATCH_\w+)$/, 'of MATCH_RECOGNIZE, which is not there yet'],
  [/^(?:ML_PREDICT|VECTOR_SEARCH)$/, 'there are no models'],
  [/^SNAPSHOT$/, 'Flink 2.3 does not have it either'],
  [/^(?:AT|CURRENT_CATALOG|CURRENT_USER|NTH_VALUE|RLIKE|USER)$/, 'Flink 2.3 knows the word, and refuses each use of it'],
]

/** What else there is to say of some that are. */
const NOTES: Readonly<Record<string, string>> = {
  FROM_CHANGELOG: 'not in batch mode, as in Flink',
  OBJECT_OF: 'no class is looked up',
  SOURCE_WATERMARK: 'of streams of the Table API; the connectors here have no watermarks of their own, and are refused',
  TO_CHANGELOG: 'not in batch mode, as in Flink',
}

function kindOf(name: string): string {
  if (/^(?:TUMBLE|HOP|CUMULATE|SESSION)(?:_\w+)?$/.test(name)) return 'window'
  if (/^(?:ROW_NUMBER|(?:DENSE_|PERCENT_)?RANK|CUME_DIST|NTILE|LAG|LEAD|NTH_VALUE)$/.test(name)) return 'OVER'
  if (/^(?:CLASSIFIER|FIRST|LAST|NEXT|PREV|MATCH_\w+)$/.test(name)) return 'pattern'
  if (/^(?:ML_PREDICT|VECTOR_SEARCH|FROM_CHANGELOG|TO_CHANGELOG|SNAPSHOT)$/.test(name)) return 'table'
  return AGGREGATE_FUNCTIONS.has(name) || /_AGG$|^GROUP(?:ING)?(?:_ID)?$/.test(name) ? 'aggregate' : 'scalar'
}

function isThere(name: string): boolean {
  if (name in CALLS) return refusalOf(CALLS[name]) === undefined
  return SCALAR_FUNCTIONS.has(name) || AGGREGATE_FUNCTIONS.has(name)
}

function functionTable(): string {
  const rows = [...FLINK_FUNCTIONS].toSorted().map((name) => {
    const has = isThere(name)
    const note = has ? (NOTES[name] ?? '') : (REASONS.find(([names]) => names.test(name))?.[1] ?? '')
    return `| ${has ? '✓' : '—'} | \`${name}\` | ${kindOf(name)} | ${note} |`
  })
  const count = rows.filter((row) => row.startsWith('| ✓')).length
  return [`${count} of ${rows.length}:`, '', '| | function | kind | |', '|:-:|---|---|---|', ...rows].join('\n')
}

// ---------------------------------------------------------------------------------------------------------------- connectors

const NO_OPTION = 'qqqqqqqqqqqq-qqqqqqqqqqqq-qqqqqqqqqqqq'
/** Values that have a form, of options that are needed. */
const FORMED: Readonly<Record<string, string>> = { url: 'jdbc:sqlite:x.db' }
const TRIES_MAX = 10

/** Told by the refusal of an option that is none: those that were asked for, the needed ones first. Undefined: such tables are not used so. */
function optionsOf(use: string, given: Readonly<Record<string, string>>): readonly string[] | undefined {
  const needed: string[] = []
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const options = { ...given, ...Object.fromEntries(needed.map((key) => [key, FORMED[key] ?? input])), [NO_OPTION]: '' }
    const table = `CREATE TABLE c (a INT) WITH (${Object.entries(options)
      .map(([key, value]) => `'${key}' = '${value}'`)
      .join(', ')})`
    const refusal = refusalBy(`${table}; ${use}`)
    const missing = refusal?.code === 'MISSING_OPTION' ? /no option '([^']+)'/.exec(refusal.message)?.[1] : undefined
    if (missing === undefined) {
      const listed = /(?:Known here: |There are |Known options: )(.*)\.$/.exec(refusal?.hint ?? '')?.[1] ?? ''
      if (refusal?.code !== 'UNKNOWN_OPTION' || !refusal.message.includes(NO_OPTION)) return undefined
      const others = listed.split(', ').filter((key) => key !== '' && key !== 'connector' && !(key in given) && !needed.includes(key))
      return [...needed.map((key) => `**\`${key}\`**`), ...others.toSorted().map((key) => `\`${key}\``)]
    }
    needed.push(missing)
  }
  return undefined
}

function connectorTable(): string {
  const rows: string[] = []
  const cell = (keys: readonly string[] | undefined): string => (keys === undefined ? '—' : keys.length === 0 ? '✓' : keys.join(', '))
  for (const connector of CONNECTORS) {
    const formats = connector === 'filesystem' ? FORMATS : [undefined]
    for (const format of formats) {
      const options = { connector, ...(format !== undefined && { format }) }
      const [source, sink] = [optionsOf('SELECT * FROM c', options), optionsOf('INSERT INTO c VALUES (1)', options)]
      rows.push(`| \`${connector}\`${format === undefined ? '' : `, \`${format}\``} | ${cell(source)} | ${cell(sink)} |`)
    }
  }
  return ['| connector, format | options of tables that are read | options of tables that are written to |', '|---|---|---|', ...rows].join('\n')
}

// ---------------------------------------------------------------------------------------------------------------- the page

const EXAMPLE = /^\| (✓|—) \| ([^|]*) \| `([^`]*(?:`[^`|]+`[^`]*)*)` \|$/gm

function updated(page: string): string {
  return page
    .replaceAll(EXAMPLE, (_, __, what: string, sql: string) => `| ${refusalOf(sql) === undefined ? '✓' : '—'} | ${what} | \`${sql}\` |`)
    .replace(/<!-- functions -->[^]*?(?=\n## )/, `<!-- functions -->\n\n${functionTable()}\n`)
    .replace(/<!-- connectors -->[^]*$/, `<!-- connectors -->\n\n${connectorTable()}\n`)
}

describe('src/sql/README.md', () => {
  const page = readFileSync(PATH, 'utf8')
  if (isUpdated) writeFileSync(PATH, updated(page))
  const current = isUpdated ? updated(page) : page

  test.each([...current.matchAll(EXAMPLE)].map(([, mark, what, sql]) => ({ mark, what, sql })))('$what: $mark', ({ mark, sql }) => {
    expect(refusalOf(sql) === undefined ? '✓' : '—').toBe(mark)
  })

  test('shows examples of much', () => expect([...current.matchAll(EXAMPLE)].length).toBeGreaterThan(25))

  test('has every function of Flink with its mark', () => expect(current).toContain(functionTable()))

  test('has every connector with its options', () => expect(current).toContain(connectorTable()))
})

describe('advice on functions of other dialects', () => {
  test.each(Object.entries(FOREIGN_FUNCTIONS))('%s: %s', (name, instead) => {
    const called = /^([A-Z_]+)\(/.exec(instead)?.[1]
    if (called !== undefined) expect(isThere(called)).toBe(true)
    expect(functionAdvice(name)).toBe(FLINK_FUNCTIONS.has(name) ? `Did you mean ${name}?` : `Write ${instead}.`)
  })
})
