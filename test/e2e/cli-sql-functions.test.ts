// Functions of users in a script that runs as a job: each thread imports their module, and what they know of groups survives the death of the process.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run, scratchFolder } from '../fixtures/command.ts'

const COUNT = 3000
const HOUR_MS = 3_600_000
const folder = scratchFolder()

const words = ['to be', 'or not', 'to be that', 'is the question']
const lines = Array.from({ length: COUNT }, (_, index) => ({ line: words[index % words.length], atMs: Date.UTC(2026, 0, 1) + index * 10_000 }))
const sqlTime = (ms: number): string => new Date(ms).toISOString().slice(0, -1).replace('T', ' ')
writeFileSync(join(folder, 'lines.jsonl'), lines.map(({ line, atMs }) => `${JSON.stringify({ line, at: sqlTime(atMs) })}\n`).join(''))

writeFileSync(
  join(folder, 'functions.ts'),
  `import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { aggregateFunction, scalarFunction, t, tableFunction } from 'millrace'

export const tokens = tableFunction({
  arguments: [t.string().nullable()],
  returns: t.row({ word: t.string(), length: t.int() }),
  *eval(text) {
    for (const word of (text ?? '').split(' ')) yield { word, length: word.length }
  },
})

/** The words of a group, in alphabetical order, with how often each is there. */
export const histogram = aggregateFunction({
  arguments: [t.string()],
  returns: t.string(),
  createAccumulator: () => new Map<string, number>(),
  accumulate(known, word) {
    known.set(word, (known.get(word) ?? 0) + 1)
  },
  merge(known, others) {
    for (const other of others) for (const [word, count] of other) known.set(word, (known.get(word) ?? 0) + count)
  },
  getValue: (known) => [...known].sort().map(([word, count]) => word + count).join(' '),
})

/** Kills the process once a checkpoint is complete, one time; until then the second half of the rows takes its time. */
let rows = 0
export const deadly = scalarFunction({
  arguments: [t.string().nullable(), t.string(), t.string()],
  returns: t.string(),
  deterministic: false,
  eval(line, checkpoints, marker) {
    rows++
    if (rows > ${COUNT / 2} && rows % 10 === 0 && marker !== 'never' && !existsSync(marker)) {
      const isCheckpointed = existsSync(checkpoints) && readdirSync(checkpoints, { recursive: true }).some((name) => String(name).endsWith('_metadata'))
      if (isCheckpointed) {
        writeFileSync(marker, '')
        process.kill(process.pid, 'SIGKILL')
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
    return line ?? ''
  },
})
`,
)

function scriptOf(name: string): { readonly path: string; readonly out: string; readonly checkpoints: string } {
  const [path, out, checkpoints] = [join(folder, `${name}.sql`), join(folder, `${name}-out`), join(folder, `${name}-checkpoints`)]
  mkdirSync(out)
  writeFileSync(
    path,
    `SET 'execution.checkpointing.interval' = '50 ms';
SET 'millrace.batch.rows-max' = '64';
CREATE FUNCTION tokens AS './functions.ts#tokens' LANGUAGE TYPESCRIPT;
CREATE TEMPORARY FUNCTION histogram AS './functions.ts#histogram' LANGUAGE TYPESCRIPT;
CREATE TEMPORARY SYSTEM FUNCTION deadly AS './functions.ts#deadly' LANGUAGE TYPESCRIPT;
CREATE TABLE lines (line STRING, \`at\` TIMESTAMP(3), WATERMARK FOR \`at\` AS \`at\`)
WITH ('connector' = 'filesystem', 'path' = '${join(folder, 'lines.jsonl')}', 'format' = 'json');
CREATE TABLE hours (begins TIMESTAMP(3), words STRING) WITH ('connector' = 'filesystem', 'path' = '${out}', 'format' = 'json');
CREATE VIEW words AS SELECT \`at\`, word FROM (SELECT deadly(line, '${checkpoints}', '\${MARKER}') AS line, \`at\` FROM lines), LATERAL TABLE(tokens(line)) AS T(word, len) WHERE len > 1;
INSERT INTO hours SELECT window_start, histogram(word)
FROM TABLE(TUMBLE(TABLE words, DESCRIPTOR(\`at\`), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;`,
  )
  return { path, out, checkpoints }
}

function expected(): string[] {
  const hours = new Map<number, Map<string, number>>()
  for (const { line, atMs } of lines) {
    const hour = Math.floor(atMs / HOUR_MS) * HOUR_MS
    const counts = hours.get(hour) ?? new Map<string, number>()
    hours.set(hour, counts)
    for (const word of line.split(' ')) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return [...hours].map(([hour, counts]) => {
    const text = [...counts]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([word, count]) => `${word}${count}`)
      .join(' ')
    return `${sqlTime(hour).slice(0, 19)} ${text}`
  })
}

function written(out: string): string[] {
  const rows = readdirSync(out).flatMap((name) => readFileSync(join(out, name), 'utf8').split('\n').filter(Boolean))
  return rows
    .map((row) => JSON.parse(row) as { readonly begins: string; readonly words: string })
    .map(({ begins, words: text }) => `${begins.slice(0, 19)} ${text}`)
    .toSorted()
}

describe('a script with functions in TypeScript', () => {
  test('runs in several workers, each with a module of its own', async () => {
    const { path, out, checkpoints } = scriptOf('plain')
    const { status, stderr } = await run('run', path, '-p', '2', '--set', `execution.checkpointing.dir=${checkpoints}`, '--', '--MARKER', 'never')
    expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringMatching(/^plain finished/) as string })
    expect(written(out)).toEqual(expected())
  })

  test('goes on from a checkpoint when its process is killed', async () => {
    const { path, out, checkpoints } = scriptOf('killed')
    const marker = join(folder, 'killed-once')
    const set = ['--set', `execution.checkpointing.dir=${checkpoints}`, '--set', 'restart-strategy.exponential-delay.initial-backoff=10']
    const { status, stderr } = await run('run', path, '-p', '2', ...set, '--', '--MARKER', marker)
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/ended by SIGKILL; starting it again[^]*Goes on from checkpoint/) as string,
    })
    expect(existsSync(marker)).toBe(true)
    expect(written(out)).toEqual(expected())
  })

  test('fails with the function, its values and the lines that were written', async () => {
    writeFileSync(
      join(folder, 'failing.ts'),
      `import { scalarFunction, t } from 'millrace'

export const failing = scalarFunction({
  arguments: [t.string().nullable()],
  returns: t.string(),
  eval(line: string | null): string {
    throw new RangeError('too long: ' + line)
  },
})
`,
    )
    const path = join(folder, 'failing.sql')
    const select = `CREATE FUNCTION failing AS './failing.ts#failing' LANGUAGE TYPESCRIPT;\nSELECT failing(x) FROM (VALUES ('abc')) AS v(x);`
    writeFileSync(path, select)
    const { status, stderr } = await run('sql', '-f', path)
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^error \[USER_FUNCTION_FAILED\]: Function "failing" failed in eval\('abc'\), line 2, column 8: RangeError: too long: abc\n[^]*failing\.ts:7:11/,
      ) as string,
    })
  })
})
