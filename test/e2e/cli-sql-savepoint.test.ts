// Savepoints of scripts: what becomes of them when the script changes, as `savepoint diff` says it and as the start does it; and jobs that run plans.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { Command, run, runningJob, scratchFolder } from '../fixtures/command.ts'

const COUNT = 40_000
const USERS = 100
/** How much a job has to do that is killed behind its first checkpoint and then goes on, and one that never comes to its end. */
const [WORK, ENDLESS] = [200_000, 1_500_000]
const AMOUNTS = 97
const folder = scratchFolder()
const input = join(folder, 'orders.jsonl')
writeFileSync(input, Array.from({ length: COUNT }, (_, index) => `{"user":"u${(index * 7919) % USERS}","amount":${index % AMOUNTS}}\n`).join(''))

const names = join(folder, 'names.jsonl')
writeFileSync(names, Array.from({ length: USERS }, (_, id) => `{"user":"u${id}","id":${id}}\n`).join(''))

const TABLES = `CREATE TABLE orders (\`user\` STRING, amount INT) WITH ('connector' = 'filesystem', 'path' = '${input}', 'format' = 'json');
CREATE TABLE totals (\`user\` STRING, n BIGINT) WITH ('connector' = 'print');
CREATE TABLE users (\`user\` STRING) WITH ('connector' = 'blackhole');
CREATE TABLE kept (\`user\` STRING) WITH ('connector' = 'blackhole');
CREATE TABLE names (\`user\` STRING, id INT) WITH ('connector' = 'filesystem', 'path' = '${names}', 'format' = 'json');
CREATE TABLE pairs (\`user\` STRING, id INT) WITH ('connector' = 'print', 'print-identifier' = 'pair');`
/** Takes long, so that there is time to stop the job: it reads the same rows as the others. */
const SLOW =
  'INSERT INTO kept SELECT `user` FROM orders WHERE amount < 3 AND CHAR_LENGTH(SHA2(REPEAT(CONCAT(`user`, CAST(amount AS STRING)), ${WORK}), 512)) = 128;'
const TOTALS = 'INSERT INTO totals SELECT `user`, COUNT(*) FROM orders GROUP BY `user`;'
const USERS_OF = 'INSERT INTO users SELECT DISTINCT `user` FROM orders WHERE amount > 3;'

/** One of its sides expires already: a join that does not is done in columns, and is another operator. */
const PAIRS =
  "INSERT INTO pairs SELECT /*+ STATE_TTL('o' = '30 d') */ o.`user`, n.id FROM orders AS o JOIN names AS n ON o.`user` = n.`user` WHERE o.amount = 50;"

const scriptPath = (name: string): string => join(folder, `${name}.sql`)

function script(name: string, statements: readonly string[], head: string = 'EXECUTE STATEMENT SET'): string {
  const path = scriptPath(name)
  writeFileSync(path, `SET 'pipeline.name' = '${name}';\n${TABLES}\n${head} BEGIN\n${statements.join('\n')}\nEND;`)
  return path
}

/** A run with checkpoints. */
function start(path: string, dir: string, work: number | undefined, ...flags: readonly string[]): Command {
  // Small batches, between which barriers find room while the job is slow.
  const slow = work === undefined ? [] : ['--set', 'millrace.batch.rows-max=256']
  const set = ['--set', `execution.checkpointing.dir=${dir}`, '--set', 'execution.checkpointing.interval=50 ms', ...slow]
  const params = work === undefined ? [] : ['--', '--WORK', String(work)]
  return new Command(['run', path, '-p', '2', '--set', 'restart-strategy.exponential-delay.initial-backoff=10', ...set, ...flags, ...params])
}

/** What the last change of each user says. */
function lastOf(stdout: string): ReadonlyMap<string, string> {
  return new Map(
    stdout.split('\n').flatMap((line) => {
      const found = /^(?:\d+> )?\+[IU]\[(\w+), (\d+)\]$/.exec(line)
      return found === null ? [] : [[found[1], found[2]] as const]
    }),
  )
}

function pairsOf(stdout: string): number {
  return stdout.split('\n').filter((line) => line.startsWith('pair')).length
}

/** Of all orders; whoever had to begin again would have fewer. */
function totals(times: number = 1): ReadonlyMap<string, string> {
  return new Map(Array.from({ length: USERS }, (_, user) => [`u${user}`, String((COUNT / USERS) * times)]))
}

interface Decided {
  readonly uid: string
  readonly name: string
  readonly verdict: string
}

async function diff(path: string, ...flags: readonly string[]): Promise<{ readonly status: number | null; readonly operators: ReadonlyMap<string, string> }> {
  const { status, stdout } = await run('savepoint', 'diff', savepoint, path, '--json', ...flags)
  const { operators } = JSON.parse(stdout) as { operators: Decided[] }
  return { status, operators: new Map(operators.map(({ name, verdict }) => [name, verdict])) }
}

const savepoint = join(folder, 'savepoint')
let first: Awaited<Command['ended']>
beforeAll(async () => {
  const dir = join(folder, 'first')
  const command = start(script('first', [TOTALS, USERS_OF, PAIRS, SLOW]), dir, ENDLESS)
  await runningJob(command, dir)
  await run('stop', 'first', '--dir', dir, '--savepoint', savepoint)
  first = await command.ended
  expect(first.status).toBe(0)
})

describe('a changed script', () => {
  test('whose statements are moved, added and dropped, and compute something else of the same groups, keeps them', async () => {
    const changed = script('moved', [
      'INSERT INTO kept SELECT `user` FROM orders WHERE amount > 90;',
      'INSERT INTO totals SELECT u, n * 10 FROM (SELECT `user` AS u, COUNT(*) AS n FROM orders GROUP BY `user`);',
    ])
    const refused = await diff(changed)
    expect(refused.operators.get('GroupAggregate of sink "totals"')).toBe('keep')
    expect([refused.status, refused.operators.get('GroupAggregate of sink "users"')]).toEqual([1, 'refuse'])
    const allowed = await diff(changed, '--allow-non-restored-state')
    expect([allowed.status, allowed.operators.get('GroupAggregate of sink "users"')]).toEqual([0, 'drop'])
    const dir = join(folder, 'moved-checkpoints')
    const stopped = await start(changed, dir, undefined, '--from-savepoint', savepoint).ended
    expect(stopped).toMatchObject({ status: 3, stderr: expect.stringMatching(/STATE_NOT_RESTORED[^]*GroupAggregate of sink "users"/) as string })
    const { status, stdout } = await start(changed, dir, undefined, '--from-savepoint', savepoint, '--allow-non-restored-state').ended
    expect(status).toBe(0)
    expect(lastOf(stdout)).toEqual(totals(10))
  })

  test('with another condition in front of a group is told what it may have become, and how to go on', async () => {
    const changed = script('filtered', [TOTALS.replace(' GROUP', ' WHERE amount >= 0 GROUP'), USERS_OF, PAIRS])
    const { status, stdout } = await run('savepoint', 'diff', savepoint, changed)
    expect(status).toBe(1)
    expect(stdout).toMatch(/^refuse +GroupAggregate of sink "totals" \(uid GroupAggregate:\w+\) .*it may have become "GroupAggregate of sink "totals"" \(uid/m)
    expect(stdout).toMatch(/^new +GroupAggregate of sink "totals" \(uid GroupAggregate:\w+\)/m)
    expect(stdout).toMatch(/^keep +GroupAggregate of sink "users"/m)
    const { stderr } = await start(changed, join(folder, 'filtered-checkpoints'), undefined, '--from-savepoint', savepoint).ended
    expect(stderr).toMatch(/hint: What it computes, or of which rows, has changed/)
  })

  test('goes on with rows of a join that live for another time', async () => {
    const changed = script('expiring', [TOTALS, USERS_OF, PAIRS.replace("'30 d'", "'30 d', 'n' = '7 d'")])
    const { status, stdout } = await run('savepoint', 'diff', savepoint, changed)
    expect(status).toBe(0)
    expect(stdout).toMatch(/^keep +Join of sink "pairs" [^]*^ +keep +right .*expires from now on, after 604800000 ms/m)
    const ended = await start(changed, join(folder, 'expiring-checkpoints'), undefined, '--from-savepoint', savepoint).ended
    expect(ended.status).toBe(0)
    expect(lastOf(ended.stdout)).toEqual(totals())
    // Names were read before the savepoint: orders behind it find them in the state.
    const expected = Array.from({ length: COUNT }, (_, index) => index % AMOUNTS).filter((amount) => amount === 50).length
    expect(pairsOf(first.stdout) + pairsOf(ended.stdout)).toBe(expected)
    expect(pairsOf(ended.stdout)).toBeGreaterThan(0)
  })
})

describe('a script that says when it is started again', () => {
  test('is, and the command line wins', async () => {
    const dir = join(folder, 'restarted-checkpoints')
    const path = scriptPath('restarted')
    const settings = {
      'pipeline.name': 'restarted',
      'execution.checkpointing.dir': dir,
      'execution.checkpointing.interval': '50 ms',
      'restart-strategy.type': 'fixed-delay',
    }
    const set = Object.entries(settings).map(([key, value]) => `SET '${key}' = '${value}';`)
    writeFileSync(path, `${set.join('\n')}\nSET 'millrace.batch.rows-max' = '256';\n${TABLES}\n${SLOW}`)
    const command = new Command(['run', path, '-p', '2', '--', '--WORK', String(WORK)])
    process.kill(await runningJob(command, dir), 'SIGKILL')
    expect(await command.ended).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/SIGKILL; starting it again in 1.0 s[^]*Goes on from checkpoint/) as string,
    })
    const never = new Command(['run', path, '-p', '2', '--fresh', '--set', 'restart-strategy.type=none', '--', '--WORK', String(ENDLESS)])
    process.kill(await runningJob(never, dir), 'SIGKILL')
    expect((await never.ended).stderr).not.toContain('starting it again')
  })

  test('is not where the same record would come again: one without a time', async () => {
    const rows = join(folder, 'timed.jsonl')
    writeFileSync(rows, '{"k":"a","ts":"2026-01-01 00:00:00"}\n{"k":"b"}\n')
    const path = scriptPath('timeless')
    writeFileSync(
      path,
      `SET 'execution.checkpointing.dir' = '${join(folder, 'timeless-checkpoints')}';
CREATE TABLE timed (k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${rows}', 'format' = 'json');
CREATE TABLE shown (k STRING) WITH ('connector' = 'print');
INSERT INTO shown SELECT k FROM timed;`,
    )
    const { status, stderr } = await run('run', path)
    expect(status).toBe(1)
    expect(stderr).toMatch(/error \[NULL_TIMESTAMP\]: .*"Watermarks of table "timed"": column "ts" is NULL\n {2}hint: A time attribute is never NULL/)
    expect(stderr.match(/NULL_TIMESTAMP/g)).toHaveLength(1)
    expect(stderr).toContain('is not started again: the record that it has failed with would come again')
  })
})

describe('a compiled plan', () => {
  test('is written when the job starts, goes on after a kill, and from a savepoint of the script', async () => {
    const plan = join(folder, 'plan.json')
    const path = script('planned', [TOTALS, SLOW], `COMPILE AND EXECUTE PLAN '${plan}' FOR STATEMENT SET`)
    expect((await run('explain', path, '--', '--WORK', '1')).status).toBe(0)
    expect(existsSync(plan)).toBe(false)
    const dir = join(folder, 'planned-checkpoints')
    const command = start(path, dir, WORK)
    process.kill(await runningJob(command, dir), 'SIGKILL')
    const { status, stdout, stderr } = await command.ended
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(/starting it again[^]*Goes on from checkpoint/) as string })
    expect(lastOf(stdout)).toEqual(totals())
    const again = join(folder, 'again.sql')
    writeFileSync(again, `EXECUTE PLAN '${plan}';`)
    const restored = await diff(again, '--allow-non-restored-state')
    expect([restored.status, restored.operators.get('GroupAggregate of sink "totals"')]).toEqual([0, 'keep'])
  })

  test('may say under which uid a changed operator goes on', async () => {
    const plan = join(folder, 'changed-plan.json')
    const changed = TOTALS.replace(' GROUP', ' WHERE amount >= 0 GROUP')
    const compile = `${TABLES}\nCOMPILE PLAN '${plan}' FOR ${changed}`
    expect(await run('sql', '-e', compile)).toMatchObject({ status: 0 })
    const uidOf = (operators: readonly { uid: string; type?: string }[]): string => operators.find(({ uid }) => uid.startsWith('GroupAggregate:'))!.uid
    const was = JSON.parse((await run('savepoint', 'read', savepoint, '--format', 'json')).stdout) as { operators: { uid: string; name: string }[] }
    const old = was.operators.find(({ name }) => name === 'GroupAggregate of sink "totals"')!.uid
    const text = readFileSync(plan, 'utf8')
    writeFileSync(plan, text.replace(uidOf((JSON.parse(text) as { operators: { uid: string }[] }).operators), old))
    const path = join(folder, 'adopted.sql')
    writeFileSync(path, `EXECUTE PLAN '${plan}';`)
    const dir = join(folder, 'adopted-checkpoints')
    mkdirSync(dir)
    const { status, stdout } = await start(path, dir, undefined, '--from-savepoint', savepoint, '--allow-non-restored-state').ended
    expect(status).toBe(0)
    expect(lastOf(stdout)).toEqual(totals())
  })
})
