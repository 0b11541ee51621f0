// The partitions of a folder: folders named `column=value` below each other, and the files in them. On the coordinator's thread.

import { type Dirent, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ConnectorError } from '../../base/errors.ts'
import { isHidden } from './file-listing.ts'
import { partitionOf } from './partition-path.ts'

/** How a folder is partitioned. */
export interface Partitions {
  readonly folder: string
  /** The columns, from the outermost folder on. */
  readonly columns: readonly string[]
  /** What stands for NULL. */
  readonly defaultName: string
  /** Whether a partition is read. @param values Texts of the columns, undefined for NULL. */
  keeps(values: readonly (string | undefined)[]): boolean
}

/**
 * The files of the partitions that are read, by name. Names that begin with `.` or `_` are passed over; where there is no folder there are no partitions.
 *
 * @throws {ConnectorError} `BAD_PARTITION` if something else than the next column's folder lies where one should.
 */
export function partitionFiles(partitions: Partitions): string[] {
  const files: string[] = []
  collect(partitions, partitions.folder, [], files)
  return files
}

function collect(partitions: Partitions, folder: string, values: readonly (string | undefined)[], files: string[]): void {
  const { columns, defaultName } = partitions
  if (values.length === columns.length) {
    if (partitions.keeps(values)) addFiles(folder, files)
    return
  }
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name)
    const named = isFolder(entry, path) ? partitionOf(entry.name) : undefined
    if (named === undefined || named[0] !== columns[values.length] || named[1] === '')
      throw new ConnectorError(
        'BAD_PARTITION',
        `Cannot read the partitions of "${partitions.folder}": "${path}" is no folder "${columns[values.length]}=..."`,
        {
          hint: `The table is partitioned by ${columns.join(', ')}; names that begin with . or _ are passed over.`,
        },
      )
    collect(partitions, path, [...values, named[1] === defaultName ? undefined : named[1]], files)
  }
}

/** All files below a folder. */
function addFiles(folder: string, files: string[]): void {
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name)
    if (isFolder(entry, path)) addFiles(path, files)
    else files.push(path)
  }
}

function isFolder(entry: Dirent, path: string): boolean {
  return entry.isDirectory() || (entry.isSymbolicLink() && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
}

function entriesOf(folder: string): Dirent[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    throw new ConnectorError('FILE_NOT_READABLE', `Cannot read the folder "${folder}": ${code === 'EACCES' ? 'permission denied' : message}`, { cause: error })
  }
  return entries.filter(({ name }) => !isHidden(name)).toSorted((left, right) => (left.name < right.name ? -1 : 1))
}

/** What the folders of a file's path say, undefined for NULL. */
export function partitionTexts({ folder, columns, defaultName }: Partitions, path: string): readonly (string | undefined)[] {
  const below = path.slice(join(folder, '/').length).split('/')
  return columns.map((_, index) => {
    const text = partitionOf(below[index])![1]
    return text === defaultName ? undefined : text
  })
}
