// Compiled plans: what is written is read as it was, of all queries that a real Flink has answered; what is run of them, and what is refused.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PlanError } from '../../../src/base/errors.ts'
import { shownNameOf } from '../../../src/state/state-schema.ts'
import { planText, readPlan } from '../../../src/sql/compiled-plan.ts'
import { FunctionModules } from '../../../src/sql/function-modules.ts'
import type { InsertPlan } from '../../../src/sql/insert-binder.ts'
import { PlanDigests } from '../../../src/sql/plan-digests.ts'
import { changeSink } from '../../../src/sql/runtime/change-sink.ts'
import { queryOptions } from '../../../src/sql/runtime/query-options.ts'
import { QueryPlanner } from '../../../src/sql/runtime/query-planner.ts'
import { asksForBatch, runScript } from '../../../src/sql/runtime/run-script.ts'
import { buildScript, buildStatements } from '../../../src/sql/runtime/script-job.ts'
import { SqlSession } from '../../../src/sql/session.ts'
import type { UserFunctionDefinition } from '../../../src/sql/user-functions.ts'
import * as FUNCTIONS from '../../fixtures/sql-functions.ts'
import { SqlError } from '../../../src/sql/sql-error.ts'
import { parseScript } from '../../../src/sql/statement-parser.ts'

const ANSWERS = ['answers', 'answers-own'].map((name) => fileURLToPath(new URL(`../../${name}`, import.meta.url)))
/** Plans of other versions of the engine. */
const GOLDEN = fileURLToPath(new URL('compiled-plans', import.meta.url))

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('what is written is read as it was', () => {
  const groups = ANSWERS.flatMap((answers) =>
    readdirSync(answers, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() && !['data', 'match'].includes(entry.name) ? [[entry.name, answers] as const] : [],
    ),
  )
  let count = 0

  test.each(groups)('of the cases of group %s', (group, answers) => {
    for (const file of readdirSync(join(answers, group)).filter((name) => name.endsWith('.sql'))) {
      const text = readFileSync(join(answers, group, file), 'utf8').replaceAll('${DATA}', join(answers, 'data'))
      const session = new SqlSession()
      if (asksForBatch(text)) session.options.set('execution.runtime-mode', 'batch')
      let plan
      try {
        for (const statement of parseScript(text)) {
          const result = session.execute(statement, text)
          plan = result.kind === 'query' ? result.plan : undefined
        }
        if (plan === undefined) continue
        const planner = new QueryPlanner(queryOptions(session, [plan]))
        planner.addSink(
          plan,
          changeSink(() => {}),
        )
        planner.build()
        const [optimized] = planner.optimized
        const insert = { plan: optimized, partition: new Map() } as unknown as InsertPlan
        const written = { inserts: [insert], needs: planner.needs, configuration: new Map(), currentCatalog: '', currentDatabase: '', operators: [] }
        const read = readPlan(planText(written, '0', 'ALL'), file, new SqlSession().catalog)
        const [{ plan: again }] = read.inserts
        const [one, other] = [new PlanDigests(), new PlanDigests()]
        expect(other.stateOf(again), file).toEqual(one.stateOf(optimized))
        expect(again.columns, file).toEqual(optimized.columns.map((column) => JSON.parse(JSON.stringify(column)) as typeof column))
        expect([...read.needs].map(([table, need]) => [table.path, table.options, need])).toEqual(
          [...planner.needs].map(([table, need]) => [table.path, table.options, need]),
        )
        count++
      } catch (error) {
        // What Flink refuses too.
        if (!(error instanceof PlanError)) throw error
      }
    }
  })

  test('most cases are plans', () => {
    expect(count).toBeGreaterThan(350)
  })
})

// A definition as scalarFunction() makes it: the package that modules import need not be built.
const FUNCTION_MODULE = `const signature = { arguments: [{ kind: 'INT', nullable: true }], rest: undefined, returns: { kind: 'INT', nullable: true }, accumulator: undefined, code: { eval: (a: number) => a } }
export const same = { kind: 'scalar', signatures: [signature], deterministic: true, [Symbol.for('millrace.user-function')]: true }`

const ROWS = ['{"k":"a","n":1}', '{"k":"b","n":2}', '{"k":"a","n":3}'].join('\n')

/** Tables in the folder of the tests, and statements. */
function scriptOf(statements: string): string {
  const at = (name: string): string => `'connector' = 'filesystem', 'path' = '${join(folder, name)}', 'format' = 'json'`
  return `CREATE TABLE numbers (k STRING, n INT) WITH (${at('numbers.json')});
    CREATE TABLE counts (k STRING, n BIGINT) WITH (${at('counts')});
    CREATE TABLE sums (k STRING, n BIGINT) WITH (${at('sums')});
    ${statements}`
}

function run(statements: string): void {
  writeFileSync(join(folder, 'numbers.json'), ROWS)
  rmSync(join(folder, 'counts'), { recursive: true, force: true })
  runScript(scriptOf(statements), { columns() {}, change() {} }, { log() {} })
}

function rowsIn(table: string): readonly string[] {
  return readdirSync(join(folder, table))
    .flatMap((name) =>
      readFileSync(join(folder, table, name), 'utf8')
        .split('\n')
        .filter(Boolean),
    )
    .toSorted()
}

const counts = (): readonly string[] => rowsIn('counts')

const BATCH = "SET 'execution.runtime-mode' = 'batch';"
const COUNTS = 'INSERT INTO counts SELECT k, COUNT(*) FROM numbers GROUP BY k'
const SUMS = 'INSERT INTO counts SELECT k, CAST(SUM(n) AS BIGINT) FROM numbers GROUP BY k'
const COUNTED = ['{"k":"a","n":2}', '{"k":"b","n":1}']
const SUMMED = ['{"k":"a","n":4}', '{"k":"b","n":2}']

const planPath = (name: string): string => join(folder, `${name}.json`)

interface Operator {
  uid: string
  type: string
  state?: { ttl: string; name: string }[]
}

function operatorsOf(name: string): Operator[] {
  return (JSON.parse(readFileSync(planPath(name), 'utf8')) as { operators: Operator[] }).operators
}

/** Changes a plan as somebody does with an editor. */
function edit(name: string, change: (plan: { version: number; operators: Operator[] } & Record<string, unknown>) => void): void {
  const plan = JSON.parse(readFileSync(planPath(name), 'utf8')) as Parameters<typeof change>[0]
  change(plan)
  writeFileSync(planPath(name), JSON.stringify(plan))
}

function errorOf(statements: string): SqlError {
  try {
    run(statements)
  } catch (error) {
    if (error instanceof SqlError) return error
    throw error
  }
  throw new Error('It ran')
}

describe('COMPILE PLAN', () => {
  test('writes a plan and runs nothing; EXECUTE PLAN runs it, also without the tables', () => {
    run(`${BATCH} COMPILE PLAN '${planPath('written')}' FOR ${COUNTS};`)
    expect(existsSync(join(folder, 'counts'))).toBe(false)
    run(`EXECUTE PLAN '${planPath('written')}';`)
    expect(counts()).toEqual(COUNTED)
    rmSync(join(folder, 'counts'), { recursive: true })
    runScript(`EXECUTE PLAN 'file://${planPath('written')}'`, { columns() {}, change() {} }, { log() {} })
    expect(counts()).toEqual(COUNTED)
  })

  test('writes over no plan, unless it is told so', () => {
    const compile = (exists: string, insert: string): string => `COMPILE PLAN '${planPath('kept')}'${exists} FOR ${insert};`
    run(`${BATCH} ${compile('', COUNTS)}`)
    expect(errorOf(`${BATCH} ${compile('', SUMS)}`)).toMatchObject({
      code: 'PLAN_EXISTS',
      hint: expect.stringContaining("'table.plan.force-recompile'") as string,
    })
    run(`${BATCH} ${compile(' IF NOT EXISTS', SUMS)} EXECUTE PLAN '${planPath('kept')}';`)
    expect(counts()).toEqual(COUNTED)
    run(`${BATCH} SET 'table.plan.force-recompile' = 'true'; ${compile('', SUMS)} EXECUTE PLAN '${planPath('kept')}';`)
    expect(counts()).toEqual(SUMMED)
  })

  test('COMPILE AND EXECUTE PLAN runs the plan that is there, else the one that it writes', () => {
    run(`${BATCH} COMPILE AND EXECUTE PLAN '${planPath('both')}' FOR ${COUNTS};`)
    expect(counts()).toEqual(COUNTED)
    run(`${BATCH} COMPILE AND EXECUTE PLAN '${planPath('both')}' FOR ${SUMS};`)
    expect(counts()).toEqual(COUNTED)
  })

  test('takes a statement set, and keeps what was set', () => {
    run(`${BATCH} SET 'table.exec.state.ttl' = '2 h';
      COMPILE PLAN '${planPath('set')}' FOR STATEMENT SET BEGIN ${COUNTS}; ${SUMS.replace('INTO counts', 'INTO sums')}; END;
      RESET; EXECUTE PLAN '${planPath('set')}';`)
    expect([counts(), rowsIn('sums')]).toEqual([COUNTED, SUMMED])
    expect(operatorsOf('set').flatMap(({ state = [] }) => state.map(({ name, ttl }) => `${name}: ${ttl}`))).toEqual([
      'groups: 7200000 ms',
      'groups: 7200000 ms',
    ])
  })
})

describe('late rows and functions', () => {
  const events = (path: string): string =>
    `CREATE TABLE events (k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${path}', 'format' = 'json');`
  const WINDOWS = "INSERT INTO counts SELECT k, COUNT(*) FROM TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' HOUR) GROUP BY k, window_start, window_end"

  test('of another statement of the set are read as they would be without a plan', () => {
    const path = join(folder, 'events.json')
    writeFileSync(path, ['00', '02', '00', '05'].map((hour, index) => `{"k":"k${index}","ts":"2024-01-01 ${hour}:00:00"}`).join('\n'))
    const set = `STATEMENT SET BEGIN INSERT INTO sums SELECT k, lateness FROM late_rows('events'); ${WINDOWS}; END;`
    const rows = (statements: string): readonly (readonly string[])[] => {
      rmSync(join(folder, 'sums'), { recursive: true, force: true })
      run(`SET 'table.exec.mini-batch.enabled' = 'false'; ${events(path)} ${statements}`)
      return [counts(), rowsIn('sums')]
    }
    const expected = rows(`EXECUTE ${set}`)
    expect(expected[1]).toEqual(['{"k":"k2","n":3600001}'])
    expect(rows(`COMPILE PLAN '${planPath('late')}' FOR ${set} EXECUTE PLAN '${planPath('late')}';`)).toEqual(expected)
  })

  test('that a join looks up are in a plan without the text of the script', async () => {
    const cities = `CREATE TABLE cities (k STRING, grade BIGINT) WITH ('connector' = 'jdbc', 'url' = 'jdbc:sqlite:${join(folder, 'cities.db')}', 'table-name' = 'cities');`
    const query =
      "SELECT /*+ LOOKUP('table' = 'c', 'retry-predicate' = 'lookup_miss', 'retry-strategy' = 'fixed_delay', 'fixed-delay' = '1 s', 'max-attempts' = '2') */ n.k, c.grade"
    const insert = `INSERT INTO counts ${query} FROM (SELECT k, PROCTIME() AS p FROM numbers) AS n JOIN cities FOR SYSTEM_TIME AS OF n.p AS c ON n.k = c.k`
    run(`${cities} COMPILE PLAN '${planPath('looked up')}' FOR ${insert}; -- a comment`)
    expect(readFileSync(planPath('looked up'), 'utf8')).not.toContain('a comment')
    const [given, planned] = await Promise.all(
      [`${cities} ${insert}`, `EXECUTE PLAN '${planPath('looked up')}'`].map((text) => buildScript(scriptOf(text), [], new FunctionModules())),
    )
    expect(given.graph.transformations.map(({ settings }) => settings.name)).toContain('LookupJoin')
    expect(planned.graph.transformations.map(({ settings }) => settings)).toEqual(given.graph.transformations.map(({ settings }) => settings))
  })

  test('that users have written are named, and are those of whoever runs the plan', () => {
    const runIn = (statements: string, functions: Readonly<Record<string, UserFunctionDefinition>>): void => {
      const session = new SqlSession()
      for (const [name, definition] of Object.entries(functions)) session.createTemporaryFunction(name, definition)
      rmSync(join(folder, 'counts'), { recursive: true, force: true })
      runScript(scriptOf(statements), { columns() {}, change() {} }, { session, log() {} })
    }
    const all = { capital: FUNCTIONS.initials, summed: FUNCTIONS.total }
    const insert = `INSERT INTO counts SELECT capital(k), CAST(summed(n) AS BIGINT) FROM numbers GROUP BY capital(k)`
    writeFileSync(join(folder, 'numbers.json'), ROWS)
    runIn(`${BATCH} ${insert}`, all)
    const expected = counts()
    expect(expected).toHaveLength(2)
    runIn(`${BATCH} COMPILE PLAN '${planPath('code')}' FOR ${insert};`, all)
    const execute = `EXECUTE PLAN '${planPath('code')}';`
    // The catalog in use is no concern of names in a plan.
    runIn(`CREATE DATABASE other; USE other; ${execute}`, all)
    expect(counts()).toEqual(expected)
    expect(() => runIn(execute, { capital: FUNCTIONS.initials })).toThrow(
      /it calls the function "default_catalog\.default_database\.summed", which is not there/,
    )
    expect(() => runIn(execute, { ...all, capital: FUNCTIONS.twice })).toThrow(
      /function "default_catalog\.default_database\.capital" was scalar capital\(.*and is /,
    )
  })

  test('of modules are found again by who has created them', async () => {
    const module = join(folder, 'functions.ts')
    writeFileSync(module, FUNCTION_MODULE)
    const create = `CREATE FUNCTION same AS '${module}#same' LANGUAGE TYPESCRIPT;`
    const modules = new FunctionModules()
    const insert = 'INSERT INTO counts SELECT k, CAST(same(n) AS BIGINT) FROM numbers'
    const session = new SqlSession(undefined, modules)
    const text = scriptOf(`${create} COMPILE PLAN '${planPath('module')}' FOR ${insert};`)
    await session.load(parseScript(text))
    runScript(text, { columns() {}, change() {} }, { session, log() {} })
    const { graph } = await buildScript(scriptOf(`${create} EXECUTE PLAN '${planPath('module')}'`), [], modules)
    expect(graph.transformations.length).toBeGreaterThan(2)
    await expect(buildScript(scriptOf(`EXECUTE PLAN '${planPath('module')}'`), [], new FunctionModules())).rejects.toThrow(/which is not there/)
  })
})

describe('a plan', () => {
  const SOURCE = 'k, CAST(n AS BIGINT) FROM numbers'
  const JOIN = `INSERT INTO counts SELECT /*+ STATE_TTL('a' = '1 d') */ a.k, CAST(b.n AS BIGINT) FROM numbers a JOIN numbers b ON a.k = b.k`

  test('has the uids and times of states, which may be changed in it', async () => {
    run(`COMPILE PLAN '${planPath('edited')}' FOR ${JOIN};`)
    expect(operatorsOf('edited').find(({ type }) => type === 'Join')).toMatchObject({
      uid: expect.stringMatching(/^Join:[0-9a-f]{16}$/) as string,
      state: [
        { index: 0, ttl: '86400000 ms', name: 'left' },
        { index: 1, ttl: '0 ms', name: 'right' },
      ],
    })
    edit('edited', ({ operators }) => {
      const join = operators.find(({ type }) => type === 'Join')!
      join.uid = 'mine'
      join.state![1].ttl = '3 h'
    })
    const { graph } = await buildScript(`EXECUTE PLAN '${planPath('edited')}'`, [], new FunctionModules())
    const join = graph.transformations.find(({ settings }) => settings.uid === 'mine')!
    expect(join.settings.name).toBe('Join of sink "counts"')
    const { body } = join
    const states = body.kind === 'operator' ? (body.create({ kind: 'none' }).describe!()?.states ?? []) : []
    expect(states.map(({ schema }) => [shownNameOf(schema.name), schema.ttlMs])).toEqual([
      ['left', 86_400_000],
      ['right', 10_800_000],
    ])
  })

  test('is what EXPLAIN EXECUTE PLAN shows', () => {
    run(`COMPILE PLAN '${planPath('shown')}' FOR ${JOIN};`)
    const shown = (statement: string): string => {
      const rows: unknown[] = []
      runScript(scriptOf(statement), { columns() {}, change: (_, row) => rows.push(...row) }, { log() {} })
      return (rows[0] as string).split('== Physical Plan ==')[1]
    }
    expect(shown(`EXPLAIN EXECUTE PLAN '${planPath('shown')}'`)).toBe(shown(`EXPLAIN ${JOIN}`))
  })

  test('is written without options of tables where that is asked for, and takes those that are there', () => {
    const insert = `INSERT INTO counts SELECT ${SOURCE}`
    run(`SET 'table.plan.compile.catalog-objects' = 'SCHEMA'; COMPILE PLAN '${planPath('schema')}' FOR ${insert};`)
    expect(readFileSync(planPath('schema'), 'utf8')).not.toContain(join(folder, 'numbers.json'))
    run(`EXECUTE PLAN '${planPath('schema')}';`)
    expect(counts().length).toBe(3)
    expect(() => runScript(`EXECUTE PLAN '${planPath('schema')}'`, { columns() {}, change() {} }, { log() {} })).toThrow(
      /compiled without the options of table/,
    )
  })

  test.each<[name: string, change: Parameters<typeof edit>[1], code: string, message: RegExp]>([
    ['of another version', (plan) => (plan.version = 9), 'PLAN_DOES_NOT_FIT', /it is of version 9, and this engine reads version 1/],
    ['of something else', (plan) => (plan['format'] = 'x'), 'INVALID_PLAN', /it is no plan that COMPILE PLAN has written/],
    ['that lacks a part', (plan) => (plan['types'] = []), 'INVALID_PLAN', /it is not as it was written/],
    ['with other operators', ({ operators }) => (operators[1].type = 'Rank'), 'PLAN_DOES_NOT_FIT', /operator 1 was "[^"]+", Rank of 0, when it was compiled/],
    ['with fewer operators', ({ operators }) => void operators.pop(), 'PLAN_DOES_NOT_FIT', /was none when it was compiled, and is Sink/],
    [
      'with a wrong time',
      ({ operators }) => (operators.find(({ state }) => state !== undefined)!.state![0].ttl = 'long'),
      'INVALID_PLAN',
      /state "groups" of operator "GroupAggregate:[0-9a-f]+" is kept for "long"/,
    ],
  ])('%s is refused', (name, change, code, message) => {
    run(`${BATCH} COMPILE PLAN '${planPath(name)}' FOR ${COUNTS};`)
    edit(name, change)
    let error: unknown
    try {
      run(`EXECUTE PLAN '${planPath(name)}';`)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  test.each([
    [
      'CREATE TABLE numbers (k STRING, n BIGINT)',
      /table "default_catalog.default_database.numbers" had the columns \(k STRING, n INT\).* has \(k STRING, n BIGINT\)/,
    ],
    ['CREATE TABLE counts (k STRING)', /table "default_catalog.default_database.counts" had the columns/],
  ])('is refused beside another table: %s', (table, message) => {
    run(`${BATCH} COMPILE PLAN '${planPath('tables')}' IF NOT EXISTS FOR ${COUNTS};`)
    const text = `${table} WITH ('connector' = 'print'); EXECUTE PLAN '${planPath('tables')}';`
    expect(() => runScript(text, { columns() {}, change() {} }, { log() {} })).toThrow(message)
  })

  test('that is not there, or no JSON, is refused with the place of the statement', () => {
    const text = `SELECT 1;\n  EXECUTE PLAN '/not/there.json';`
    expect(() => runScript(text, { columns() {}, change() {} }, { log() {} })).toThrow(/there is no such file, line 2, column 3/)
    writeFileSync(planPath('broken'), '{')
    expect(errorOf(`EXECUTE PLAN '${planPath('broken')}';`)).toMatchObject({ code: 'INVALID_PLAN' })
    writeFileSync(planPath('flink'), '{"flinkVersion":"2.3","nodes":[],"edges":[]}')
    expect(errorOf(`EXECUTE PLAN '${planPath('flink')}';`)).toMatchObject({ code: 'INVALID_PLAN', hint: expect.stringContaining('Flink') as string })
  })

  test('is a file of this machine', () => {
    expect(errorOf(`EXECUTE PLAN 'hdfs://there/plan.json';`)).toMatchObject({ code: 'NOT_SUPPORTED' })
  })

  test('is written by no text of a program, which runs one that is there', async () => {
    const path = planPath('program')
    const jobOf = (text: string): ReturnType<typeof buildStatements> => buildStatements({ text: scriptOf(text), parameters: [] })
    await expect(jobOf(`COMPILE AND EXECUTE PLAN '${path}' FOR ${COUNTS}`)).rejects.toThrow(/writes a plan/)
    run(`${BATCH} COMPILE PLAN '${path}' FOR ${COUNTS}`)
    const { graph } = await jobOf(`EXECUTE PLAN '${path}'`)
    expect(graph.transformations.map(({ settings }) => settings.uid)).toEqual(expect.arrayContaining(['source:numbers', 'sink:counts']))
  })

  test('is no job where a script only writes it', async () => {
    await expect(buildScript(scriptOf(`COMPILE PLAN '${planPath('never')}' FOR ${COUNTS};`), [], new FunctionModules())).rejects.toThrow(/writes a plan/)
    expect(existsSync(planPath('never'))).toBe(false)
  })
})

describe('plans of other versions of the engine', () => {
  test.each(readdirSync(GOLDEN))('%s runs, with its uids', async (file) => {
    const text = readFileSync(join(GOLDEN, file), 'utf8').replaceAll('${FOLDER}', folder)
    writeFileSync(planPath('golden'), text)
    run(`DROP TABLE numbers; EXECUTE PLAN '${planPath('golden')}';`)
    expect(counts()).toEqual(['{"k":"A","n":5}', '{"k":"B","n":2}'])
    const { graph } = await buildScript(`EXECUTE PLAN '${planPath('golden')}'`, [], new FunctionModules())
    const uids = graph.transformations.map(({ settings }) => settings.uid)
    expect(uids).toEqual(expect.arrayContaining(operatorsOf('golden').map(({ uid }) => uid)))
  })
})
