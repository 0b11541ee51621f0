// Folders of partitions, as Hive and Flink name them: `day=2026-01-01/hour=05`. Pure.

/** What stands for NULL and for an empty text, as Flink's `partition.default-name` does. */
export const DEFAULT_PARTITION = '__HIVE_DEFAULT_PARTITION__'

/** Beside control characters. */
const ESCAPED: ReadonlySet<string> = new Set('"#%\'*/:=?\\\u007f{}[]^')

/** The folder of a partition, from the sink's on. @param values Texts of the columns, undefined for NULL. */
export function partitionPath(columns: readonly string[], values: readonly (string | undefined)[], defaultName: string = DEFAULT_PARTITION): string {
  return columns
    .map((column, index) => `${escaped(column)}=${escaped(values[index] === undefined || values[index] === '' ? defaultName : values[index])}`)
    .join('/')
}

function escaped(text: string): string {
  return text.replace(/\W/g, (character) =>
    character < ' ' || ESCAPED.has(character) ? `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}` : character,
  )
}

/** The texts that a folder was named after: the default name where it stands. */
export function partitionValues(path: string): string[] {
  return path.split('/').map((part) => unescaped(part.slice(part.indexOf('=') + 1)))
}

/** The column and the text that a folder is named after; undefined if it is named otherwise. */
export function partitionOf(folder: string): readonly [column: string, text: string] | undefined {
  const equals = folder.indexOf('=')
  return equals <= 0 ? undefined : [unescaped(folder.slice(0, equals)), unescaped(folder.slice(equals + 1))]
}

function unescaped(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
}
