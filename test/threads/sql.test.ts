// SQL that a program submits: scripts by their URLs, and texts with values in them.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Decimal, sql, SqlError, StreamTableEnvironment, Millrace } from 'millrace'
import { runJob } from 'millrace/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { collect, failureOf, withEngine } from './jobs.ts'

const engine = withEngine()
const scratch = mkdtempSync(join(tmpdir(), 'millrace-sql-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const input = join(scratch, 'orders.jsonl')
writeFileSync(input, Array.from({ length: 5000 }, (_, n) => `{"who":"u${n % 7}","amount":${n}}\n`).join(''))
const ORDERS = `CREATE TABLE orders (who STRING, amount BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '\${ORDERS}')`

const rowsIn = (folder: string): unknown[] =>
  readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown),
  )

describe('a text', () => {
  interface Change {
    readonly rowKind: string
    readonly who: string
    readonly n: bigint
  }

  test.each([1, 2])('that is a query has its changes as output, with parallelism %i', async (parallelism) => {
    const query = sql`
      CREATE TABLE orders (who STRING, amount BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = ${input});
      SELECT who, COUNT(*) AS n FROM orders WHERE amount >= ${1000n} AND who <> ${"u6' OR 'a' = 'a"} GROUP BY who`
    const handle = engine().submit(query, { parallelism })
    const last = new Map<string, bigint>()
    for await (const { rowKind, who, n } of handle.output<Change>('result')) if (rowKind === '+I' || rowKind === '+U') last.set(who, n)
    expect((await handle.result).state).toBe('finished')
    const expected = new Map<string, bigint>()
    for (let n = 1000; n < 5000; n++) expected.set(`u${n % 7}`, (expected.get(`u${n % 7}`) ?? 0n) + 1n)
    expect(last).toEqual(expected)
  })

  test('of a file that ends is answered once', async () => {
    const handle = engine().submit(sql`
      SET 'execution.runtime-mode' = 'batch';
      CREATE TABLE orders (who STRING, amount BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = ${input});
      SELECT who, MAX(amount) AS most, ${Decimal.parse('1.50')} AS price FROM orders WHERE who = ${'u0'} GROUP BY who`)
    expect(await collect(handle.output('result'))).toEqual([{ rowKind: '+I', who: 'u0', most: 4998n, price: Decimal.parse('1.50') }])
  })

  test('that is an INSERT writes', async () => {
    const output = join(scratch, 'inserted')
    const text = sql`
      CREATE TABLE orders (who STRING, amount BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = ${input});
      CREATE TABLE kept (amount BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = ${output});
      SET 'parallelism.default' = '2';
      INSERT INTO kept SELECT amount FROM orders WHERE amount < ${5}`
    expect((await engine().submit(text, { name: 'kept' }).result).state).toBe('finished')
    expect((rowsIn(output) as { amount: number }[]).map(({ amount }) => amount).toSorted((left, right) => left - right)).toEqual([0, 1, 2, 3, 4])
  })

  test('is a job in tests too', async () => {
    const { outputs } = await runJob(sql`SELECT ${'a'} AS a, ${1} AS n`)
    expect(outputs.get('result')).toEqual([{ rowKind: '+I', a: 'a', n: 1 }])
  })

  test.each([
    ['NOT_A_JOB', 'it has no INSERT', () => sql`CREATE TABLE t (a INT) WITH ('connector' = 'print')`],
    ['NOT_A_JOB', 'This statement answers rows', () => sql`SHOW TABLES`],
    ['SEVERAL_JOBS', 'another query stands in front', () => sql`SELECT 1; SELECT 2`],
    ['UNKNOWN_TABLE', 'line 1, column 15', () => sql`SELECT 1 FROM nowhere WHERE 1 = ${1}`],
  ])('that is none fails with %s: %s', async (code, message, text) => {
    const error = await failureOf(engine().submit(text(), { onLog() {} }).result)
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string })
  })

  test('with a table of a program is none', async () => {
    const tables = await StreamTableEnvironment.create(Millrace.local())
    const text = sql`SELECT * FROM ${tables.sqlQuery('SELECT 1 AS a')}`
    expect(() => engine().submit(text)).toThrow(SqlError)
  })
})

describe('a script', () => {
  test('is submitted by its URL, with its variables as params', async () => {
    const output = join(scratch, 'sums')
    const script = join(scratch, 'sums.sql')
    writeFileSync(
      script,
      `${ORDERS};
      CREATE TABLE big (who STRING, amount BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '\${OUT}');
      INSERT INTO big SELECT * FROM orders WHERE amount >= 4998`,
    )
    const handle = engine().submit(pathToFileURL(script), { params: { ORDERS: input, OUT: output }, parallelism: 2 })
    expect(handle.name).toBe('sums')
    expect((await handle.result).state).toBe('finished')
    expect(rowsIn(output)).toHaveLength(2)
  })

  test('writes the plan that it compiles and executes', async () => {
    const [output, plan, script] = ['planned', 'sums.json', 'planned.sql'].map((name) => join(scratch, name))
    const kept = "CREATE TABLE kept (who STRING, amount BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '${OUT}')"
    writeFileSync(script, `${ORDERS};\n${kept};\nCOMPILE AND EXECUTE PLAN '\${PLAN}' FOR INSERT INTO kept SELECT * FROM orders WHERE amount >= 4998`)
    const submit = () => engine().submit(pathToFileURL(script), { params: { ORDERS: input, OUT: output, PLAN: plan }, parallelism: 2 }).result
    expect((await submit()).state).toBe('finished')
    expect(rowsIn(output)).toHaveLength(2)
    const written = readFileSync(plan, 'utf8')
    expect(JSON.parse(written)).toMatchObject({ format: 'millrace compiled plan' })
    // The plan that is there is executed, and stays.
    expect((await submit()).state).toBe('finished')
    expect(readFileSync(plan, 'utf8')).toBe(written)
  })

  test('that is not there, or wrong, fails with what and where', async () => {
    expect(await failureOf(engine().submit(pathToFileURL(join(scratch, 'nowhere.sql'))).result)).toMatchObject({ code: 'JOB_NOT_FOUND' })
    const script = join(scratch, 'wrong.sql')
    writeFileSync(script, 'SELEC 1')
    expect(await failureOf(engine().submit(pathToFileURL(script), { onLog() {} }).result)).toMatchObject({
      code: 'SYNTAX_ERROR',
      message: expect.stringContaining('line 1, column 1') as string,
    })
  })
})
