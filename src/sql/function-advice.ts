// What to write in place of a function that is not there: the one that was mistyped, or what other dialects call otherwise.

import { suggest } from '../base/suggest.ts'
import { FLINK_FUNCTIONS } from './flink-functions.ts'

/** Functions of DuckDB, PostgreSQL, Spark and others, by what does the same here. */
export const FOREIGN_FUNCTIONS: Readonly<Record<string, string>> = {
  ANY_VALUE: 'FIRST_VALUE(value)',
  ARG_MAX: 'a Top-N query: WHERE ROW_NUMBER() OVER (... ORDER BY value DESC) = 1 over it',
  ARG_MIN: 'a Top-N query: WHERE ROW_NUMBER() OVER (... ORDER BY value) = 1 over it',
  ARRAY_LENGTH: 'CARDINALITY(array)',
  CHARINDEX: "POSITION('part' IN text)",
  DATEDIFF: 'TIMESTAMPDIFF(DAY, from, to)',
  DATE_ADD: "time + INTERVAL '1' DAY",
  DATE_DIFF: 'TIMESTAMPDIFF(DAY, from, to)',
  DATE_PART: 'EXTRACT(YEAR FROM time)',
  DATE_SUB: "time - INTERVAL '1' DAY",
  DATE_TRUNC: 'FLOOR(time TO DAY)',
  EPOCH: 'UNIX_TIMESTAMP(text)',
  GEN_RANDOM_UUID: 'UUID()',
  GETDATE: 'CURRENT_TIMESTAMP',
  GROUP_CONCAT: "LISTAGG(text, ',')",
  LEN: 'CHAR_LENGTH(text)',
  LENGTH: 'CHAR_LENGTH(text)',
  LIST: 'ARRAY_AGG(value)',
  LISTCONTAINS: 'ARRAY_CONTAINS(array, value)',
  LIST_CONTAINS: 'ARRAY_CONTAINS(array, value)',
  MEDIAN: 'PERCENTILE(value, 0.5)',
  NVL: 'COALESCE(value, otherwise)',
  QUANTILE: 'PERCENTILE(value, 0.5)',
  QUANTILE_CONT: 'PERCENTILE(value, 0.5)',
  RANDOM: 'RAND()',
  REGEXP_MATCHES: 'REGEXP(text, pattern)',
  STARTS_WITH: 'STARTSWITH(text, start)',
  STRFTIME: "DATE_FORMAT(time, 'yyyy-MM-dd')",
  STRING_AGG: "LISTAGG(text, ',')",
  STRING_SPLIT: "SPLIT(text, ',')",
  STRPOS: "POSITION('part' IN text)",
  STRPTIME: "TO_TIMESTAMP(text, 'yyyy-MM-dd')",
  TIME_BUCKET: "TUMBLE(TABLE t, DESCRIPTOR(time), INTERVAL '1' HOUR)",
  TO_CHAR: "DATE_FORMAT(time, 'yyyy-MM-dd')",
}

/** Those that read files. */
export const FILE_FUNCTIONS = /^(?:READ_(?:CSV|JSON|NDJSON|PARQUET)(?:_AUTO|_OBJECTS)?|PARQUET_SCAN|SNIFF_CSV|GLOB)$/

/** What to do instead of calling a function that is not there. */
export function functionAdvice(name: string): string {
  const upper = name.toUpperCase()
  if (FILE_FUNCTIONS.test(upper)) return "Write the file's name in the place of a table: FROM 'file.csv'."
  const other = Object.hasOwn(FOREIGN_FUNCTIONS, upper) && !FLINK_FUNCTIONS.has(upper) ? FOREIGN_FUNCTIONS[upper] : undefined
  if (other !== undefined) return `Write ${other}.`
  const near = suggest(upper, FLINK_FUNCTIONS)
  return near === undefined ? 'SHOW FUNCTIONS lists what there is.' : `Did you mean ${near}?`
}
