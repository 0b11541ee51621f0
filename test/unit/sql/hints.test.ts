// Hints: options of a table for one query, and how long joins and groups keep their state, as a real Flink 2.3 takes and refuses them.
import { describe, expect, test } from 'vitest'
import { planJob } from '../../../src/plan/execution-plan.ts'
import { plannedOperators } from '../../../src/runtime/planned-operators.ts'
import { FunctionModules } from '../../../src/sql/function-modules.ts'
import { buildScript } from '../../../src/sql/runtime/script-job.ts'
import { SqlError } from '../../../src/sql/sql-error.ts'

const TABLES = `
CREATE TABLE o (id INT, cust INT, price INT) WITH ('connector' = 'filesystem', 'path' = '/o.json', 'format' = 'json');
CREATE TABLE l (id INT, oid INT, qty INT) WITH ('connector' = 'filesystem', 'path' = '/l.json', 'format' = 'json');
CREATE VIEW vv AS SELECT * FROM o;
`
const DAY_MS = 86_400_000

async function graphOf(query: string, settings: string = '') {
  const { graph } = await buildScript(`${TABLES}${settings}CREATE TABLE sink WITH ('connector' = 'blackhole') AS ${query}`, [], new FunctionModules())
  return graph
}

/** How long each state is kept, in ms, of operators that keep rows or groups. */
async function ttlsOf(query: string, settings?: string): Promise<readonly (readonly (number | undefined)[])[]> {
  const graph = await graphOf(query, settings)
  return plannedOperators(planJob(graph, { jobName: 'job', parallelism: 1, maxParallelism: undefined }), graph).flatMap(({ signature, states }) =>
    /join|aggregate|rank/.test(signature.type) ? [states.map(({ schema }) => schema.ttlMs)] : [],
  )
}

async function errorOf(query: string, settings?: string): Promise<SqlError> {
  try {
    await graphOf(query, settings)
  } catch (error) {
    if (error instanceof SqlError) return error
    throw error
  }
  throw new Error('It was planned')
}

const JOIN = 'o.id, l.qty FROM o LEFT JOIN l ON o.id = l.oid'
const JOB_TTL = "SET 'table.exec.state.ttl' = '1 h';\n"

describe('STATE_TTL', () => {
  test.each([
    ['both sides of a join', `SELECT /*+ STATE_TTL('o' = '3d', 'l' = '1d') */ ${JOIN}`, [[3 * DAY_MS, DAY_MS]]],
    ['one side', `SELECT /*+ STATE_TTL('l' = '1d') */ ${JOIN}`, [[undefined, DAY_MS]]],
    ['names without quotes', `SELECT /*+ STATE_TTL(o = '3d') */ ${JOIN}`, [[3 * DAY_MS, undefined]]],
    ['an alias', "SELECT /*+ STATE_TTL('a' = '3d') */ a.id, l.qty FROM o a JOIN l ON a.id = l.oid", [[3 * DAY_MS, undefined]]],
    ['within one hint the last', `SELECT /*+ STATE_TTL('o' = '3d', 'o' = '1d') */ ${JOIN}`, [[DAY_MS, undefined]]],
    ['of several hints the first', `SELECT /*+ STATE_TTL('o' = '3d'), STATE_TTL('o' = '1d', 'l' = '5d') */ ${JOIN}`, [[3 * DAY_MS, 5 * DAY_MS]]],
    ['a group', "SELECT /*+ STATE_TTL('o' = '1d') */ cust, SUM(price) AS s FROM o GROUP BY cust", [[DAY_MS]]],
    ['a path', "SELECT /*+ STATE_TTL('default_database.o' = '1d') */ cust, SUM(price) AS s FROM default_database.o GROUP BY cust", [[DAY_MS]]],
    ['a subquery', "SELECT /*+ STATE_TTL('t' = '1d') */ cust, SUM(price) AS s FROM (SELECT * FROM o WHERE id > 1) t GROUP BY cust", [[DAY_MS]]],
    ['a query of WITH', "WITH w AS (SELECT * FROM o) SELECT /*+ STATE_TTL('w' = '1d') */ cust, SUM(price) AS s FROM w GROUP BY cust", [[DAY_MS]]],
    ['a view', "SELECT /*+ STATE_TTL('vv' = '1d') */ cust, SUM(price) AS s FROM vv GROUP BY cust", [[DAY_MS]]],
    ['DISTINCT', "SELECT /*+ STATE_TTL('o' = '1d') */ DISTINCT cust FROM o", [[DAY_MS]]],
    [
      'joins of joins: what is a join has no name',
      "SELECT /*+ STATE_TTL('o' = '1d', 'l' = '2d', 'c' = '3d') */ o.id, l.qty, c.qty AS q FROM o JOIN l ON o.id = l.oid JOIN l c ON c.id = o.id",
      [
        [DAY_MS, 2 * DAY_MS],
        [undefined, 3 * DAY_MS],
      ],
    ],
    [
      'groups of a join: they have none either',
      "SELECT /*+ STATE_TTL('o' = '1d', 'l' = '2d') */ o.cust, COUNT(*) AS n FROM o JOIN l ON o.id = l.oid GROUP BY o.cust",
      [[DAY_MS, 2 * DAY_MS], [undefined]],
    ],
    [
      'each query its own inputs',
      "SELECT /*+ STATE_TTL('v' = '1d') */ id, COUNT(*) AS n FROM (SELECT /*+ STATE_TTL('o' = '4d', 'l' = '6d') */ o.id, l.qty FROM o JOIN l ON o.id = l.oid) v GROUP BY id",
      [[4 * DAY_MS, 6 * DAY_MS], [DAY_MS]],
    ],
    ['not rows of a condition', "SELECT /*+ STATE_TTL('o' = '1d') */ o.id FROM o WHERE o.id IN (SELECT oid FROM l)", [[undefined, undefined]]],
    [
      'not first rows',
      "SELECT /*+ STATE_TTL('r' = '1d') */ r.cust FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY cust ORDER BY price) rn FROM o) r WHERE rn <= 2",
      [[undefined]],
    ],
  ])('is of %s', async (_, query, expected) => {
    expect(await ttlsOf(query)).toEqual(expected)
  })

  test('comes before what the job says, and 0 keeps state for ever', async () => {
    expect(await ttlsOf(`SELECT /*+ STATE_TTL('o' = '3d') */ ${JOIN}`, JOB_TTL)).toEqual([[3 * DAY_MS, 3_600_000]])
    expect(await ttlsOf(`SELECT /*+ STATE_TTL('o' = '0') */ ${JOIN}`, JOB_TTL)).toEqual([[undefined, 3_600_000]])
  })

  test.each([
    [`SELECT /*+ STATE_TTL('zz' = '3d') */ ${JOIN}`, "STATE_TTL('".length + 11, "There is no input 'zz'", "There are 'o', 'l'."],
    ["SELECT /*+ STATE_TTL('o' = '3d') */ a.id FROM o a JOIN l ON a.id = l.oid", 22, "There is no input 'o'", "Did you mean 'a'?"],
    ["SELECT /*+ STATE_TTL('O' = '1d') */ cust, SUM(price) AS s FROM o GROUP BY cust", 22, "There is no input 'O'", "Did you mean 'o'?"],
    [
      "SELECT /*+ STATE_TTL('orders' = '1d') */ cust, SUM(price) AS s FROM o AS order_s GROUP BY cust",
      22,
      "There is no input 'orders'",
      "Did you mean 'order_s'?",
    ],
    [`SELECT /*+ STATE_TTL('o' = 'banana') */ ${JOIN}`, 22, "'banana' is no time to keep state", 'Write a duration like 500 ms, 10 s or 2 min.'],
    [`SELECT /*+ STATE_TTL('o' = '-1d') */ ${JOIN}`, 22, "'-1d' is no time to keep state", 'Write a duration like 500 ms, 10 s or 2 min.'],
    [`SELECT /*+ STATE_TTL('o') */ ${JOIN}`, 12, 'STATE_TTL takes names of inputs and times', "Write STATE_TTL('t' = '1 d')."],
    [`SELECT /*+ STATE_TTL() */ ${JOIN}`, 12, 'STATE_TTL takes names of inputs and times', "Write STATE_TTL('t' = '1 d')."],
  ])('is refused: %s', async (query, column, message, hint) => {
    const error = await errorOf(query)
    expect(error).toMatchObject({ code: 'INVALID_HINT', hint })
    expect(error.message).toContain(message)
    expect(error.position.column).toBe(column + "CREATE TABLE sink WITH ('connector' = 'blackhole') AS ".length)
  })
})

describe('OPTIONS', () => {
  const sourcesOf = async (query: string): Promise<readonly string[]> =>
    (await graphOf(query)).transformations.flatMap(({ body }) => (body.kind === 'source' ? [body.source.describe()] : []))

  test('are of one place in one query, and the same ones are read once', async () => {
    expect(await sourcesOf("SELECT * FROM o /*+ OPTIONS('path' = '/x.json') */")).toEqual(['/x.json as JSON lines, flink'])
    const both = "SELECT x.id, y.price FROM o /*+ OPTIONS('path' = '/x.json') */ AS x JOIN o"
    expect(await sourcesOf(`${both} AS y ON x.id = y.id`)).toEqual(['/x.json as JSON lines, flink', '/o.json as JSON lines, flink'])
    expect(await sourcesOf(`${both} /*+ OPTIONS('path' = '/x.json') */ AS y ON x.id = y.id`)).toEqual(['/x.json as JSON lines, flink'])
  })

  test.each([
    ["SELECT * FROM vv /*+ OPTIONS('path' = '/x.json') */", 'INVALID_HINT', '"vv" is a view, which has no options'],
    ["SELECT * FROM o /*+ OPTIONS('path') */", 'INVALID_HINT', 'OPTIONS takes options and their values'],
    ["SELECT * FROM o /*+ BANANA('path') */", 'UNKNOWN_HINT', 'There is no hint BANANA'],
  ])('%s is refused', async (query, code, message) => {
    const error = await errorOf(query)
    expect(error).toMatchObject({ code })
    expect(error.message).toContain(message)
  })

  test('an option that the table has not is refused', async () => {
    await expect(graphOf("SELECT * FROM o /*+ OPTIONS('banana' = '3') */")).rejects.toThrow(/there is no option 'banana'/)
  })

  test('are refused where a session says so', async () => {
    const off = "SET 'table.dynamic-table-options.enabled' = 'false';\n"
    expect(await errorOf("SELECT * FROM o /*+ OPTIONS('path' = '/x.json') */", off)).toMatchObject({ code: 'INVALID_HINT' })
  })
})
