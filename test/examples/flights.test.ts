// The main job over all of its input: every window, the ten worst and the picture, against an answer computed without the engine.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { asyncBufferFromFile, parquetRead } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { inferSchema, initParser } from 'udsv'
import { beforeAll, expect, test } from 'vitest'
import { type Outcome, root, run, scratchFolder } from '../fixtures/command.ts'

const HOUR_MS = 3_600_000

interface Hour {
  readonly origin: string
  readonly startMs: number
  flights: number
  delay: number
  late: number
}

/** The airport-hours of the data set, by a loop over its columns. */
async function expectedHours(): Promise<Map<string, Hour>> {
  const columns = new Map<string, { readonly from: number; readonly values: ArrayLike<unknown> }[]>()
  await parquetRead({
    file: await asyncBufferFromFile(join(root, 'node_modules/vega-datasets/data/flights-3m.parquet')),
    compressors,
    columns: ['date', 'delay', 'origin'],
    onChunk({ columnName, columnData, rowStart }) {
      columns.set(columnName, [...(columns.get(columnName) ?? []), { from: rowStart, values: columnData }])
    },
  })
  const hours = new Map<string, Hour>()
  const [dates, delays, origins] = ['date', 'delay', 'origin'].map((name) => columns.get(name)!.toSorted((left, right) => left.from - right.from))
  for (const [chunk, { values }] of dates.entries())
    for (let row = 0; row < values.length; row++) {
      const startMs = Math.floor((values[row] as Date).getTime() / HOUR_MS) * HOUR_MS
      const origin = origins[chunk].values[row] as string
      const delay = Number(delays[chunk].values[row])
      const key = `${origin} ${startMs}`
      let hour = hours.get(key)
      if (hour === undefined) hours.set(key, (hour = { origin, startMs, flights: 0, delay: 0, late: 0 }))
      hour.flights++
      hour.delay += delay
      if (delay > 15) hour.late++
    }
  return hours
}

function airports(): Map<string, { readonly name: string; readonly city: string }> {
  const csv = readFileSync(join(root, 'node_modules/vega-datasets/data/airports.csv'), 'utf8')
  const rows = initParser(inferSchema(csv)).stringObjs(csv) as { iata: string; name: string; city: string }[]
  return new Map(rows.map(({ iata, name, city }) => [iata, { name, city }]))
}

const folder = scratchFolder()
const file = join(folder, 'airport-hours.jsonl')
const known = airports()
let hours: Map<string, Hour>
let outcome: Outcome

beforeAll(async () => {
  outcome = await run('run', 'examples/flights/flights.ts', '--json', '--', '--out', file)
  hours = await expectedHours()
}, 120_000)

test('the program is one file of less than 60 lines', () => {
  const example = join(root, 'examples/flights')
  expect(readdirSync(example).filter((name) => name.endsWith('.ts'))).toEqual(['flights.ts'])
  expect(readFileSync(join(example, 'flights.ts'), 'utf8').trimEnd().split('\n').length).toBeLessThan(60)
})

test('the job reads three million flights and writes a row for each of 424,259 airport-hours', () => {
  expect(outcome).toMatchObject({ status: 0 })
  expect(hours.size).toBe(424_259)
  expect(JSON.parse(outcome.stderr)).toMatchObject({ job: 'flights', state: 'finished', rowsRead: 3_000_000 + known.size, rowsWritten: 424_259 + 10 })
})

/** The lines that are none of the airport-hours computed without the engine, with the names of their airports; and how many there are, and are different. */
function compared(lines: readonly string[]): { readonly wrong: readonly unknown[]; readonly count: number; readonly different: number } {
  const wrong: unknown[] = []
  const seen = new Set<string>()
  for (const line of lines) {
    const row = JSON.parse(line) as Record<'origin' | 'airport' | 'city' | 'windowStart', string> & Record<'flights' | 'meanDelay' | 'shareLate', number>
    const key = `${row.origin} ${Date.parse(`${row.windowStart}Z`)}`
    const hour = hours.get(key)
    seen.add(key)
    if (
      hour === undefined ||
      row.flights !== hour.flights ||
      row.meanDelay !== hour.delay / hour.flights ||
      row.shareLate !== hour.late / hour.flights ||
      row.airport !== known.get(row.origin)?.name ||
      row.city !== known.get(row.origin)?.city
    )
      wrong.push(row)
  }
  return { wrong, count: lines.length, different: seen.size }
}

function linesOf(path: string): readonly string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n')
}

test('every row of the result file is the one computed without the engine, with the name of its airport', () => {
  expect(compared(linesOf(file))).toEqual({ wrong: [], count: hours.size, different: hours.size })
})

test('the terminal shows the ten worst airport-hours of at least ten flights, and README.md the same', () => {
  const worst = [...hours.values()]
    .filter(({ flights }) => flights >= 10)
    .sort((left, right) => right.delay / right.flights - left.delay / left.flights)
    .slice(0, 10)
  const expected = worst.map(({ origin, startMs, flights, delay, late }) => {
    const { name, city } = known.get(origin)!
    const when = new Date(startMs).toISOString().slice(0, 13).replace('T', ' ')
    return `${when}h  ${name}, ${city}: ${flights} flights, ${(delay / flights).toFixed(0)} min late on average, ${((late / flights) * 100).toFixed(0)} % more than 15 min late`
  })
  expect(outcome.stdout.trimEnd().split('\n')).toEqual(expected)
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(outcome.stdout.trimEnd())
})

test('the picture in README.md is drawn from this result', () => {
  const plot = spawnSync(process.execPath, [join(root, 'examples/flights/plot.mjs'), file], { encoding: 'utf8' })
  expect(plot.stderr).toBe('')
  expect(plot.stdout === readFileSync(join(root, 'examples/flights/delays.svg'), 'utf8')).toBe(true)
})

test('the same in SQL writes the same hours, and prints the same ten', async () => {
  const text = readFileSync(join(root, 'examples/flights/flights.sql'), 'utf8')
  const script = join(folder, 'flights.sql')
  writeFileSync(script, text.replace('.millrace/airport-hours/', `${folder}/hours/`))
  const sql = await run('run', script, '--json', '--parallelism', '2')
  expect(sql).toMatchObject({ status: 0 })
  const hourFiles = readdirSync(join(folder, 'hours')).filter((name) => name.startsWith('part-'))
  const lines = hourFiles.flatMap((name) => linesOf(join(folder, 'hours', name)))
  expect(compared(lines)).toEqual({ wrong: [], count: hours.size, different: hours.size })
  expect(sql.stdout.replaceAll(/^\+I\[(.*)\]$/gm, '$1')).toBe(outcome.stdout)
}, 120_000)
