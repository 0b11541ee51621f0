import { describe, expect, test } from 'vitest'
import { SqlSession } from '../../../../src/sql/session.ts'
import { SqlError } from '../../../../src/sql/sql-error.ts'
import { parseScript } from '../../../../src/sql/statement-parser.ts'

const SETUP = `CREATE TABLE t (id INT, name STRING, d AS id + 1, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, CONSTRAINT pk PRIMARY KEY (id) NOT ENFORCED) WITH ('connector'='x');
CREATE VIEW v AS SELECT id FROM t;
CREATE TEMPORARY TABLE tmp (a INT);
`

/** The error of the last line of a script. */
function refusal(sql: string): SqlError {
  const session = new SqlSession()
  const text = SETUP + sql
  try {
    for (const statement of parseScript(text)) session.execute(statement, text)
  } catch (error) {
    if (error instanceof SqlError) return error
    throw error
  }
  throw new Error('not refused')
}

describe('errors stand where they are, and say what to do', () => {
  test.each([
    ['DESCRIBE tt', 'UNKNOWN_TABLE', 10, 'There is no table "tt"', 'Did you mean t?'],
    ['DROP VIEW t', 'WRONG_KIND', 11, '"t" is a table', 'Write DROP TABLE.'],
    ['DROP TABLE tmp', 'WRONG_KIND', 12, '"tmp" is temporary, and hides any other', 'Write DROP TEMPORARY TABLE.'],
    ['DROP TEMPORARY TABLE tpm', 'UNKNOWN_TABLE', 22, 'There is no temporary table "tpm"', 'Did you mean tmp?'],
    ['ALTER TABLE v ADD a INT', 'WRONG_KIND', 13, '"v" is a view', 'Write ALTER VIEW.'],
    ['ALTER TABLE tmp ADD b INT', 'WRONG_KIND', 13, '"tmp" is temporary, and ALTER changes what is not', 'Drop it and create it anew.'],
    ['SHOW CREATE TABLE v', 'WRONG_KIND', 19, '"v" is a view', 'Write SHOW CREATE VIEW.'],
    ['SHOW TABLES FROM default_databas', 'UNKNOWN_DATABASE', 18, 'There is no database "default_databas"', 'Did you mean default_database?'],
    ['USE CATALOG default_catalo', 'UNKNOWN_CATALOG', 13, 'There is no catalog "default_catalo"', 'Did you mean default_catalog?'],
    ['CREATE TABLE x.y.z (a INT)', 'UNKNOWN_CATALOG', 14, 'There is no catalog "x"', undefined],
    ['CREATE TABLE a.b.c.d (a INT)', 'UNKNOWN_TABLE', 20, 'A name has three parts at most: catalog, database, name', undefined],
    ['CREATE VIEW t AS SELECT 1', 'TABLE_EXISTS', 13, 'There is a table "t" already', 'Write IF NOT EXISTS to leave it as it is.'],
    [
      'CREATE TABLE u (a INT, PRIMARY KEY (a))',
      'INVALID_KEY',
      24,
      'A primary key is not enforced: nothing checks the rows of a connector',
      'Write NOT ENFORCED behind it.',
    ],
    ['CREATE TABLE u (abc INT, PRIMARY KEY (abd) NOT ENFORCED)', 'UNKNOWN_COLUMN', 39, 'There is no column "abd"', 'Did you mean abc?'],
    ['CREATE TABLE u (a INT, b AS a, c AS b + 1)', 'UNKNOWN_COLUMN', 37, '"b" is computed itself', 'Write what it is computed from.'],
    ['CREATE TABLE u (a INT, b AS (SELECT 1))', 'INVALID_COLUMN', 30, 'A computed column holds no query', undefined],
    [
      'CREATE TABLE u (a TIMESTAMP(6), WATERMARK FOR a AS a)',
      'INVALID_WATERMARK',
      47,
      '"a" is TIMESTAMP(6): a time attribute is TIMESTAMP(p) or TIMESTAMP_LTZ(p), p at most 3',
      'Make it from a computed column: CAST(… AS TIMESTAMP(3)).',
    ],
    [
      "CREATE TABLE u (m INT METADATA, n INT METADATA FROM 'm')",
      'DUPLICATE_COLUMN',
      33,
      '"m" and "n" are the same metadata "m"',
      'Write "n AS m" for a second name.',
    ],
    ['CREATE TABLE u (a INTERVAL DAY)', 'UNSUPPORTED_TYPE', 19, 'No column holds an INTERVAL', 'Hold a BIGINT of milliseconds, or of months.'],
    ['CREATE TABLE u (a INT) PARTITIONED BY (b)', 'UNKNOWN_COLUMN', 40, 'There is no column "b"', 'Did you mean a?'],
    ['CREATE TABLE u (id INT) LIKE t', 'DUPLICATE_COLUMN', 17, 'The other table has a column "id" already', undefined],
    [
      'CREATE TABLE u (d AS id) LIKE t',
      'DUPLICATE_COLUMN',
      17,
      'The other table has a column "d" already',
      'Write EXCLUDING GENERATED or OVERWRITING GENERATED.',
    ],
    [
      "CREATE TABLE u WITH ('connector'='y') LIKE t (INCLUDING OPTIONS)",
      'INVALID_LIKE',
      22,
      'The other table has an option "connector" already',
      'Write EXCLUDING OPTIONS or OVERWRITING OPTIONS.',
    ],
    ['CREATE TABLE u LIKE v', 'WRONG_KIND', 21, '"v" is a view, and a table is made like a table', undefined],
    ['CREATE TABLE u (n, id) AS SELECT id, name FROM t', 'UNKNOWN_COLUMN', 17, 'There is no column "n"', undefined],
    ['CREATE TABLE u (id STRING) AS SELECT id FROM t', 'WRONG_TYPE', 17, '"id" is STRING here, and INT NOT NULL in the query', 'CAST it in the query.'],
    ['CREATE VIEW w AS SELECT id, 1 AS id FROM t', 'DUPLICATE_COLUMN', 34, 'There are two columns "id"', 'Name one of them otherwise, with AS.'],
    ['ALTER TABLE t DROP id', 'COLUMN_IN_USE', 20, 'Column "d" is computed from "id"', undefined],
    ['ALTER TABLE t DROP (d, id)', 'COLUMN_IN_USE', 24, '"id" is part of the primary key', 'DROP PRIMARY KEY first.'],
    ['ALTER TABLE t RENAME ts TO t2', 'COLUMN_IN_USE', 22, 'The watermark is made from "ts"', 'DROP WATERMARK first.'],
    ['ALTER TABLE t ADD x INT AFTER nam', 'UNKNOWN_COLUMN', 31, 'There is no column "nam"', 'Did you mean name?'],
    ['ALTER TABLE t DROP CONSTRAINT kp', 'UNKNOWN_CONSTRAINT', 31, 'There is no constraint "kp"', 'The primary key is called pk.'],
    ["ALTER TABLE t RESET ('connector')", 'INVALID_OPTION', 1, 'A table always has a connector', "SET ('connector' = '…') gives it another one."],
    ['ALTER TABLE t RENAME TO x.y', 'UNKNOWN_DATABASE', 25, 'There is no database "x"', undefined],
    ['ALTER VIEW v AS SELECT * FROM v', 'RECURSIVE_VIEW', 17, 'View "v" would read itself', undefined],
    ['CREATE VIEW w AS SELECT * FROM v; ALTER VIEW v AS SELECT id FROM w', 'RECURSIVE_VIEW', 51, 'View "v" would read itself', undefined],
    ["CREATE CATALOG c WITH ('type'='hive')", 'INVALID_OPTION', 24, 'There is no type of catalog "hive"', "There is 'generic_in_memory'."],
    [
      "CREATE CATALOG c WITH ('type'='generic_in_memory', 'default-databse'='d')",
      'INVALID_OPTION',
      52,
      'A catalog has no option "default-databse"',
      'Did you mean default-database?',
    ],
    ['DROP DATABASE default_database', 'IN_USE', 15, 'The database "default_database" is in use', 'USE another one first.'],
    [
      'CREATE DATABASE d; CREATE TABLE d.x (a INT); DROP DATABASE d',
      'DATABASE_NOT_EMPTY',
      60,
      'The database "d" holds 1 table',
      'Write CASCADE to drop these too.',
    ],
    [
      "CREATE FUNCTION f AS 'a.b.C'; SELECT f(1)",
      'NOT_SUPPORTED',
      38,
      'Cannot call f: it is a.b.C, in JAVA',
      'Write it in TypeScript: CREATE FUNCTION ... LANGUAGE TYPESCRIPT.',
    ],
    ["CREATE FUNCTION abc AS 'a'; DROP FUNCTION abd", 'UNKNOWN_FUNCTION', 43, 'There is no function "abd" to drop', 'Did you mean abc?'],
    ['INSERT INTO v SELECT 1', 'WRONG_KIND', 13, '"v" is a view, and nothing can be written to it', undefined],
    ['INSERT INTO t (idd) SELECT 1', 'UNKNOWN_COLUMN', 16, 'Table "t" has no column "idd"', 'Did you mean id?'],
    ['INSERT INTO t (d) SELECT 1', 'UNKNOWN_COLUMN', 16, 'Column "d" is computed, and nothing can be written to it', undefined],
    ["INSERT INTO t (name) SELECT 'x'", 'NO_VALUE', 16, 'Column "id" gets no value, and it may not be NULL', undefined],
    ['INSERT INTO t SELECT 1', 'WRONG_COLUMN_COUNT', 15, 'The query has 1 column, and it is inserted into 3 columns (id, name, ts)', undefined],
    ["INSERT INTO t (id) SELECT 'x'", 'WRONG_TYPE', 20, 'Column "id" is INT, and value 1 of the query is CHAR(1)', 'Write CAST(… AS INT).'],
    ['INSERT INTO t PARTITION (name = 1) SELECT 1', 'INVALID_PARTITION', 26, 'Table "t" is not partitioned by "name"', undefined],
    ['INSERT INTO t /*+ HINT() */ SELECT 1', 'UNKNOWN_HINT', 19, 'There is no hint "HINT" for a table', "Write OPTIONS('key' = 'value')."],
  ])('%s', (sql, code, column, message, hint) => {
    const error = refusal(sql)
    expect([error.code, error.message.split('\n')[0], error.hint]).toEqual([code, `${message}, line 4, column ${column}`, hint])
  })
})

test('a change that breaks what was defined before is refused where it is', () => {
  const error = refusal('ALTER TABLE t MODIFY id STRING')
  expect([error.code, error.position]).toEqual(['WRONG_TYPE', { line: 4, column: 1 }])
  expect(error.message).toContain('Table "t" would be wrong then: + does not take STRING, INT')
})
