// Files that stand where a table's name does: their tables, by what the files look like.

import { extname } from 'node:path'
import { ConnectorError } from '../../base/errors.ts'
import type { Field } from '../../batch/types.ts'
import { type FileHead, readHead, readStandardHead } from '../../connector/file/file-head.ts'
import { inputName, listFiles, STANDARD_PATH } from '../../connector/file/file-listing.ts'
import { parquetSchema } from '../../format/parquet/parquet-file.ts'
import type { CatalogTable, Origin } from '../catalog.ts'
import { SqlError } from '../sql-error.ts'
import { makeTable } from '../table-definition.ts'
import { csvShape } from './csv-columns.ts'
import { FILE_CATALOG } from './file-name.ts'
import { jsonColumns } from './json-columns.ts'

/** What the ends of names say. */
export const FILE_FORMATS: Readonly<Record<string, 'csv' | 'json' | 'parquet'>> = {
  '.csv': 'csv',
  '.tsv': 'csv',
  '.json': 'json',
  '.jsonl': 'json',
  '.ndjson': 'json',
  '.parquet': 'parquet',
}
/** How many files are looked at, and how far into each: some thousand rows. */
const FILES_MAX = 4
const HEAD_BYTES = 1 << 20

/** What is found out about files. */
interface Shape {
  readonly columns: readonly Field[]
  readonly options: Readonly<Record<string, string>>
}

/** What standard input holds: rows, or the statements themselves. Undefined: whoever plans does not read it. */
export type StandardInput = 'rows' | 'statements' | undefined

/**
 * The table of a file, a folder, a glob or standard input. Its columns are those of its first rows, all of them admit NULL.
 *
 * @param origin Where the path stands.
 * @throws {SqlError} `FILE_NOT_FOUND` and whatever else listing and reading files throws; `UNKNOWN_FORMAT`, `EMPTY_FILE`, `UNKNOWN_SHAPE`,
 *   `DUPLICATE_COLUMN`; `NOT_A_FILE` for standard input that holds no rows.
 */
export function fileTable(path: string, origin: Origin, input: StandardInput): CatalogTable {
  const isInput = path === STANDARD_PATH
  const { columns, options } = at(origin, () => (isInput ? inputShape(input) : shapeOf(path)))
  return makeTable([FILE_CATALOG, FILE_CATALOG, path], true, {
    columns: columns.map(({ name, type }) => ({ kind: 'physical', name, type, comment: undefined, origin })),
    primaryKey: undefined,
    watermark: undefined,
    partitionedBy: [],
    distribution: undefined,
    options: new Map(Object.entries({ connector: 'filesystem', path, ...options })),
    comment: undefined,
  })
}

/** What goes wrong with a file is shown where the statement names it. */
function at<T>(origin: Origin, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof ConnectorError) throw new SqlError(error.code, origin.text, origin, error.message, error.hint)
    throw error
  }
}

function shapeOf(path: string): Shape {
  const files = listFiles([path])
  const [format, other] = new Set(files.map((file) => formatOf(file.path)))
  if (other !== undefined) throw new ConnectorError('UNKNOWN_FORMAT', `Cannot read "${path}": it stands for files of several formats`)
  if (format === 'parquet') return { columns: parquetSchema(files[0].path).fields, options: { format } }
  const heads = headsOf(files)
  const shape = textShape(format, path, heads)
  if (shape !== undefined) return shape
  if (heads.some(({ isWhole }) => !isWhole)) throw new ConnectorError('UNKNOWN_SHAPE', `Cannot read "${path}": its first record is longer than 1 MiB`)
  throw new ConnectorError('EMPTY_FILE', `Cannot read "${path}": it is empty, and so has no columns`)
}

function inputShape(input: StandardInput): Shape {
  if (input !== 'rows')
    throw new ConnectorError(
      'NOT_A_FILE',
      input === 'statements' ? 'Cannot read rows from standard input: the statements come from there' : 'Cannot look at standard input before it is read',
      {
        hint:
          input === 'statements'
            ? 'Give the statements with -e, or as a file with -f.'
            : `CREATE TABLE names its columns: WITH ('connector' = 'filesystem', 'path' = '-', 'format' = '...').`,
      },
    )
  const head = readStandardHead(HEAD_BYTES)
  const isJson = /^\s*[{[]/.test(new TextDecoder().decode(head.bytes.subarray(0, SHOWN_BYTES)))
  const shape = textShape(isJson ? 'json' : 'csv', inputName(STANDARD_PATH), [head])
  if (shape !== undefined) return shape
  throw new ConnectorError('EMPTY_FILE', 'Cannot read standard input: it is empty, and so has no columns')
}

/** By so many the format is told. */
const SHOWN_BYTES = 256

function formatOf(path: string): 'csv' | 'json' | 'parquet' {
  const format = FILE_FORMATS[extname(path.replace(/\.gz$/i, '')).toLowerCase()]
  if (format !== undefined) return format
  throw new ConnectorError('UNKNOWN_FORMAT', `Cannot tell the format of "${path}" by its name`, {
    hint: `Taken are ${Object.keys(FILE_FORMATS).join(', ')}, lines also with .gz behind. FROM '-' looks at what is piped in; for all else write CREATE TABLE.`,
  })
}

function headsOf(files: readonly { readonly path: string; readonly size: number }[]): readonly FileHead[] {
  return files
    .filter(({ size }) => size > 0)
    .slice(0, FILES_MAX)
    .map((file) => readHead(file.path, HEAD_BYTES))
}

function textShape(format: 'csv' | 'json', path: string, heads: readonly FileHead[]): Shape | undefined {
  if (format === 'json') {
    const columns = jsonColumns(path, heads)
    return columns && { columns, options: { format, 'json.conversion': 'strict' } }
  }
  const shape = csvShape(heads)
  const names = shape?.hasHeader === true ? shape.columns.map(({ name }) => name) : []
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    throw new ConnectorError('DUPLICATE_COLUMN', `Cannot read "${path}": its header has two columns "${twice}"`, {
      hint: 'Columns are found by their names: give one of them another name.',
    })
  return (
    shape && {
      columns: shape.columns,
      options: {
        format,
        'csv.conversion': 'strict',
        'csv.header': String(shape.hasHeader),
        'csv.field-delimiter': shape.delimiter,
        ...(shape.quote !== '"' && { 'csv.quote-character': shape.quote }),
        ...(shape.allowComments && { 'csv.allow-comments': 'true' }),
      },
    }
  )
}
