// Functions that users write in TypeScript, called from SQL: row by row and batch by batch the same, with their accumulators in checkpoints.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../src/base/clock.ts'
import { PlanError } from '../../../src/base/errors.ts'
import { type Field, t } from '../../../src/batch/types.ts'
import type { JobSnapshot } from '../../../src/checkpoint/job-snapshot.ts'
import { resolveJobModule } from '../../../src/engine/job-bundle.ts'
import { changeSink } from '../../../src/sql/runtime/change-sink.ts'
import { executorOf } from '../../../src/sql/runtime/run-query.ts'
import { queryOptions } from '../../../src/sql/runtime/query-options.ts'
import { changeText, runScript } from '../../../src/sql/runtime/run-script.ts'
import { SqlSession } from '../../../src/sql/session.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'
import { aggregateFunction, overloaded, scalarFunction, tableFunction, type UserFunctionDefinition } from '../../../src/sql/user-functions.ts'
import type { Change } from '../../fixtures/answers.ts'
import * as FUNCTIONS from '../../fixtures/sql-functions.ts'

const PEOPLE = `CREATE TEMPORARY VIEW people AS SELECT * FROM (VALUES
  (1, 'Ada Lovelace', 10), (2, 'Grace Hopper', 20), (3, CAST(NULL AS STRING), CAST(NULL AS INT)), (4, 'Ada Lovelace', 10)) AS v(id, name, n);`

const folder = mkdtempSync(join(tmpdir(), 'functions-'))
afterAll(() => rmSync(folder, { recursive: true }))

function sessionOf(functions: Readonly<Record<string, UserFunctionDefinition>>): SqlSession {
  const session = new SqlSession()
  for (const [name, definition] of Object.entries(functions)) session.createTemporaryFunction(name, definition)
  return session
}

function changesOf(sql: string, session: SqlSession): readonly Change[] {
  let columns: readonly Field[] = []
  const changes: Change[] = []
  runScript(
    `${PEOPLE}\n${sql}`,
    { columns: (given) => (columns = given), change: (kind, row) => changes.push(changeText(kind, row, columns) as Change) },
    { session, log() {} },
  )
  return changes
}

/** The rows that are left in the end. */
function left(changes: readonly Change[]): readonly unknown[][] {
  const rows: string[] = []
  for (const [kind, ...values] of changes)
    if (kind.startsWith('+')) rows.push(JSON.stringify(values))
    else rows.splice(rows.indexOf(JSON.stringify(values)), 1)
  return rows.toSorted().map((row) => JSON.parse(row) as unknown[])
}

/** The same, however rows are cut into batches. */
function rowsOf(sql: string, functions: Readonly<Record<string, UserFunctionDefinition>> = FUNCTIONS): readonly unknown[][] {
  const rows = left(changesOf(sql, sessionOf(functions)))
  expect(left(changesOf(`SET 'table.exec.mini-batch.enabled' = 'false'; ${sql}`, sessionOf(functions)))).toEqual(rows)
  return rows
}

function errorOf(
  sql: string,
  functions: Readonly<Record<string, UserFunctionDefinition>> = FUNCTIONS,
): Error & { readonly code?: string; readonly hint?: string } {
  try {
    changesOf(sql, sessionOf(functions))
  } catch (error) {
    return error as Error
  }
  throw new Error('It ran')
}

describe('a scalar function', () => {
  test('is called wherever a value stands, and sees NULL', () => {
    expect(rowsOf("SELECT id, initials(name), twice(n) FROM people WHERE initials(name) <> UPPER(twice('x')) AND twice(id) > 2")).toEqual([
      [2, 'GH', 40],
      [3, 'none', null],
      [4, 'AL', 20],
    ])
    expect(rowsOf('SELECT p.id, q.id FROM people p JOIN people q ON initials(p.name) = initials(q.name) AND twice(p.id) < q.id')).toEqual([[1, 4]])
    expect(rowsOf('SELECT initials(name), COUNT(*) FROM people GROUP BY initials(name) HAVING twice(COUNT(*)) > CAST(2 AS BIGINT)')).toEqual([['AL', 2]])
    expect(rowsOf('SELECT CASE WHEN id > 3 THEN initials(name) ELSE initials(NULL) END FROM people')).toEqual([['AL'], ['none'], ['none'], ['none']])
  })

  test('takes the signature that needs the fewest casts, and what fits without one', () => {
    expect(rowsOf("SELECT twice(1), twice(CAST(1 AS BIGINT)), twice(CAST(3 AS SMALLINT)), twice('ab'), longest('a', 'abc', 'ab'), longest()")).toEqual([
      [2, 2, 6, 'abab', 'abc', null],
    ])
    expect(changesOf("SELECT TYPEOF(twice(1)), TYPEOF(twice(CAST(1 AS BIGINT))), TYPEOF(initials('a'))", sessionOf(FUNCTIONS))).toEqual([
      ['+I', 'INT', 'BIGINT', 'STRING NOT NULL'],
    ])
  })

  test('takes and gives nested values as code has them', () => {
    const turned = scalarFunction({
      arguments: [t.array(t.bigint()), t.map(t.string(), t.int()), t.row({ a: t.int(), b: t.decimal(5, 2) }), t.safeInt(), t.timestamp(3)],
      returns: t.row({ sum: t.bigint(), keys: t.array(t.string()), b: t.decimal(4, 1), c: t.safeInt(), at: t.timestamp(3) }),
      eval: (numbers, map, { a, b }, c, at) => ({
        sum: numbers.reduce((sum, one) => sum + one, BigInt(a)),
        keys: [...map.keys()],
        b,
        c: c + 1,
        at: at + 1,
      }),
    })
    const call =
      "turned(ARRAY[CAST(1 AS BIGINT), CAST(2 AS BIGINT)], MAP['x', 1, 'y', 2], CAST(ROW(3, 4.56) AS ROW<a INT NOT NULL, b DECIMAL(5, 2) NOT NULL> NOT NULL), CAST(7 AS BIGINT), TIMESTAMP '2024-01-01 00:00:00.000')"
    expect(rowsOf(`SELECT r.\`sum\`, r.keys, r.b, r.c, r.\`at\` FROM (SELECT ${call} AS r)`, { turned })).toEqual([
      [6, ['x', 'y'], '4.6', 8, '2024-01-01 00:00:00.001'],
    ])
  })

  test('is computed once where it is written twice, unless it may give something else each time', () => {
    const counted = (deterministic: boolean): number => {
      let calls = 0
      const f = scalarFunction({ arguments: [t.int()], returns: t.int(), deterministic, eval: (n) => (calls++, n) })
      const part = 'SELECT n FROM (SELECT f(id) AS n FROM (VALUES (1), (2)) AS v(id)) WHERE n > 0'
      changesOf(`${part} UNION ALL ${part}`, sessionOf({ f }))
      return calls
    }
    expect(counted(false)).toBeGreaterThan(counted(true))
  })

  test.each([
    ['SELECT id, fails(id) FROM people', /^Function "fails" failed in eval\(1\), line 4, column 12: RangeError: not 1$/],
    ['SELECT late(id) FROM people', /^Function "late" failed in eval\(1\), line 4, column 8: it returned a promise, and must be synchronous$/],
    ['SELECT half(id) FROM people', /^Function "half" failed in eval\(1\), line 4, column 8: 0\.5 is no INT NOT NULL, which is a whole number$/],
    ['SELECT nothing(name) FROM people', /^Function "nothing" failed in eval\('Ada Lovelace'\), line 4, column 8: it returned undefined, and NULL is null$/],
  ])('%s: tells the function, the values and the place', (sql, message) => {
    const functions = {
      fails: scalarFunction({
        arguments: [t.int()],
        returns: t.int(),
        eval(n): number {
          throw new RangeError(`not ${n}`)
        },
      }),
      late: scalarFunction({ arguments: [t.int()], returns: t.int(), eval: (async (n: number) => n) as unknown as (n: number) => number }),
      half: scalarFunction({ arguments: [t.int()], returns: t.int(), eval: (n) => n / 2 }),
      nothing: scalarFunction({ arguments: [t.string().nullable()], returns: t.int(), eval: (() => {}) as unknown as () => number }),
    }
    const error = errorOf(`\n${sql}`, functions)
    expect([error.code, error.message]).toEqual(['USER_FUNCTION_FAILED', expect.stringMatching(message)])
  })
})

describe('a table function', () => {
  test('makes rows beside each row', () => {
    expect(rowsOf('SELECT id, w, l FROM people, LATERAL TABLE(words(name)) AS T(w, l) WHERE l > 4')).toEqual([
      [1, 'Lovelace', 8],
      [2, 'Grace', 5],
      [2, 'Hopper', 6],
      [4, 'Lovelace', 8],
    ])
    expect(rowsOf('SELECT id, word FROM people LEFT JOIN LATERAL TABLE(words(name)) ON TRUE WHERE id > 2')).toEqual([
      [3, null],
      [4, 'Ada'],
      [4, 'Lovelace'],
    ])
    expect(rowsOf('SELECT id, x FROM people CROSS JOIN LATERAL TABLE(letters(initials(name))) AS T(x) WHERE id = 1')).toEqual([
      [1, 'A'],
      [1, 'L'],
    ])
    expect(rowsOf("SELECT * FROM TABLE(words('to be'))")).toEqual([
      ['be', 2],
      ['to', 2],
    ])
  })

  test('follows rows that change', () => {
    expect(
      rowsOf('SELECT x, c FROM (SELECT name, COUNT(*) AS c FROM people GROUP BY name) CROSS JOIN LATERAL TABLE(letters(CAST(c AS STRING))) AS T(x)'),
    ).toEqual([
      ['1', 1],
      ['1', 1],
      ['2', 2],
    ])
  })

  test('tells which row it failed for', () => {
    const bad = tableFunction({ arguments: [t.int()], returns: t.row({ a: t.int() }), eval: (n) => [{ a: n }, { b: n } as unknown as { a: number }] })
    expect(errorOf('\nSELECT a FROM people, LATERAL TABLE(bad(id))', { bad }).message).toBe(
      'Function "bad" failed in eval(1), line 4, column 37: undefined is no INT NOT NULL, which is a whole number',
    )
  })
})

const EVENTS = `CREATE TEMPORARY TABLE events (k STRING, n INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'filesystem', 'path' = '${join(folder, 'events.jsonl')}', 'format' = 'json');`
const EVENT_COUNT = 400
const events = Array.from({ length: EVENT_COUNT }, (_, index) => ({ k: `k${index % 3}`, n: index % 7 === 0 ? null : index % 5, second: 3600 + index }))
writeFileSync(
  join(folder, 'events.jsonl'),
  events.map(({ k, n, second }) => `${JSON.stringify({ k, n, ts: new Date(second * 1000).toISOString().slice(0, -1).replace('T', ' ') })}\n`).join(''),
)
const counted = (n: number | null): number => n ?? 100

describe.each(['total', 'plainTotal', 'typedTotal'])('the aggregate function %s', (name) => {
  const retracts = name !== 'plainTotal'

  test('is of groups, with DISTINCT and FILTER, and sees NULL', () => {
    const select = `SELECT ${name}(n), ${name}(DISTINCT n), ${name}(n) FILTER (WHERE id < 3)`
    expect(rowsOf(`${select} FROM people`)).toEqual([[140, 130, 30]])
    expect(rowsOf(`${select}, name FROM people GROUP BY name`)).toEqual([
      [100, 100, 0, null],
      [20, 10, 10, 'Ada Lovelace'],
      [20, 20, 20, 'Grace Hopper'],
    ])
  })

  test('is of rows that change, if it can take them out', () => {
    const sql = `SELECT ${name}(CAST(c AS INT)), ${name}(DISTINCT CAST(c AS INT)) FROM (SELECT name, COUNT(*) AS c FROM people GROUP BY name)`
    if (retracts) expect(rowsOf(sql)).toEqual([[4, 3]])
    else
      expect(errorOf(sql)).toMatchObject({
        code: 'NO_RETRACT',
        message: expect.stringMatching(
          /^Aggregate function "plaintotal" has no retract\(\), and the rows that it is of change, line \d+, column \d+\n/,
        ) as string,
      })
  })

  const windows = (of: (second: number) => readonly (readonly [start: number, end: number])[]): readonly unknown[][] => {
    const sums = new Map<string, number>()
    for (const { k, n, second } of events)
      for (const [start, end] of of(second)) {
        const key = JSON.stringify([k, start, end])
        sums.set(key, (sums.get(key) ?? 0) + counted(n))
      }
    return [...sums]
      .map(([key, sum]) => [...(JSON.parse(key) as unknown[]), sum])
      .toSorted((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1))
  }
  const select = (table: string): string =>
    `${EVENTS} SELECT k, CAST(EXTRACT(EPOCH FROM CAST(window_start AS TIMESTAMP(3))) AS INT), CAST(EXTRACT(EPOCH FROM CAST(window_end AS TIMESTAMP(3))) AS INT), ${name}(n)
    FROM TABLE(${table}) GROUP BY k, window_start, window_end`

  test('is of windows, also of those that overlap', () => {
    const step = (second: number, seconds: number): number => Math.floor(second / seconds) * seconds
    expect(rowsOf(select("TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)"))).toEqual(windows((at) => [[step(at, 10), step(at, 10) + 10]]))
    expect(rowsOf(select("HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '20' SECOND)"))).toEqual(
      windows((at) => [0, 5, 10, 15].map((back) => [step(at, 5) - back, step(at, 5) - back + 20])),
    )
    expect(rowsOf(select("CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND)"))).toEqual(
      windows((at) => [10, 20, 30].flatMap((size) => (at < step(at, 30) + size ? [[step(at, 30), step(at, 30) + size] as const] : []))),
    )
    expect(rowsOf(select("SESSION(TABLE events PARTITION BY k, DESCRIPTOR(ts), INTERVAL '10' SECOND)"))).toEqual(
      ['k0', 'k1', 'k2'].map((k, index) => [
        k,
        3600 + index,
        events.findLast((event) => event.k === k)!.second + 10,
        events.filter((event) => event.k === k).reduce((sum, { n }) => sum + counted(n), 0),
      ]),
    )
  })

  test('is of the rows around a row, with a beginning if it can take rows out', () => {
    const over = (frame: string): string => `${EVENTS} SELECT k, ts, ${name}(n) OVER (PARTITION BY k ORDER BY ts ${frame}) FROM events`
    const sums = (rows: number): readonly number[] =>
      events.map(({ k }, index) => {
        const before = events.slice(0, index + 1).filter((event) => event.k === k)
        return before.slice(-rows).reduce((sum, { n }) => sum + counted(n), 0)
      })
    const found = (frame: string): unknown[] =>
      rowsOf(over(frame))
        .toSorted((left, right) => (String(left[1]) < String(right[1]) ? -1 : 1))
        .map((row) => row[2])
    expect(found('')).toEqual(sums(EVENT_COUNT))
    const bounded = 'ROWS BETWEEN 2 PRECEDING AND CURRENT ROW'
    if (retracts) expect(found(bounded)).toEqual(sums(3))
    else expect(errorOf(over(bounded))).toMatchObject({ code: 'NO_RETRACT', message: expect.stringMatching(/rows leave a frame/) as string })
  })
})

describe('accumulators', () => {
  const fail = (): never => {
    throw new Error('no more')
  }

  test.each(['total', 'plainTotal', 'typedTotal'])('of %s are in checkpoints, which as many subtasks read or others', (name) => {
    const sql = `${EVENTS} SELECT k, ${name}(n), ${name}(DISTINCT n) FROM events GROUP BY k`
    const changes: Change[] = []
    let covered = 0
    const executor = (parallelism: number, restore?: JobSnapshot) => {
      const session = sessionOf(FUNCTIONS)
      const results = parseScript(sql).map((statement) => session.execute(statement, sql))
      const { plan } = results.at(-1) as Extract<(typeof results)[number], { readonly kind: 'query' }>
      const sink = changeSink((kind, row) => changes.push(changeText(kind, row, plan.columns) as Change))
      const counting = {
        ...sink,
        createWriter: (...given: Parameters<typeof sink.createWriter>) => ({ ...sink.createWriter(...given), snapshot: () => (covered = changes.length) }),
      }
      const options = {
        ...queryOptions(session, [plan]),
        jobName: 'sums',
        clock: new VirtualClock(),
        parallelism,
        options: undefined,
        batchRowsMax: 32,
        log() {},
      }
      return executorOf((planner) => planner.addSink(plan, counting), { ...options, isCheckpointed: true, ...(restore && { restore }) })
    }
    let snapshot: JobSnapshot | undefined
    for (const [index, parallelism] of [1, 2, 3].entries()) {
      const job = executor(parallelism, snapshot)
      const rows = changes.length
      let taken: JobSnapshot | undefined
      for (let isUnderWay = false; taken === undefined && !job.hasProcessed;) {
        if (!isUnderWay && changes.length > rows) {
          isUnderWay = true
          job.startCheckpoint(index + 1)
        }
        job.step()
        if (isUnderWay) taken = job.takeCheckpoint()
      }
      expect(taken).toBeDefined()
      job.abandon()
      changes.length = covered
      snapshot = taken
    }
    executor(2, snapshot).runToEnd()
    const of = (k: string): number[] => events.filter((event) => event.k === k).map(({ n }) => counted(n))
    const sum = (values: Iterable<number>): number => [...values].reduce((whole, one) => whole + one, 0)
    expect(left(changes)).toEqual(['k0', 'k1', 'k2'].map((k) => [k, sum(of(k)), sum(new Set(of(k)))]))
  })

  test.each([
    ['accumulate', { accumulate: () => fail() }, /^Function "f" failed in accumulate\(10\), line 3, column 8: Error: no more$/],
    ['getValue', { getValue: () => 1.5 }, /^Function "f" failed in getValue\(\), line 3, column 8: 1.5 is no INT NOT NULL, which is a whole number$/],
    [
      'createAccumulator',
      { createAccumulator: () => undefined },
      /failed in createAccumulator\(\), line 3, column 8: it returned undefined, and NULL is null$/,
    ],
  ])('%s tells what it failed for', (_of, wrong, message) => {
    const f = aggregateFunction({
      arguments: [t.int().nullable()],
      returns: t.int(),
      createAccumulator: () => 0,
      accumulate: (sum, n) => sum + (n ?? 0),
      getValue: (sum) => sum,
      ...(wrong as object),
    })
    expect(errorOf('SELECT f(n) FROM people', { f }).message).toMatch(message)
  })
})

describe('a call that cannot be', () => {
  test.each([
    ['SELECT initials(1)', 'WRONG_TYPE', 'initials does not take (INT NOT NULL)', 'There is initials(STRING).'],
    [
      'SELECT longest(name) FROM people',
      'WRONG_TYPE',
      'longest does not take (STRING)',
      'There is longest(STRING NOT NULL...): declare arguments nullable(), or COALESCE what may be NULL.',
    ],
    ['SELECT twice()', 'WRONG_TYPE', 'twice does not take ()', 'There is twice(INT), twice(BIGINT), twice(STRING).'],
    ["SELECT words('a')", 'WRONG_PLACE', 'words makes rows, and is no value', 'Write FROM t, LATERAL TABLE(words(...)) AS T(...).'],
    ["SELECT * FROM TABLE(initials('a'))", 'WRONG_PLACE', 'initials gives a value, and makes no rows', 'Call it in SELECT or WHERE.'],
    ['SELECT id FROM people WHERE total(n) > 1', 'WRONG_PLACE', 'WHERE looks at rows, not at groups', 'Write the condition into HAVING.'],
    ['SELECT total(*) FROM people', 'WRONG_TYPE', 'total does not take *', 'Name a column.'],
    ['SELECT twicee(1)', 'UNKNOWN_FUNCTION', 'There is no function twicee', 'Did you mean twice?'],
    ['SELECT id FROM people RIGHT JOIN LATERAL TABLE(words(name)) ON TRUE', 'WRONG_JOIN', /joined by CROSS JOIN, or LEFT JOIN/, undefined],
    ['SELECT x FROM people, LATERAL TABLE(words(name)) AS T(x)', 'WRONG_COLUMN_COUNT', '1 names stand for 2 columns', undefined],
  ])('%s', (sql, code, message, hint) => {
    const error = errorOf(sql)
    expect([error.code, error.message.split(', line')[0], error.hint]).toEqual([
      code,
      typeof message === 'string' ? message : expect.stringMatching(message),
      hint,
    ])
  })
})

describe('a definition', () => {
  test.each([
    ['has types of SQL', () => scalarFunction({ arguments: [t.object()], returns: t.int(), eval: () => 1 }), /"arguments\[0\]" is a type of SQL/],
    [
      'has what its kind needs',
      () => aggregateFunction({ arguments: [], returns: t.int(), createAccumulator: () => 0, getValue: () => 0 } as never),
      /"accumulate" of aggregate functions is a function/,
    ],
    [
      'has nothing else',
      () => scalarFunction({ arguments: [], returns: t.int(), eval: () => 1, isDeterministic: true } as never),
      /there is no "isDeterministic" of scalar functions/,
    ],
    ['has arguments', () => scalarFunction({ returns: t.int(), eval: () => 1 } as never), /"arguments" is an array of types/],
    ['is of one kind', () => overloaded(FUNCTIONS.initials as never, FUNCTIONS.words as never), /a scalar function and a table function cannot be one/],
    ['has signatures that differ', () => overloaded(FUNCTIONS.initials, FUNCTIONS.initials), /two signatures take \(STRING\)/],
  ])('%s', (_name, define, message) => {
    expect(define).toThrow(expect.objectContaining({ code: 'INVALID_FUNCTION', message: expect.stringMatching(message) as string }))
  })

  test('is registered under a name that is free', () => {
    const session = sessionOf({ twice: FUNCTIONS.twice })
    expect(() => session.createTemporaryFunction('TWICE', FUNCTIONS.twice)).toThrow(PlanError)
    expect(() => session.createTemporaryFunction('a b', FUNCTIONS.twice)).toThrow(expect.objectContaining({ code: 'SYNTAX_ERROR' }))
    expect(() => session.createTemporaryFunction('f', { eval: () => 1 } as never)).toThrow(expect.objectContaining({ code: 'INVALID_FUNCTION' }))
    session.createTemporaryFunction('other.twice', FUNCTIONS.twice)
    expect(changesOf('SELECT other.twice(1), twice(2); ', session)).toEqual([['+I', 2, 4]])
  })

  test('of the system comes before what is built in, one of a database behind it', () => {
    const shout = scalarFunction({ arguments: [t.string()], returns: t.string(), eval: (text) => `${text}!` })
    const session = sessionOf({ btrim: shout })
    session.createTemporarySystemFunction('initcap', shout)
    expect(changesOf("SELECT BTRIM(' a'), INITCAP('a'), default_catalog.default_database.btrim(' a')", session)).toEqual([['+I', 'a', 'a!', ' a!']])
  })
})

describe('CREATE FUNCTION', () => {
  const session = async (sql: string): Promise<SqlSession> => {
    const made = new SqlSession()
    made.modules.folder = folder
    await made.load(parseScript(sql))
    return made
  }
  const MODULE = `const DEFINITION = Symbol.for('millrace.user-function')
export const one = { kind: 'scalar', signatures: [{ arguments: [], rest: undefined, returns: { kind: 'INT', nullable: false }, accumulator: undefined, code: { eval: () => 1 } }], deterministic: true, [DEFINITION]: true }
export const none = () => 1
`
  writeFileSync(join(folder, 'functions.mjs'), MODULE)
  writeFileSync(join(folder, 'broken.mjs'), 'export const one = (')

  test('loads modules beside the script, and a view goes on with the function that it has', async () => {
    const sql = `CREATE FUNCTION f AS './functions.mjs#one' LANGUAGE JAVASCRIPT; CREATE VIEW ones AS SELECT f() AS a; DROP FUNCTION f; SELECT a + 1 FROM ones`
    expect(changesOf(sql, await session(sql))).toEqual([['+I', 2]])
    const shown = "CREATE FUNCTION f AS './functions.mjs#one'; CREATE VIEW v AS SELECT F() AS a FROM (VALUES 1) AS t(x); SHOW CREATE VIEW v"
    expect(String(changesOf(shown, await session(shown))[0][1])).toContain('`default_catalog`.`default_database`.`f`()')
    const altered = `CREATE FUNCTION f AS 'a.b.C'; ALTER FUNCTION f AS './functions.mjs#one'; ALTER FUNCTION IF EXISTS g AS 'x'; SELECT f()`
    expect(changesOf(altered, await session(altered))).toEqual([['+I', 1]])
  })

  test.each([
    ["CREATE FUNCTION f AS './missing.ts#f'", 'FUNCTION_NOT_FOUND', /^There is no module ".*missing\.ts"/],
    ["CREATE FUNCTION f AS './functions.mjs' LANGUAGE TYPESCRIPT", 'FUNCTION_NOT_FOUND', /does not say which export/],
    ["CREATE FUNCTION f AS './functions.txt#f' LANGUAGE TYPESCRIPT", 'FUNCTION_NOT_FOUND', /is no \.ts, \.js or \.mjs file/],
    ["CREATE FUNCTION f AS './functions.mjs#on'", 'FUNCTION_NOT_FOUND', /^"\.\/functions\.mjs" has no export "on"/],
    ["CREATE FUNCTION f AS './functions.mjs#none'", 'FUNCTION_NOT_FOUND', /is a function, and no function of SQL/],
    ["CREATE FUNCTION f AS './broken.mjs#one'", 'FUNCTION_NOT_LOADED', /^Cannot load "\.\/broken\.mjs": /],
    ["CREATE FUNCTION f AS './functions.mjs#one' USING JAR 'a.jar'", 'INVALID_OPTION', /^A module takes no USING/],
    ["CREATE FUNCTION f AS './functions.mjs#one' LANGUAGE RUBY", 'INVALID_OPTION', /^There are no functions in RUBY/],
    ["ALTER FUNCTION f AS './functions.mjs#one'", 'UNKNOWN_FUNCTION', /^There is no function "f" to alter/],
    ["ALTER TEMPORARY FUNCTION f AS 'x'", 'WRONG_KIND', /^ALTER changes functions that are not temporary/],
  ])('%s is refused where it is', async (sql, code, message) => {
    const made = await session(sql)
    const [statement] = parseScript(sql)
    expect(() => made.execute(statement, sql)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string, position: expect.anything() as unknown }),
    )
  })

  test('makes another job of a script when its module changes, and has it watched', async () => {
    const [path, module] = [join(folder, 'watched.sql'), join(folder, 'watched.ts')]
    writeFileSync(path, "CREATE FUNCTION f AS './watched.ts#f'; CREATE FUNCTION g AS './missing.ts#g'; CREATE FUNCTION h AS 'a.b.C#h'")
    writeFileSync(module, 'export const f = 1')
    const first = await resolveJobModule(path)
    expect([first.inputs, (await resolveJobModule(path)).url]).toEqual([[path, module], first.url])
    writeFileSync(module, 'export const f = 2')
    const second = await resolveJobModule(path)
    expect(second.url).not.toBe(first.url)
  })

  test('is described', () => {
    const of = sessionOf({ twice: FUNCTIONS.twice })
    expect(changesOf('DESCRIBE FUNCTION EXTENDED twice', of)).toEqual([
      ['+I', 'is system function', 'false'],
      ['+I', 'is temporary', 'true'],
      ['+I', 'class name', 'a function of the program'],
      ['+I', 'function language', 'TYPESCRIPT'],
      ['+I', 'kind', 'SCALAR'],
      ['+I', 'is deterministic', 'true'],
      ['+I', 'signature', 'twice(INT) => INT\ntwice(BIGINT) => BIGINT\ntwice(STRING) => STRING'],
    ])
  })
})
