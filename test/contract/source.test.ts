import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineSchema, t } from '../../src/batch/types.ts'
import { collectionSource } from '../../src/connector/collection/collection-source.ts'
import { datagenSource } from '../../src/connector/datagen/datagen-source.ts'
import { fileSource } from '../../src/connector/file/file-source.ts'
import { nexmarkSource } from '../../src/connector/nexmark/nexmark-source.ts'
import { csvFormat } from '../../src/format/csv/csv-format.ts'
import { jsonFormat } from '../../src/format/json/json-format.ts'
import { scratchFolder } from '../unit/connector/file-probe.ts'
import { sourceContract } from './source-contract.ts'

const SCHEMA = defineSchema({ id: t.int(), name: t.string().nullable() })
const ROWS = Array.from({ length: 150 }, (_, id) => ({ id, name: id % 4 === 0 ? null : `näme ${id}` }))
const folder = scratchFolder()
for (const part of [0, 1, 2])
  writeFileSync(
    join(folder, `part-${part}.jsonl`),
    ROWS.slice(part * 50, part * 50 + 50)
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(''),
  )
writeFileSync(join(folder, 'rows.csv'), 'id,name\n' + ROWS.map(({ id, name }) => `${id},${name === null ? '' : `"${name}"`}\n`).join(''))

sourceContract('a collection of rows', () => collectionSource(ROWS, SCHEMA), { rows: 150 })
sourceContract('an empty collection', () => collectionSource([], SCHEMA), {
  rows: 0,
  skip: [{ reason: 'there is no largest split', tests: ['one reader brings every row, split after split'] }],
})
sourceContract('datagen', () => datagenSource(SCHEMA, { rowCount: 120, seed: 5 }), { rows: 120 })
sourceContract('nexmark', () => nexmarkSource({ eventCount: 100, seed: 3, paced: false, table: 'bid' }), { rows: 92 })
sourceContract(
  'files of JSON lines',
  () => fileSource({ path: join(folder, '*.jsonl'), format: jsonFormat(), schema: SCHEMA, splitBytes: 300, readBytes: 256 }),
  { rows: 150 },
)
sourceContract('a file of CSV', () => fileSource({ path: join(folder, 'rows.csv'), format: csvFormat(), schema: SCHEMA, splitBytes: 200, readBytes: 256 }), {
  rows: 150,
})
