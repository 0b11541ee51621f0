// Files that stand where a table's name does: what is found out about them, and what is refused.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { formatType } from '../../../../src/batch/types.ts'
import { RowKind } from '../../../../src/batch/record-batch.ts'
import { withSqlAdvice } from '../../../../src/sql/files/bad-record-advice.ts'
import { withValueAdvice } from '../../../../src/sql/runtime/value-advice.ts'
import { fileGuessText } from '../../../../src/sql/files/file-guess.ts'
import { queryJob, runScript } from '../../../../src/sql/runtime/run-script.ts'
import { SqlSession, type StatementResult } from '../../../../src/sql/session.ts'
import { SqlError } from '../../../../src/sql/sql-error.ts'
import { parseScript } from '../../../../src/sql/statement-parser.ts'
import { scratchFolder } from '../../connector/file-probe.ts'

const folder = scratchFolder()
const PARQUET = new URL('../../../fixtures/files/parquet/flat-dictionary-v1-snappy.parquet', import.meta.url).pathname

function file(name: string, text: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function execute(sql: string, session = new SqlSession()): StatementResult | undefined {
  let last: StatementResult | undefined
  for (const statement of parseScript(sql)) last = session.execute(statement, sql)
  return last
}

/** The columns that a file's table has. */
function columnsOf(path: string): readonly string[] {
  const result = execute(`SELECT * FROM '${path}'`)
  return result?.kind === 'query' ? result.plan.columns.map(({ name, type }) => `${name} ${formatType(type)}`) : []
}

/** The changes of a script's last query, without the kind of those that are inserted. */
function changesOf(sql: string): readonly (readonly unknown[])[] {
  const changes: unknown[][] = []
  runScript(sql, { columns() {}, change: (kind, row) => changes.push(kind === RowKind.INSERT ? [...row] : [kind, ...row]) }, { log() {} })
  return changes
}

describe('CSV', () => {
  test.each<readonly [what: string, text: string, columns: readonly string[]]>([
    ['all types', 'b,i,d,t,s,n\ntrue,1,1.5,2024-02-29,x,\nFALSE,-2,3,2024-01-01,,\n', ['b BOOLEAN', 'i BIGINT', 'd DOUBLE', 't DATE', 's STRING', 'n STRING']],
    ['times', 'a,b,c\n2024-01-01 10:00:00,2024-01-01T10:00:00.1234,2024-01-01T10:00:00Z\n', ['a TIMESTAMP(3)', 'b TIMESTAMP(6)', 'c TIMESTAMP_LTZ(3)']],
    ['days and times that are not there', 'a,b\n2023-02-29,2024-01-01 24:00:00\n', ['a STRING', 'b STRING']],
    ['codes and names of digits', 'zip,id\n01234,9223372036854775808\n10115,1\n', ['zip STRING', 'id STRING']],
    ['a text among numbers', 'a\n1\n2\nn/a\n', ['a STRING']],
    ['a quoted empty text, which is not NULL', 'a,b\n1,1\n"",\n', ['a STRING', 'b BIGINT']],
    ['semicolons, with commas in numbers', 'a;b\n1,5;2\n', ['a STRING', 'b BIGINT']],
    ['tabs', 'a\tb\n1\t2\n', ['a BIGINT', 'b BIGINT']],
    ['bars', 'a|b\n1|x,y\n', ['a BIGINT', 'b STRING']],
    ['times of the day', 'a,b,c\n10:00:00,10:00:00.25,25:00:00\n', ['a TIME(0)', 'b TIME(3)', 'c STRING']],
    ['single quotes, with commas in them', "a,b\n1,'x,y'\n2,'z'\n", ['a BIGINT', 'b STRING']],
    ['an apostrophe, which is no quote', "a,b\n1,it's\n2,'tis\n3,x\n", ['a BIGINT', 'b STRING']],
    ['comments above the header', '# made, by x\n# again\na,b,c\n1,2,3\n', ['a BIGINT', 'b BIGINT', 'c BIGINT']],
    ['a header that begins with #', '#a,b\n1,2\n', ['#a BIGINT', 'b BIGINT']],
    ['one column', 'a b\n1 2\n', ['a b STRING']],
    ['a delimiter and a line feed in quotes', 'a;b\n"1;2\n3";4\n', ['a STRING', 'b BIGINT']],
    ['no header', '1,x\n2,y\n', ['f0 BIGINT', 'f1 STRING']],
    ['no header, as a text is there twice', 'x,x\ny,z\n', ['f0 STRING', 'f1 STRING']],
    ['a header over texts', 'name,city\nAnn,Oslo\n', ['name STRING', 'city STRING']],
    ['a header alone', 'a,b', ['a STRING', 'b STRING']],
    ['a header with a year', 'id,2019\n1,5\n', ['id BIGINT', '2019 BIGINT']],
    ['a byte order mark', '\ufeffa,b\r\n1,2\r\n', ['a BIGINT', 'b BIGINT']],
  ])('%s', (_, text, columns) => expect(columnsOf(file('some.csv', text))).toEqual(columns))

  test('rows are read as the columns say', () => {
    const path = file('rows.csv', 'a,"b ""c""",t\n1,"x,y",2024-01-01 00:00:00.5\n,"",\n')
    expect(changesOf(`SELECT * FROM '${path}'`)).toEqual([
      [1n, 'x,y', 1_704_067_200_500],
      [null, '', null],
    ])
  })

  test('types are those of several files, columns those of the first one', () => {
    file('part-1.csv', 'a,b\n1,2\n')
    file('part-2.csv', '')
    file('part-3.csv', 'b,a\n2.5,3\n')
    const path = join(folder, 'part-*.csv')
    expect(columnsOf(path)).toEqual(['a BIGINT', 'b DOUBLE'])
    expect(changesOf(`SELECT a, b FROM '${path}'`)).toEqual([
      [1n, 2],
      [3n, 2.5],
    ])
  })

  test('a file that is not looked at to its end', () => {
    const rows = Array.from({ length: 60_000 }, (_, index) => `${index},${'x'.repeat(20)}`).join('\n')
    expect(columnsOf(file('long.csv', `a,b\n${rows}\n`))).toEqual(['a BIGINT', 'b STRING'])
    const path = file('long.csv.gz', gzipSync(`a,b\n${rows}\n`))
    expect(columnsOf(path)).toEqual(['a BIGINT', 'b STRING'])
    expect(changesOf(`SELECT COUNT(*), MAX(a) FROM '${path}'`)).toEqual([[60_000n, 59_999n]])
  })

  test('a value behind those that were looked at is never NULL', () => {
    const path = file('late.csv', `a\n${'1\n'.repeat(5000)}x\n`)
    expect(() => changesOf(`SELECT a FROM '${path}'`)).toThrow('late.csv line 5002, column 1 ("a"): expected an integer of 64 bits, found "x"')
  })
})

describe('JSON lines', () => {
  test.each<readonly [what: string, text: string, columns: readonly string[]]>([
    ['all types', '{"b":true,"i":1,"d":1.0,"t":"2024-01-01","s":"1","n":null}\n', ['b BOOLEAN', 'i BIGINT', 'd DOUBLE', 't DATE', 's STRING', 'n STRING']],
    ['members that come later', '{"a":1}\n\n{"b":"x","a":2.5}\n', ['a DOUBLE', 'b STRING']],
    [
      'what is nested',
      '{"r":{"x":1,"y":{}},"a":[1,2.5],"e":[]}\n{"r":{"z":"q"}}\n',
      ['r ROW<x BIGINT, y MAP<STRING, STRING>, z STRING>', 'a ARRAY<DOUBLE>', 'e ARRAY<STRING>'],
    ],
    ['numbers in texts', '{"a":"1 2.5 \\" 3","b1":1}\n', ['a STRING', 'b1 BIGINT']],
    ['a number beyond 64 bits', '{"a":9223372036854775808}\n', ['a DOUBLE']],
  ])('%s', (_, text, columns) => expect(columnsOf(file('some.ndjson', text))).toEqual(columns))

  test('rows are read as the columns say', () => {
    const path = file('rows.jsonl', '{"a":1,"r":{"x":[true]},"t":"2024-01-01T00:00:00Z"}\n{"a":9007199254740993}\n')
    expect(changesOf(`SELECT a, r.x[1], t FROM '${path}'`)).toEqual([
      [1n, true, 1_704_067_200_000],
      [9_007_199_254_740_993n, null, null],
    ])
  })

  test('a value behind those that were looked at is never NULL', () => {
    const path = file('late.json', `${'{"a":1}\n'.repeat(5000)}{"a":"x"}\n`)
    expect(() => changesOf(`SELECT a FROM '${path}'`)).toThrow(/late\.json line 5001.*"a"/)
  })
})

describe('statements', () => {
  test('a file goes by its name, or its alias', () => {
    const path = file('flights.2024.csv', 'a\n1\n2\n')
    expect(changesOf(`SELECT flights.a, u.a FROM '${path}' JOIN '${path}' AS u ON flights.a = u.a + 1`)).toEqual([[2n, 1n]])
  })

  test('a query over files alone answers once, whatever it says of order', () => {
    const path = file('groups.csv', 'k\na\nb\na\n')
    const query = `SELECT k, COUNT(*) AS n FROM '${path}' GROUP BY k ORDER BY n DESC`
    const answer = [
      ['a', 2n],
      ['b', 1n],
    ]
    expect(changesOf(query)).toEqual(answer)
    expect(changesOf(`SET 'execution.runtime-mode' = 'automatic'; ${query}`)).toEqual(answer)
    expect(() => changesOf(`SET 'execution.runtime-mode' = 'streaming'; ${query}`)).toThrow('ORDER BY begins with a time attribute')
  })

  test('DESCRIBE shows the columns, SHOW CREATE TABLE a statement that makes the table', () => {
    const path = file('shown.csv', 'a;b\n1;x\n')
    expect(execute(`DESCRIBE '${path}'`)).toMatchObject({
      rows: [
        ['a', 'BIGINT', true, null, null, null],
        ['b', 'STRING', true, null, null, null],
      ],
    })
    const shown = execute(`SHOW CREATE TABLE '${path}'`)
    const statement = shown?.kind === 'rows' ? String(shown.rows[0][0]) : ''
    expect(statement).toContain('`default_catalog`.`default_database`.`shown`')
    expect(changesOf(`${statement}; SELECT a, b FROM shown`)).toEqual([[1n, 'x']])
  })

  test('a view of a file reads it as it is then', () => {
    const path = file('viewed.csv', 'a\n1\n')
    const session = new SqlSession()
    execute(`CREATE VIEW v AS SELECT a FROM '${path}'`, session)
    file('viewed.csv', 'a\nx\n')
    expect(execute('SELECT * FROM v', session)).toMatchObject({ plan: { columns: [{ name: 'a', type: { kind: 'VARCHAR' } }] } })
    expect(execute('SHOW CREATE VIEW v', session)).toMatchObject({ rows: [[expect.stringContaining(`FROM '${path}' AS \`viewed\``)]] })
  })

  test('Parquet brings its own columns', () => {
    expect(columnsOf(PARQUET).slice(0, 3)).toEqual(['b BOOLEAN', 'i8 TINYINT', 'i16 SMALLINT'])
    expect(changesOf(`SELECT COUNT(*), MIN(i8) FROM '${PARQUET}' WHERE i16 < 0`)).toEqual([[expect.any(BigInt), -120]])
  })
})

describe('what cannot be read is refused where it stands', () => {
  test.each<readonly [what: string, name: string, text: string | undefined, code: string, message: string]>([
    ['no such file', 'nope.csv', undefined, 'FILE_NOT_FOUND', 'there is no such file or folder'],
    ['no file of a glob', 'nope-*.csv', undefined, 'FILE_NOT_FOUND', 'no file matches'],
    ['another ending', 'a.xlsx', 'x', 'UNKNOWN_FORMAT', 'Cannot tell the format'],
    ['files of two formats', 'two.{csv,json}', undefined, 'UNKNOWN_FORMAT', 'several formats'],
    ['an empty file', 'empty.csv', '', 'EMPTY_FILE', 'it is empty'],
    ['blank lines', 'blank.csv', '\n\n', 'EMPTY_FILE', 'it is empty'],
    ['an empty file of JSON', 'empty.json', '\n', 'EMPTY_FILE', 'it is empty'],
    ['an array of JSON', 'array.json', '[{"a":1}]\n', 'UNKNOWN_SHAPE', 'its first line is no JSON object'],
    ['JSON that is none', 'nan.json', '{"a":NaN}\n', 'UNKNOWN_SHAPE', 'its first line is no JSON object'],
    ['objects without members', 'bare.json', '{}\n{}\n', 'UNKNOWN_SHAPE', 'its objects are empty'],
    ['members of several kinds', 'kinds.json', '{"a":{"b":1}}\n{"a":{"b":"x"}}\n', 'UNKNOWN_SHAPE', 'its member "a.b" is of several kinds, number and text'],
    ['a name twice', 'twice.csv', 'a,a\n1,2\n', 'DUPLICATE_COLUMN', 'its header has two columns "a"'],
    ['a first record without end', 'wide.csv', 'x'.repeat(1 << 21), 'UNKNOWN_SHAPE', 'its first record is longer than 1 MiB'],
    ['a quote that is not closed', 'open.csv', '"a\n1\n', 'DAMAGED_FILE', 'a quote that is not closed'],
    ['another compression', 'a.csv', 'PK\u0003\u0004', 'UNSUPPORTED_ENCODING', 'zip'],
    ['no Parquet', 'a.parquet', 'PAR', 'DAMAGED_FILE', 'Parquet'],
  ])('%s', (_, name, text, code, message) => {
    if (name.startsWith('two')) for (const each of ['two.csv', 'two.json']) file(each, 'a\n')
    const path = text === undefined ? join(folder, name) : file(name, text)
    const refused = (): unknown => execute(`SELECT *\nFROM '${path}'`)
    expect(refused).toThrow(SqlError)
    expect(refused).toThrow(expect.objectContaining({ code, position: { line: 2, column: 6 }, message: expect.stringContaining(message) }))
  })

  test.each<readonly [name: string, text: string, hint: string]>([
    ['array.json', '[{"a":1}]\n', 'an array is written as lines by jq -c ".[]"'],
    ['pretty.json', '{\n "a": 1\n}\n', 'objects over several lines are written as one each by jq -c "."'],
    ['nan.json', '{"a":NaN}\n', 'this one is broken'],
    ['a.xlsx', 'x', "FROM '-' looks at what is piped in"],
  ])('what to do about %s', (name, text, hint) => {
    expect(() => execute(`SELECT * FROM '${file(name, text)}'`)).toThrow(expect.objectContaining({ hint: expect.stringContaining(hint) as string }))
  })

  test.each([
    ['FROM "a.csv"', 'Names stand in backticks, texts and files in single quotes.'],
    ["FROM 'https://example.com/a.csv'", 'Files are read from the disk only'],
    ["FROM '~/a.csv'", 'Only a shell knows what ~ stands for'],
  ])('what to do about %s', (from, hint) => {
    expect(() => execute(`SELECT * ${from}`)).toThrow(expect.objectContaining({ hint: expect.stringContaining(hint) as string }))
  })

  test('a file whose name is mistyped', () => {
    const path = file('misspelt.csv', 'a\n1\n')
    const reading = (name: string) => () => execute(`SELECT * FROM '${join(folder, name)}'`)
    expect(reading('mispelt.csv')).toThrow(expect.objectContaining({ code: 'FILE_NOT_FOUND', hint: `Did you mean "${path}"?` }))
    expect(reading('nothing-like-it.parquet')).toThrow(expect.objectContaining({ code: 'FILE_NOT_FOUND', hint: undefined }))
  })

  test('standard input, which cannot be looked at', () =>
    expect(() => execute("SELECT * FROM '-'")).toThrow(expect.objectContaining({ code: 'NOT_A_FILE', position: { line: 1, column: 15 } })))

  test('a file as a target', () => expect(() => execute("INSERT INTO 'a.csv' SELECT 1")).toThrow('Expected a table, found a string'))
})

describe('what is said of a file', () => {
  test.each<readonly [name: string, text: string, guess: string]>([
    ['guess.csv', 'a;b\n1;x\n', 'CSV, delimiter ";", with a header; a BIGINT, b STRING'],
    ['guess.tsv', '1\tx\n', 'CSV, delimiter "\\t", without a header; f0 BIGINT, f1 STRING'],
    ['guess.txt.csv', "# x\na,b\n'1,0',2\n", 'CSV, delimiter ",", quote \', with a header, with comments; a STRING, b BIGINT'],
    ['guess.jsonl', '{"a":1}\n', 'JSON lines; a BIGINT'],
    [
      'wide.csv',
      `${Array.from({ length: 10 }, (_, index) => `c${index}`).join(',')}\n`,
      `CSV, delimiter ",", with a header; ${Array.from({ length: 8 }, (_, index) => `c${index} STRING`).join(', ')}, and 2 more`,
    ],
  ])('%s', (name, text, guess) => {
    const session = new SqlSession()
    const path = file(name, text)
    execute(`DESCRIBE '${path}'`, session)
    expect(session.catalog.files.map(fileGuessText)).toEqual([`${path}: ${guess}`])
  })

  test('Parquet', () => {
    const session = new SqlSession()
    execute(`DESCRIBE '${PARQUET}'`, session)
    expect(session.catalog.files.map(fileGuessText)).toEqual([expect.stringMatching(/\.parquet: Parquet; \w+ /)])
  })
})

describe('advice on what fails while a query runs', () => {
  const failure = (sql: string, session: SqlSession): unknown => {
    const result = execute(sql, session)
    try {
      if (result?.kind === 'query') queryJob(result.plan, session, () => {}, { log() {} }).executor.runToEnd()
    } catch (error) {
      return withSqlAdvice(withValueAdvice(error), session.catalog.files)
    }
    return undefined
  }

  test('is of SQL, with the statement to change for files', () => {
    const path = file('late.csv', `a,b\n${'1,2\n'.repeat(5000)}x,2\n`)
    expect(failure(`SELECT * FROM '${path}'`, new SqlSession())).toMatchObject({
      code: 'BAD_RECORD',
      message: expect.stringMatching(/late\.csv line 5002, column 1 \("a"\): expected an integer of 64 bits, found "x"/) as string,
      hint: expect.stringContaining(`SHOW CREATE TABLE '${path}' prints the statement to change`) as string,
    })
    const table = `CREATE TABLE t (a INT, b INT) WITH ('connector' = 'filesystem', 'path' = '${path}', 'format' = 'csv', 'csv.header' = 'true');`
    expect(failure(`${table} SELECT * FROM t`, new SqlSession())).toMatchObject({
      hint: expect.stringContaining("'csv.ignore-parse-errors' = 'true'") as string,
    })
  })

  test('tells another encoding, and lines that are too long, from types that do not fit', () => {
    const latin = join(folder, 'latin.csv')
    writeFileSync(latin, Buffer.from('a,b\n1,J\u00f6rg\n', 'latin1'))
    expect(failure(`SELECT * FROM '${latin}'`, new SqlSession())).toMatchObject({
      code: 'BAD_RECORD',
      hint: expect.stringContaining('iconv -f LATIN1') as string,
    })
    const wide = file('wide-row.csv', `a,b\n1,${'x'.repeat(1 << 21)}\n`)
    expect(failure(`SELECT * FROM '${wide}'`, new SqlSession())).toMatchObject({ code: 'BAD_RECORD', hint: expect.stringContaining('lineBytesMax') as string })
  })

  test.each([
    ["CAST(a AS INT) FROM (VALUES ('x')) AS t(a)", 'Cannot cast "x" to INT', 'TRY_CAST gives NULL in its place.'],
    ['1 / a FROM (VALUES (0)) AS t(a)', 'Division by zero', 'A divisor of NULLIF(divisor, 0) gives NULL in its place.'],
    [
      'CAST(1 AS DECIMAL(5, 2)) / a FROM (VALUES (CAST(0 AS DECIMAL(5, 2)))) AS t(a)',
      'Division by zero',
      'A divisor of NULLIF(divisor, 0) gives NULL in its place.',
    ],
  ])('speaks of values, not of operators: %s', (query, message, hint) => {
    expect(failure(`SELECT ${query}`, new SqlSession())).toMatchObject({
      code: 'EXPRESSION_FAILED',
      message: expect.stringContaining(message) as string,
      hint,
    })
  })
})
