// Names of files that stand where a table's name does: `FROM 'flights.csv'`.

import { basename } from 'node:path'
import { STANDARD_PATH } from '../../connector/file/file-listing.ts'
import type { TablePath } from '../catalog.ts'
import type { Span } from '../sql-error.ts'
import type { Name, QualifiedName } from '../syntax-tree.ts'

/** The catalog of files, and the database in it: no other has an empty name. */
export const FILE_CATALOG = ''

/** Whether a table's path is that of a file which stands where its name does. */
export function isFilePath([catalog]: TablePath): boolean {
  return catalog === FILE_CATALOG
}

const STANDARD_INPUT = '/dev/stdin'

/** The name of a file's table. */
export function fileName(given: string, { start, end }: Span): QualifiedName {
  // Of one input there is one table, whatever it is called.
  const path = given === STANDARD_INPUT ? STANDARD_PATH : given
  return { parts: [FILE_CATALOG, FILE_CATALOG, path].map((text) => ({ text, start, end })), start, end }
}

/** The path of the file that a name is; undefined if it is a name like others. */
export function fileOf({ parts }: QualifiedName): string | undefined {
  return parts[0].text === FILE_CATALOG ? parts[parts.length - 1].text : undefined
}

/** What a file's table is called without an alias: by the file's own name, without its endings. */
export function fileAlias(name: QualifiedName): Name | undefined {
  const path = fileOf(name)
  return path === undefined ? undefined : { text: basename(path).replace(/(?<=.)\..*$/, ''), start: name.start, end: name.end }
}
