// Nexmark's queries on DuckDB in batch, on as many threads as are given, rows thrown away: EXPLAIN ANALYZE computes all of them. Queries that it says in
// another way are in `duckdb/`; those of test/nexmark are read with its quotes.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { sample, type Sample, timed } from '../harness.ts'
import { eventsFile, ON_THE_CLOCK, queryText, ROOT, sideFile } from '../nexmark/queries.ts'
import { PART_MAX } from '../nexmark/row-sum.ts'
import type { Measurement } from '../nexmark/measured-query.ts'

const PERSON = 'id BIGINT, name VARCHAR, emailAddress VARCHAR, creditCard VARCHAR, city VARCHAR, state VARCHAR, "dateTime" TIMESTAMP, extra VARCHAR'
const AUCTION =
  'id BIGINT, itemName VARCHAR, description VARCHAR, initialBid BIGINT, reserve BIGINT, "dateTime" TIMESTAMP, expires TIMESTAMP, seller BIGINT, category BIGINT, extra VARCHAR'
const BID = 'auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, "dateTime" TIMESTAMP, extra VARCHAR'

function fieldsOf(row: string, name: string): string {
  return [...row.matchAll(/"?(\w+)"? (?:BIGINT|VARCHAR|TIMESTAMP)/g)].map(([, field]) => `${name}."${field}"`).join(', ')
}

function tables(path: string): string {
  const columns = `{event_type: 'INTEGER', person: 'STRUCT(${PERSON})', auction: 'STRUCT(${AUCTION})', bid: 'STRUCT(${BID})'}`
  const view = (name: string, row: string, type: number): string =>
    `CREATE VIEW ${name} AS SELECT ${fieldsOf(row, name)} FROM read_json('${path}', format = 'newline_delimited', columns = ${columns}) WHERE event_type = ${type};`
  return [
    view('person', PERSON, 0),
    view('auction', AUCTION, 1),
    view('bid', BID, 2),
    `CREATE VIEW side AS SELECT * FROM read_csv('${sideFile()}', columns = {key: 'BIGINT', value: 'VARCHAR'}, header = false);`,
  ].join('\n')
}

/** Undefined: it has no form of the query. */
export function duckdbQuery(query: string): string | undefined {
  const path = join(ROOT, 'bench/peers/duckdb', `${query}.sql`)
  if (existsSync(path)) return readFileSync(path, 'utf8')
  return query === ON_THE_CLOCK ? undefined : queryText(query).replaceAll('`', '"')
}

async function connect(measurement: Measurement): Promise<DuckDBConnection> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', { threads: String(measurement.parallelism) })
  const connection = await instance.connect()
  await connection.run(tables(eventsFile(measurement.events)))
  return connection
}

/** As `measureQuery` does with our own engine. */
export async function measureDuckdb(measurement: Measurement): Promise<Sample> {
  const connection = await connect(measurement)
  const text = `EXPLAIN ANALYZE ${duckdbQuery(measurement.query)}`
  const pass = () => timed(() => connection.run(text))
  const cold = await pass()
  const figures = { coldSeconds: cold.seconds, wholeSeconds: performance.now() / 1000, peakBytes: process.resourceUsage().maxRSS * 1024 }
  const warm: Awaited<ReturnType<typeof pass>>[] = []
  while (warm.length < measurement.warmPasses) warm.push(await pass())
  return sample(
    (warm.length === 0 ? [cold] : warm).reduce((left, right) => (left.seconds <= right.seconds ? left : right)),
    '',
    figures,
  )
}

/** Number of rows, and for each column the sum that `RowSum` makes. */
export async function sumDuckdb(measurement: Measurement): Promise<Sample> {
  const connection = await connect(measurement)
  const query = duckdbQuery(measurement.query)!
  const types = (await connection.runAndReadAll(`DESCRIBE ${query}`)).getRowsJson().map(([, type]) => type as string)
  const columns = types.map((_, index) => `c${index}`)
  const parts = types.map((type, index) => `COALESCE(SUM(${partOf(columns[index], type)}), 0)::DOUBLE`)
  const time = await timed(() => connection.runAndReadAll(`SELECT COUNT(*)::DOUBLE, ${parts.join(', ')} FROM (${query}) AS t(${columns.join(', ')})`))
  const [rows, ...sums] = time.result.getRowsJson()[0] as number[]
  return sample(time, '', { rows, ...Object.fromEntries(sums.map((sum, index) => [`column${index}`, sum])) })
}

function partOf(column: string, type: string): string {
  if (type === 'VARCHAR') return `length(${column})`
  if (type === 'TIMESTAMP') return `epoch_ms(${column}) % ${PART_MAX}`
  const scale = /^DECIMAL\(\d+,(\d+)\)/.exec(type)?.[1]
  return scale === undefined ? `${column}::HUGEINT % ${PART_MAX}` : `(${column} * ${10 ** Number(scale)})::HUGEINT % ${PART_MAX}`
}
