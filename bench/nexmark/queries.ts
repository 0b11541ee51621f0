// The queries of Nexmark as scripts: test/nexmark has those that a real Flink has answered, this folder q6, q12 and q13, which it cannot answer
// twice alike. q13 joins the table of ten thousand rows as any other.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeNexmarkFile } from '../../src/connector/nexmark/nexmark-file.ts'
import type { NexmarkOptions } from '../../src/connector/nexmark/nexmark-options.ts'

/** The repository, seen from the bundle in dist/. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Files that benchmarks keep from run to run. */
export const CACHE = join(ROOT, '.bench/kept')
const FOLDERS = [join(ROOT, 'test/nexmark'), join(ROOT, 'bench/nexmark')]
const SEED = 42
/** 10 s of event time hold 100,000 events. */
const EVENT_RATE = 10_000
const SIDE_ROWS = 10_000

/** `q0` to `q22`, and `q11-legacy`. */
export const QUERIES: readonly string[] = FOLDERS.flatMap((folder) => readdirSync(folder))
  .flatMap((file) => /^(q.*)\.sql$/.exec(file)?.[1] ?? [])
  .sort((left, right) => left.localeCompare(right, 'en', { numeric: true }))

/** How the same query is written with functions of older versions: measured only if it is named. */
export const LEGACY = 'q11-legacy'
/** Counts by the clock of the machine, so that no two runs give the same rows. */
export const ON_THE_CLOCK = 'q12'

/** Those that a real Flink has not answered. */
export const OWN_QUERIES: readonly string[] = ['q6', ON_THE_CLOCK, 'q13']

export function queryText(query: string): string {
  return readFileSync(
    join(
      FOLDERS.find((folder) => existsSync(join(folder, `${query}.sql`)))!,
      `${query}.sql`,
    ),
    'utf8',
  ).trim()
}

/** Where the events come from. */
export type Input = { readonly kind: 'file'; readonly path: string } | { readonly kind: 'generator'; readonly events: number }

/** The tables and views that a query reads, as statements. */
export function tablesText(query: string, input: Input): string {
  let text = readFileSync(join(FOLDERS[0], 'ddl.sql'), 'utf8')
  if (input.kind === 'file') text = text.replaceAll('${EVENTS}', input.path)
  else {
    const options = `'connector' = 'nexmark', 'events.num' = '${input.events}', 'first-event.rate' = '${EVENT_RATE}', 'millrace.seed' = '${SEED}'`
    text = text.replace(/WITH \([^)]*\)/, () => `WITH (${options})`)
  }
  if (query === 'q12') text += 'CREATE VIEW timed AS SELECT bidder, PROCTIME() AS p FROM bid;\n'
  if (query === 'q13')
    text += `CREATE TABLE side (key BIGINT, \`value\` STRING) WITH ('connector' = 'filesystem', 'path' = '${sideFile()}', 'format' = 'csv');\n`
  return text
}

/** A script that runs a query and throws its rows away. */
export function scriptText(query: string, input: Input): string {
  return `${tablesText(query, input)}CREATE TABLE nothing WITH ('connector' = 'blackhole') AS\n${queryText(query)};\n`
}

/** The file of so many events, made if it is not there. */
export function eventsFile(events: number): string {
  const options: NexmarkOptions = { eventCount: events, eventRate: EVENT_RATE, seed: SEED }
  return kept(`nexmark-${events}-seed-${SEED}.jsonl`, (path) => writeNexmarkFile(path, options))
}

/** The table that q13 looks up values in. */
export function sideFile(): string {
  return kept(`side-${SIDE_ROWS}.csv`, (path) => writeFileSync(path, Array.from({ length: SIDE_ROWS }, (_, key) => `${key},value ${key * 7}\n`).join('')))
}

/** A file in the cache, which `write` makes once. Its name says all that it depends on. */
function kept(name: string, write: (path: string) => void): string {
  const path = join(CACHE, name)
  if (existsSync(path)) return path
  mkdirSync(dirname(path), { recursive: true })
  const partial = `${path}.${process.pid}`
  write(partial)
  renameSync(partial, path)
  return path
}
