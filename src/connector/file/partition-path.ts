// Folders of partitions, as Hive and Flink name them: `day=2026-01-01/hour=05`. Pure.

/** What stands for NULL and for an empty text, as Flink's `partition.default-name` does. */
export const DEFAULT_PARTITION = '__HIVE_DEFAULT_PARTITION__'

/** Beside control characters. */
const ESCAPED: ReadonlySet<string> = new Set('"#%\'*/:=?\\\u007f{}[]^')

/** The folder of a partition, from the sink's on. @param values Texts of the columns, undefined for NULL. */
export function partitionPath(columns: readonly string[], values: readonly (string | undefined)[]): string {
  return columns.map((column, index) => `${escaped(column)}=${escaped(valueOrDefault(values[index]))}`).join('/')
}

function valueOrDefault(value: string | undefined): string {
  return value === undefined || value === '' ? DEFAULT_PARTITION : value
}

function escaped(text: string): string {
  return text.replace(/\W/g, (character) =>
    character < ' ' || ESCAPED.has(character) ? `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}` : character,
  )
}

/** The texts that a folder was named after: {@link DEFAULT_PARTITION} where it stands. */
export function partitionValues(path: string): string[] {
  return path
    .split('/')
    .map((part) => part.slice(part.indexOf('=') + 1).replace(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16))))
}
