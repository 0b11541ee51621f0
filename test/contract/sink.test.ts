import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineSchema, t } from '../../src/batch/types.ts'
import { blackholeSink } from '../../src/connector/blackhole-sink.ts'
import { callbackSink } from '../../src/connector/collection/callback-sink.ts'
import { fileSink } from '../../src/connector/file/file-sink.ts'
import { postgresSink } from '../../src/connector/postgres/postgres-sink.ts'
import { printSink } from '../../src/connector/print-sink.ts'
import { programSink } from '../../src/connector/program/program-sink.ts'
import { sqliteSink } from '../../src/connector/sqlite/sqlite-sink.ts'
import { csvFormat } from '../../src/format/csv/csv-format.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import { hasPostgres, postgresServer } from '../fixtures/postgres.ts'
import { sqliteQuery } from '../fixtures/sqlite.ts'
import { scratchFolder } from '../unit/connector/file-probe.ts'
import { sinkContract } from './sink-contract.ts'

const SCHEMA = defineSchema({ id: t.int(), name: t.string().nullable() })
interface Row {
  readonly id: number
  readonly name: string | null
}
const ROWS: readonly Row[] = Array.from({ length: 40 }, (_, id) => ({ id, name: id % 4 === 0 ? null : `näme ${id}` }))
const json = (row: Row): string => JSON.stringify({ id: row.id, name: row.name })

const folder = scratchFolder()
const postgres = postgresServer()
let paths = 0
const linesOf = (path: string): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [])

sinkContract(
  'a callback',
  () => {
    const written: string[] = []
    return { sink: callbackSink<Row>((row) => void written.push(json(row))), written: () => written }
  },
  SCHEMA,
  ROWS,
  json,
)

sinkContract(
  'a named output',
  () => {
    const written: string[] = []
    const program = {
      send: (_output: string, records: readonly unknown[]) => void written.push(...records.map((row) => json(row as Row))),
      pendingCount: () => 0,
      receive: () => undefined,
    }
    return { sink: programSink('rows'), context: { program }, written: () => written }
  },
  SCHEMA,
  ROWS,
  json,
)

sinkContract(
  'print',
  () => {
    const written: string[] = []
    return {
      sink: printSink({
        write: (text) =>
          void written.push(
            ...text
              .split('\n')
              .slice(0, -1)
              .map((line) => line.replace(/^\d+> /, '')),
          ),
      }),
      written: () => written,
    }
  },
  SCHEMA,
  ROWS,
  ({ id, name }) => `+I[${id}, ${name ?? 'null'}]`,
)

sinkContract(
  'a file of JSON lines',
  () => {
    const path = join(folder, `rows-${paths++}.jsonl`)
    return { sink: fileSink({ path, format: jsonFormat() }), written: () => linesOf(path) }
  },
  SCHEMA,
  ROWS,
  json,
)

sinkContract(
  'a folder of CSV files',
  () => {
    const path = join(folder, `rows-${paths++}/`)
    const parts = (): string[] =>
      existsSync(path)
        ? readdirSync(path)
            // As the file source passes over them.
            .filter((part) => !part.startsWith('.'))
            .sort()
            .flatMap((part) => linesOf(join(path, part)).slice(1))
        : []
    return { sink: fileSink({ path, format: csvFormat() }), written: parts }
  },
  SCHEMA,
  ROWS,
  ({ id, name }) => `${id},${name ?? ''}`,
)

for (const keys of [undefined, ['id']]) {
  sinkContract(
    `a table of SQLite, ${keys === undefined ? 'appended to' : 'by keys'}`,
    () => {
      const path = join(folder, `rows-${paths++}.db`)
      sqliteQuery(path, 'CREATE TABLE "the rows" (id INTEGER PRIMARY KEY, name TEXT)')
      return {
        sink: sqliteSink({ path, table: 'the rows', ...(keys && { keys }) }),
        written: () => (sqliteQuery(path, 'SELECT id, name FROM "the rows" ORDER BY id') as unknown as Row[]).map(json),
      }
    },
    SCHEMA,
    ROWS,
    json,
  )

  if (!hasPostgres) continue
  sinkContract(
    `a table of PostgreSQL, ${keys === undefined ? 'appended to' : 'by keys'}`,
    async () => {
      const table = await postgres.createTable('id integer PRIMARY KEY, name text')
      return {
        sink: postgresSink({ connection: postgres.connection, table, ...(keys && { keys }) }),
        written: async () => ((await postgres.query(`SELECT id, name FROM ${table} ORDER BY id`)) as unknown as Row[]).map(json),
      }
    },
    SCHEMA,
    ROWS,
    json,
  )
}

sinkContract('a blackhole', () => ({ sink: blackholeSink(), written: () => [] }), SCHEMA, [], json, {
  skip: [
    {
      reason: 'there is nothing to read',
      tests: ['it writes every row once, in order, whatever the batches', 'it writes the pending rows alone: those of the selection between begin and end'],
    },
  ],
})
