// `millrace run script.sql`: the INSERTs of a script as a job on threads, that is stopped, killed and goes on like any other.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Command, run, runningJob, scratchFolder } from '../fixtures/command.ts'

const COUNT = 40_000
const HOUR_MS = 3_600_000
const folder = scratchFolder()

interface Order {
  readonly user: string
  readonly amount: number
  readonly atMs: number
}

const orders: readonly Order[] = Array.from({ length: COUNT }, (_, index) => ({
  user: `u${(index * 7919) % 1000}`,
  amount: index % 97,
  atMs: Date.UTC(2026, 0, 1) + index * 500,
}))
const sqlTime = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
const input = join(folder, 'orders.jsonl')
writeFileSync(
  input,
  orders.map(({ user, amount, atMs }) => `${JSON.stringify({ user, amount, at: new Date(atMs).toISOString().slice(0, -1).replace('T', ' ') })}\n`).join(''),
)

const ORDERS = `CREATE TABLE orders (\`user\` STRING, amount INT, \`at\` TIMESTAMP(3), WATERMARK FOR \`at\` AS \`at\`)
WITH ('connector' = 'filesystem', 'path' = '\${ORDERS}', 'format' = 'json');`
const SUMS = `CREATE TABLE sums (begins TIMESTAMP(3), \`user\` STRING, orders BIGINT, amount BIGINT)
WITH ('connector' = 'filesystem', 'path' = '\${OUT}/sums', 'format' = 'json');`
const KEPT = `CREATE TABLE kept (\`user\` STRING, \`at\` TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '\${OUT}/kept', 'format' = 'json');`
const PRINTED = `CREATE TABLE printed (\`user\` STRING, orders BIGINT) WITH ('connector' = 'print');`
const INSERT_SUMS = `INSERT INTO sums SELECT window_start, \`user\`, COUNT(*), SUM(amount)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(\`at\`), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, \`user\`;`
/** A condition that is always true and takes long, so that there is time to ask the job something: seconds, also where the machine is busy. */
const INSERT_KEPT = 'INSERT INTO kept SELECT `user`, `at` FROM orders WHERE amount < 3 AND CHAR_LENGTH(SHA2(REPEAT(`user`, ${WORK}), 512)) = 128;'
const SET = `${ORDERS}\n${SUMS}\n${KEPT}\nEXECUTE STATEMENT SET BEGIN\n${INSERT_SUMS}\n${INSERT_KEPT}\nEND;`

function script(name: string, text: string): string {
  const path = join(folder, `${name}.sql`)
  writeFileSync(path, text)
  return path
}

/** The rows of a table, in some order; each of its files is finished. */
function rowsOf(table: string): readonly Record<string, unknown>[] {
  return readdirSync(table).flatMap((name) => {
    expect(name).toMatch(/^part-/)
    return readFileSync(join(table, name), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  })
}

const sorted = (rows: Iterable<Readonly<Record<string, unknown>>>): string[] => Array.from(rows, (row) => JSON.stringify(row)).toSorted()

function expectTables(out: string): void {
  const sums = new Map<string, { begins: string; user: string; orders: number; amount: number }>()
  for (const { user, amount, atMs } of orders) {
    const begins = sqlTime(Math.floor(atMs / HOUR_MS) * HOUR_MS)
    const sum = sums.get(`${begins} ${user}`) ?? { begins, user, orders: 0, amount: 0 }
    sums.set(`${begins} ${user}`, { ...sum, orders: sum.orders + 1, amount: sum.amount + amount })
  }
  const withSeconds = (row: Record<string, unknown>): Record<string, unknown> => ({ ...row, begins: String(row['begins']).slice(0, 19) })
  expect(sorted(rowsOf(join(out, 'sums')).map(withSeconds))).toEqual(sorted(sums.values()))
  const kept = orders.filter(({ amount }) => amount < 3).map(({ user, atMs }) => `${user} ${atMs}`)
  expect(
    rowsOf(join(out, 'kept'))
      .map((row) => `${String(row['user'])} ${Date.parse(`${String(row['at'])}Z`)}`)
      .toSorted(),
  ).toEqual(kept.toSorted())
}

/** A run of the two INSERTs, with checkpoints. */
class Job {
  readonly out: string
  readonly dir: string
  readonly path: string

  constructor(name: string) {
    this.out = join(folder, `${name}-out`)
    this.dir = join(folder, `${name}-checkpoints`)
    mkdirSync(this.out)
    this.path = script(name, `SET 'pipeline.name' = 'sums of ${name}';\nSET 'execution.checkpointing.interval' = '50 ms';\n${SET}`)
  }

  start(work: number, ...flags: readonly string[]): Command {
    const set = ['--set', `execution.checkpointing.dir=${this.dir}`, '--set', 'restart-strategy.exponential-delay.initial-backoff=10']
    const params = ['--ORDERS', input, '--OUT', this.out, '--WORK', String(work)]
    return new Command(['run', this.path, ...flags, ...set, '--', ...params])
  }

  async list(): Promise<
    { readonly name: string; readonly status: string; readonly attempt: number; readonly checkpoint: number | null; readonly pid: number }[]
  > {
    const { stdout } = await run('list', '--dir', this.dir, '--json')
    return JSON.parse(stdout || '[]') as Awaited<ReturnType<Job['list']>>
  }

  /** Resolves with the job's process once it has a checkpoint. */
  runs(command: Command): Promise<number> {
    return runningJob(command, this.dir)
  }
}

describe('a script', () => {
  test('runs as one job, in as many workers as it is told', async () => {
    const out = join(folder, 'plain')
    mkdirSync(out)
    const path = script('plain', SET)
    const { status, stdout, stderr } = await run('run', path, '-p', '2', '--json', '--', '--ORDERS', input, '--OUT', out, '--WORK', '1')
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
    expect(JSON.parse(stderr)).toMatchObject({ job: 'plain', state: 'finished', rowsRead: COUNT })
    expectTables(out)
    expect(readdirSync(join(out, 'sums')).length).toBe(2)
  })

  test("is asked the environment for variables, and sets the job's name, parallelism and mode; the command line wins", async () => {
    const settings = "SET 'pipeline.name' = 'of all';\nSET 'parallelism.default' = '3';\nSET 'execution.runtime-mode' = 'batch';"
    const path = script('settings', `${settings}\n${ORDERS}\n${PRINTED}\nINSERT INTO printed SELECT 'all', COUNT(*) FROM orders;`)
    const given = await new Command(['run', path], { env: { ORDERS: input } }).ended
    expect(given).toMatchObject({ status: 0, stdout: `+I[all, ${COUNT}]\n`, stderr: expect.stringMatching(/^of all finished in/) as string })
    expect((await new Command(['explain', path], { env: { ORDERS: input } }).ended).stdout).toMatch(/^Job "of all": 3 workers/)
    const won = await run('explain', path, '-p', '2', '--name', 'mine', '--', '--ORDERS', input)
    expect(won.stdout).toMatch(/^Job "mine": 2 workers/)
    // Not one row in the end, but each change.
    const streaming = await run('run', path, '-p', '1', '--quiet', '--set', 'execution.runtime-mode=streaming', '--', '--ORDERS', input)
    expect(streaming).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^\+I\[all, \d+\]\n-U\[/) as string })
  })

  test('is stopped behind a savepoint, and goes on from it at another parallelism', async () => {
    const one = new Job('stopped')
    const command = one.start(600_000, '-p', '2')
    await one.runs(command)
    const savepoint = join(folder, 'savepoint')
    expect(await run('stop', 'sums of stopped', '--dir', one.dir, '--savepoint', savepoint)).toMatchObject({ status: 0, stdout: `${savepoint}\n` })
    expect(await command.ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/sums of stopped was stopped in/) as string })
    const again = await one.start(1, '-p', '3', '--fresh', '--from-savepoint', savepoint).ended
    expect(again).toMatchObject({ status: 0, stderr: expect.stringContaining('Starts from the savepoint') as string })
    expectTables(one.out)
  })

  test('whose process is killed is started again, and writes each row once', async () => {
    const one = new Job('killed')
    const command = one.start(200_000, '-p', '2')
    process.kill(await one.runs(command), 'SIGKILL')
    expect(await command.ended).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/ended by SIGKILL; starting it again[^]*Goes on from checkpoint/) as string,
    })
    expect(await one.list()).toMatchObject([{ name: 'sums of killed', status: 'finished', attempt: 2 }])
    expectTables(one.out)
  })
})

describe('a script that is no job is refused before anything runs', () => {
  const INSERT = 'INSERT INTO printed SELECT `user`, 1 FROM orders'

  test.each([
    ['a query', `${INSERT};\nSELECT 1;`, /^error \[NOT_A_JOB\]: .*, line 4, column 1\n {2}SELECT 1;\n {2}\^+\n {2}hint: Write INSERT INTO a table in front/],
    ['a statement that answers rows', 'SHOW TABLES;', /^error \[NOT_A_JOB\]: .*, line 3, column 1\n {2}SHOW TABLES;/],
    ['a plan', `EXPLAIN ${INSERT};`, /^error \[NOT_A_JOB\]: .*, line 3, column 1\n {2}EXPLAIN INSERT/],
    ['nothing to run', '', /^error \[NOT_A_JOB\]: Cannot run the script as a job: it has no INSERT\n {2}hint: Write INSERT INTO/],
    ['two jobs', `${INSERT};\n${INSERT};`, /^error \[SEVERAL_JOBS\]: .*, line 4, column 1\n[^]*hint: Write EXECUTE STATEMENT SET/],
    ['an unknown option', `SET 'paralelism.default' = '2';\n${INSERT};`, /^error \[UNKNOWN_OPTION\]: .*, line 3, column 1\n[^]*mean "parallelism.default"/],
    [
      'a wrong value',
      `SET 'execution.runtime-mode' = 'bulk';\n${INSERT};`,
      /^error \[INVALID_OPTION\]: .*expected one of streaming, batch.*line 3, column 1\n/,
    ],
    ['a mistake', `INSERT INTO printed SELECT usr, 1 FROM orders;`, /^error \[UNKNOWN_COLUMN\]: .*, line 3, column 28\n[^]*hint: Did you mean/],
    [
      'a table that takes no changes',
      `${SUMS.replace('${OUT}', '.')}\nINSERT INTO sums SELECT LOCALTIMESTAMP, \`user\`, COUNT(*), 1 FROM orders GROUP BY \`user\`;`,
      /^error \[SINK_TAKES_NO_CHANGES\]/,
    ],
  ])('%s', async (name, statements, error) => {
    const path = script(name.replaceAll(' ', '-'), `${ORDERS.replaceAll('\n', ' ')}\n${PRINTED}\n${statements}`)
    const { status, stdout, stderr } = await run('run', path, '--', '--ORDERS', input)
    expect(stderr).toMatch(error)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })

  test("an option that is not SQL's", async () => {
    const path = script('settings-given', `${ORDERS}\n${PRINTED}\n${INSERT};`)
    const { status, stderr } = await run('run', path, '--set', 'table.exec.state.tll=1 h', '--', '--ORDERS', input)
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^error \[UNKNOWN_OPTION\][^]*mean "table.exec.state.ttl"/) as string])
  })

  test.each([['--LIMIT', '3'], ['orders.jsonl'], ['--ORDERS'], ['--ORDERS', 'a', '--ORDERS', 'b']])(
    'arguments that are none of its variables: %s',
    async (...given) => {
      const path = script('arguments', `${ORDERS}\n${PRINTED}\n${INSERT};`)
      expect(await run('run', path, '--', ...given)).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/^error \[INVALID_ARGUMENT\]: .*\n {2}hint: /) as string,
      })
    },
  )
})
