import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineSchema, t } from '../../src/batch/types.ts'
import { blackholeSink } from '../../src/connector/blackhole-sink.ts'
import { callbackSink } from '../../src/connector/collection/callback-sink.ts'
import { fileSink } from '../../src/connector/file/file-sink.ts'
import { printSink } from '../../src/connector/print-sink.ts'
import { programSink } from '../../src/connector/program/program-sink.ts'
import { csvFormat } from '../../src/format/csv/csv-format.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
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

sinkContract('a blackhole', () => ({ sink: blackholeSink(), written: () => [] }), SCHEMA, [], json, {
  skip: [
    {
      reason: 'there is nothing to read',
      tests: ['it writes every row once, in order, whatever the batches', 'it writes the pending rows alone: those of the selection between begin and end'],
    },
  ],
})
