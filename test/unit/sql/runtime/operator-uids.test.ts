// The uids of a script's operators: whatever the order of statements, and whatever else is in the script, an operator that computes the same is the same.
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { formatType } from '../../../../src/batch/types.ts'
import { planJob } from '../../../../src/plan/execution-plan.ts'
import { plannedOperators } from '../../../../src/runtime/planned-operators.ts'
import { FunctionModules } from '../../../../src/sql/function-modules.ts'
import { buildScript } from '../../../../src/sql/runtime/script-job.ts'

const TABLES = `
CREATE TABLE orders (id BIGINT, customer STRING, amount INT, note STRING, item ROW<name STRING, size INT>, ts TIMESTAMP(3),
  twice AS amount * 2, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector' = 'filesystem', 'path' = '/not/there.json', 'format' = 'json');
CREATE TABLE customers (name STRING, city STRING, since DATE) WITH ('connector' = 'filesystem', 'path' = '/nor/here.json', 'format' = 'json');
${['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => `CREATE TABLE ${name} WITH ('connector' = 'blackhole') LIKE shape;`).join('\n')}
`.replace('CREATE TABLE a ', "CREATE TABLE shape (k STRING, n BIGINT) WITH ('connector' = 'blackhole');\nCREATE TABLE a ")

/** By the table that each writes to: all kinds of operators with state, and some that share what is in front of them. */
const STATEMENTS: Readonly<Record<string, string>> = {
  a: 'INSERT INTO a SELECT customer, COUNT(*) FROM orders GROUP BY customer',
  b: 'INSERT INTO b SELECT c.city, o.id FROM orders o JOIN customers c ON o.customer = c.name WHERE o.amount > 3',
  c: 'INSERT INTO c SELECT note, id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY amount DESC) AS r FROM orders) WHERE r <= 3',
  d: "INSERT INTO d SELECT customer, SUM(amount) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, customer",
  e: 'INSERT INTO e SELECT customer AS who, COUNT(*) AS many FROM orders GROUP BY customer',
  f: 'INSERT INTO f SELECT UPPER(customer), SUM(amount) OVER (PARTITION BY customer ORDER BY ts) FROM orders',
  g: 'INSERT INTO g SELECT o.item.name, o.twice FROM orders o LEFT JOIN customers c ON o.customer = c.name AND c.city = o.note',
  h: 'INSERT INTO h SELECT DISTINCT customer, amount FROM orders UNION SELECT city, 1 FROM customers',
}

/** The operators of a script, by their uids. */
async function operatorsOf(inserts: readonly string[], tables: string = TABLES): Promise<ReadonlyMap<string, string>> {
  const { graph } = await buildScript(`${tables}\nEXECUTE STATEMENT SET BEGIN\n${inserts.join(';\n')};\nEND;`, [], new FunctionModules())
  const planned = plannedOperators(planJob(graph, { jobName: 'job', parallelism: 1, maxParallelism: undefined }), graph)
  return new Map(
    planned.map(({ uid, name, signature, states }) => {
      const { edges } = graph.transformations.find(({ settings }) => settings.uid === uid)!
      // What is kept whole: groups keep what their aggregates ask for.
      const rows = /^(?:Join|Rank|OverAggregate):/.test(uid) ? edges.map(({ schema }) => schema.fields.map(({ type }) => formatType(type))) : []
      return [uid, JSON.stringify([name, signature, states.map(({ schema }) => schema), rows])]
    }),
  )
}

/** Those with state of rows. */
async function statefulOf(...inserts: readonly string[]): Promise<readonly string[]> {
  return [...(await operatorsOf(inserts)).keys()].filter((uid) => /^(?:GroupAggregate|WindowAggregate|Join|Rank|OverAggregate|Deduplicate):/.test(uid))
}

const all = Object.values(STATEMENTS)

describe('uids', () => {
  let whole: ReadonlyMap<string, string>
  beforeAll(async () => {
    whole = await operatorsOf(all)
  })

  test('are the same in whatever order the statements stand', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(all, { minLength: all.length }), async (inserts) => {
        expect([...(await operatorsOf(inserts)).keys()].toSorted()).toEqual([...whole.keys()].toSorted())
      }),
      { numRuns: 30 },
    )
  })

  test('are the same, with the same state, when statements are added or dropped', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(all, { minLength: 1 }), async (inserts) => {
        for (const [uid, operator] of await operatorsOf(inserts)) {
          // Of operators without state what is in front of them may differ.
          if (/^(?:Calc|Write|Window|Upserts|Local\w+):/.test(uid)) continue
          expect(whole.has(uid), uid).toBe(true)
          const [, ...kept] = JSON.parse(operator) as readonly unknown[]
          expect((JSON.parse(whole.get(uid)!) as readonly unknown[]).slice(1)).toEqual(kept)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('name tables where operators read or write them', async () => {
    expect([...whole.keys()].filter((uid) => /^(?:source|sink|watermarks):/.test(uid)).toSorted()).toEqual(
      [...['source:customers', 'source:orders', 'watermarks:orders'], ...Object.keys(STATEMENTS).map((table) => `sink:${table}`)].toSorted(),
    )
  })

  test('are of one operator where two tables get the same rows, whatever their columns are called', async () => {
    expect(await statefulOf(STATEMENTS['a'], STATEMENTS['e'])).toEqual(await statefulOf(STATEMENTS['a']))
    expect([...(await operatorsOf([STATEMENTS['a'], STATEMENTS['e']])).values()].join('\n')).toContain(String.raw`GroupAggregate of sinks \"a\", \"e\"`)
  })

  test('of several that write to one table follow from the rows', async () => {
    const [one, other] = [STATEMENTS['a'], STATEMENTS['d'].replace('INTO d', 'INTO a')]
    const sinks = async (...inserts: readonly string[]) => [...(await operatorsOf(inserts)).keys()].filter((uid) => uid.startsWith('sink:')).toSorted()
    expect(await sinks(one, other)).toEqual(['sink:a', 'sink:a-2'])
    expect((await operatorsOf([one, other])).get('sink:a')).toBe((await operatorsOf([other, one])).get('sink:a'))
  })

  test.each([
    ['a projection above it', "SELECT CONCAT(customer, '!'), COUNT(*) + 1 FROM orders GROUP BY customer"],
    ['another name', 'SELECT c AS k, n FROM (SELECT x.customer AS c, COUNT(*) AS n FROM orders AS x GROUP BY x.customer)'],
    ['a condition on its results', 'SELECT customer, COUNT(*) FROM orders GROUP BY customer HAVING COUNT(*) > 5'],
    ['a projection below it', 'SELECT customer, COUNT(*) FROM (SELECT amount, customer FROM orders) GROUP BY customer'],
  ])('of a group stay with %s', async (_, query) => {
    expect(await statefulOf(`INSERT INTO a ${query}`)).toEqual(await statefulOf(STATEMENTS['a']))
  })

  test.each([
    ['another condition in front of it', 'SELECT customer, COUNT(*) FROM orders WHERE amount > 1 GROUP BY customer'],
    ['another key', 'SELECT note, COUNT(*) FROM orders GROUP BY note'],
    ['another aggregate', 'SELECT customer, SUM(amount) FROM orders GROUP BY customer'],
    ['another table', 'SELECT name, COUNT(*) FROM customers GROUP BY name'],
    ['other options of the table', "SELECT customer, COUNT(*) FROM orders /*+ OPTIONS('path' = '/x.json') */ GROUP BY customer"],
  ])('of a group change with %s', async (_, query) => {
    const changed = await statefulOf(`INSERT INTO a ${query}`)
    expect(changed.length).toBe(1)
    expect(changed).not.toEqual(await statefulOf(STATEMENTS['a']))
  })

  test('of an outer join stay with how long its state is kept', async () => {
    const kept = STATEMENTS['g'].replace('SELECT', "SELECT /*+ STATE_TTL('o' = '1 d') */")
    expect(await statefulOf(kept)).toEqual(await statefulOf(STATEMENTS['g']))
  })

  test('are those of operators by columns too', () => {
    const types = new Map(
      [...whole.values()]
        .map((text) => JSON.parse(text) as readonly [name: string, signature: { readonly type: string }])
        .map(([name, { type }]) => [name, type]),
    )
    expect(types.get('GroupAggregate of sinks "a", "e"')).toBe('group aggregate by columns')
    expect(types.get('Join of sink "b"')).toBe('join by columns')
    expect(types.get('Rank of sink "c"')).toBe('rank by columns')
    expect(types.get('WindowAggregate of sink "d"')).toBe('aligned windows')
  })

  test('of late rows follow from the operator that finds them', async () => {
    const late = (table: string): string => `INSERT INTO ${table} SELECT customer, COUNT(*) FROM late_rows('d') GROUP BY customer`
    const ofLate = async (...inserts: readonly string[]) => [...(await operatorsOf(inserts)).keys()].filter((uid) => uid.startsWith('GroupAggregate:'))
    const [one, ...others] = await ofLate(STATEMENTS['d'], late('h'))
    expect(others).toEqual([])
    const otherWindows = STATEMENTS['d'].replace('INTO d', 'INTO g').replace("'1' HOUR", "'2' HOUR")
    const both = await ofLate(late('a').replace("'d'", "'g'"), late('h'), otherWindows, STATEMENTS['d'])
    expect(both).toContain(one)
    expect(both.length).toBe(2)
  })

  test('of a group, or a join of rows that only come, change with how it is computed: nobody else may make one of it', async () => {
    const join = STATEMENTS['b'].replace('SELECT', "SELECT /*+ STATE_TTL('o' = '1 d') */")
    expect(await statefulOf(join)).not.toEqual(await statefulOf(STATEMENTS['b']))
    const ttl = "INSERT INTO a SELECT /*+ STATE_TTL('orders' = '1 d') */ customer, COUNT(*) FROM orders GROUP BY customer"
    expect(await statefulOf(ttl)).not.toEqual(await statefulOf(STATEMENTS['a']))
    const ranked = `INSERT INTO b SELECT customer, n FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY n DESC) AS r
      FROM (SELECT note AS customer, COUNT(*) AS n FROM orders GROUP BY note)) WHERE r <= 3`
    expect(await statefulOf(STATEMENTS['a'], ranked)).toEqual(expect.arrayContaining([...(await statefulOf(STATEMENTS['a']))]))
  })

  test('do not follow from where a table is, only from what it is called', async () => {
    expect([...(await operatorsOf([STATEMENTS['b']], TABLES.replaceAll('/not/there.json', '/else/where.json'))).keys()]).toEqual([
      ...(await operatorsOf([STATEMENTS['b']])).keys(),
    ])
  })

  test('of what differs each time are of the table that it is for', async () => {
    const random = (table: string): string => `INSERT INTO ${table} SELECT customer, COUNT(*) FROM orders WHERE RAND() < 0.5 GROUP BY customer`
    const [one, other] = [await statefulOf(random('a')), await statefulOf(random('b'))]
    expect(one).not.toEqual(other)
    expect((await statefulOf(random('b'), random('a'))).toSorted()).toEqual([...one, ...other].toSorted())
  })
})
