// `millrace sql`: statements from everywhere, results in every format, errors where they stand.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Command, run, scratchFolder } from '../fixtures/command.ts'
import { HAS_PSEUDO_TERMINAL, PseudoTerminal, shellCommand } from '../fixtures/pseudo-terminal.ts'

const folder = scratchFolder()

function sql(...args: string[]): ReturnType<typeof run> {
  return run('sql', ...args)
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** A table over a file of JSON lines; `-` is standard input. */
function table(path: string): string {
  return `CREATE TABLE t (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${path}', 'format' = 'json');`
}

const VALUES = "SELECT * FROM (VALUES ('a,b', CAST(NULL AS INT), 1.50), ('', 2000, 22.25)) AS t(name, n, price)"
const COUNTS = "SELECT k, COUNT(*) AS n FROM (VALUES ('a'), ('b'), ('a')) AS t(k) GROUP BY k"

describe('files in the place of tables', () => {
  test('columns and types are found by the first rows', async () => {
    const path = file('flights.csv', 'carrier;delay;flown\nAA;12;2024-01-01\nB,B;;2024-01-02\nAA;3;2024-01-02\n')
    const { status, stdout, stderr } = await sql(
      ...[
        '--format',
        'csv',
        '-e',
        `SELECT carrier, COUNT(*) AS n, SUM(delay) AS delay, MAX(flights.flown) AS last_flown FROM '${path}' GROUP BY carrier ORDER BY n DESC`,
      ],
    )
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toBe('carrier,n,delay,last_flown\nAA,2,15,2024-01-02\n"B,B",1,,2024-01-02\n')
  })

  test('DESCRIBE shows them', async () => {
    const { stdout } = await sql('--format', 'json', '-e', `DESCRIBE '${file('shown.jsonl', '{"a":1.5}\n')}'`)
    expect(stdout).toBe('{"name":"a","type":"DOUBLE","null":true,"key":null,"extras":null,"watermark":null}\n')
  })

  test.each(['-', '/dev/stdin'])('standard input, which is looked at and read, as %s', async (name) => {
    const command = new Command(['sql', '--format', 'csv', '-e', `DESCRIBE '${name}'`, '-e', `SELECT COUNT(*) AS n, MAX(b) AS b FROM '${name}'`], {
      stdin: 'pipe',
    })
    command.child.stdin!.end(`a;b\n${Array.from({ length: 100_000 }, (_, row) => `${row};${row}.5\n`).join('')}`)
    expect(await command.ended).toMatchObject({ status: 0, stdout: 'n,b\n100000,99999.5\n', stderr: '' })
  })

  test('JSON lines from standard input that are compressed, in a query that reads them twice', async () => {
    const command = new Command(['sql', '--format', 'csv', '-e', "SELECT l.a, r.b FROM '-' AS l JOIN '/dev/stdin' AS r ON l.a = r.a"], { stdin: 'pipe' })
    command.child.stdin!.end(gzipSync('{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n'))
    expect(await command.ended).toMatchObject({ status: 0, stdout: 'a,b\n1,x\n2,y\n', stderr: '' })
  })

  test('rows of standard input are there while it is open', async () => {
    const command = new Command(['sql', '--format', 'csv', '-e', "SELECT a + 1 AS n FROM '-'"], { stdin: 'pipe' })
    command.child.stdin!.write('a,b\n1,2\n')
    await command.prints(/^n\n2\n$/)
    command.child.stdin!.end('5,6\n')
    expect(await command.ended).toMatchObject({ status: 0, stdout: 'n\n2\n6\n' })
  })

  test.each<readonly [what: string, args: readonly string[], input: string, error: string]>([
    ['by a second statement', ['-e', "SELECT * FROM '-'; SELECT * FROM '-'"], 'a\n1\n', 'error [INPUT_TAKEN]: Cannot read standard input twice'],
    ['where the statements come from', [], "SELECT * FROM '-'", 'error [NOT_A_FILE]: Cannot read rows from standard input: the statements come from there'],
    ['that is empty', ['-e', "SELECT * FROM '-'"], '', 'error [EMPTY_FILE]: Cannot read standard input: it is empty'],
    [
      'that is Parquet',
      ['-e', "SELECT * FROM '-'"],
      'PAR1....',
      'error [UNSUPPORTED_ENCODING]: Cannot read "standard input" line by line: it is a Parquet file',
    ],
  ])('standard input is not read %s', async (_, args, input, error) => {
    const command = new Command(['sql', ...args], { stdin: 'pipe' })
    command.child.stdin!.end(input)
    const { status, stderr } = await command.ended
    expect(status).toBe(2)
    expect(stderr).toContain(error)
  })

  test('SUMMARIZE answers a row for each column, in every format', async () => {
    const path = file('summed.csv', 'a,b\n1,x\n3,\n')
    const { stdout } = await sql('--format', 'csv', '-e', `SUMMARIZE '${path}'`)
    expect(stdout).toBe(
      'column_name,column_type,min,max,approx_unique,avg,std,q25,q50,q75,count,null_percentage\na,BIGINT,1,3,2,2,1.4142135623731,2,2,3,2,0.00\nb,STRING,x,x,1,,,,,,2,50.00\n',
    )
  })

  test('COPY writes a file, or standard output, and says nothing else', async () => {
    const path = join(folder, 'copied.csv')
    expect(await sql('-e', `COPY (SELECT 1 AS a) TO '${path}'; COPY '${path}' TO '/dev/stdout' (FORMAT json)`)).toMatchObject({
      status: 0,
      stdout: '{"a":1}\n',
      stderr: '',
    })
  })

  test('COPY that is interrupted leaves nothing', async () => {
    const path = join(folder, 'interrupted.csv')
    const command = new Command(['sql', '-e', `${table('-')} COPY t TO '${path}'`], { stdin: 'pipe' })
    command.child.stdin!.write(`{"k":"a","n":1}\n`.repeat(10_000))
    while (!existsSync(join(folder, '.interrupted.csv.inprogress'))) await new Promise((resolve) => setTimeout(resolve, 5))
    command.child.kill('SIGINT')
    expect((await command.ended).status).toBe(130)
    expect([existsSync(path), existsSync(join(folder, '.interrupted.csv.inprogress'))]).toEqual([false, false])
  })

  test('a file that is not there is shown where it stands', async () => {
    const { status, stderr } = await sql('-e', "SELECT * FROM 'nope.csv'")
    expect(status).toBe(2)
    expect(stderr).toContain('error [FILE_NOT_FOUND]: Cannot read "nope.csv": there is no such file or folder, line 1, column 15')
    expect(stderr).toContain("  SELECT * FROM 'nope.csv'\n                ^^^^^^^^^^\n")
  })
})

describe('formats', () => {
  test('a table has a box, numbers at the right, NULL and the number of rows', async () => {
    const { status, stdout, stderr } = await sql('-e', VALUES)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout.split('\n')).toEqual([
      '┌──────┬──────┬───────┐',
      '│ name │    n │ price │',
      '├──────┼──────┼───────┤',
      '│ a,b  │ NULL │  1.50 │',
      '│      │ 2000 │ 22.25 │',
      '└──────┴──────┴───────┘',
      '2 rows',
      '',
    ])
  })

  test('csv has a header, and tells NULL from an empty text', async () => {
    expect((await sql('--format', 'csv', '-e', VALUES)).stdout).toBe('name,n,price\n"a,b",,1.50\n"",2000,22.25\n')
  })

  test('json is an object a line, with every digit', async () => {
    const query = "SELECT 9223372036854775807 AS big, 1.50 AS price, MAP['a', ROW(1, TRUE)] AS m, ARRAY[1, 2] AS a, CAST(NULL AS STRING) AS s"
    const { stdout } = await sql('--format', 'json', '-e', query)
    expect(stdout).toBe('{"big":9223372036854775807,"price":1.50,"m":{"a":{"EXPR$0":1,"EXPR$1":true}},"a":[1,2],"s":null}\n')
  })

  test('changelog is the columns with their types, then each change', async () => {
    const { stdout } = await sql('--format', 'changelog', '-e', COUNTS, '--set', 'table.exec.mini-batch.enabled=false')
    expect(stdout.trim().split('\n')).toEqual([
      '{"columns":[["k","CHAR(1) NOT NULL"],["n","BIGINT NOT NULL"]]}',
      '["+I","a",1]',
      '["+I","b",1]',
      '["-U","a",1]',
      '["+U","a",2]',
    ])
  })

  test('of results that change the other formats give the last rows', async () => {
    expect((await sql('--format', 'csv', '-e', COUNTS)).stdout).toBe('k,n\na,2\nb,1\n')
    expect((await sql('-e', COUNTS)).stdout).toMatch(/│ a │ 2 │\n│ b │ 1 │\n└.*\n2 rows\n$/)
  })

  test('tables are printed of every statement, in other formats the last one alone', async () => {
    const statements = ['-e', 'CREATE VIEW v AS SELECT 1 AS digit; SHOW VIEWS;', '-e', 'SELECT digit FROM v']
    expect((await sql(...statements)).stdout).toMatch(/view name[^]*│ v [^]*digit[^]*│ {5}1 │/)
    expect((await sql('--format', 'csv', ...statements)).stdout).toBe('digit\n1\n')
    expect((await sql('--format', 'changelog', ...statements, '-e', 'DESCRIBE v')).stdout).toMatch(
      /^\{"columns":\[\["name","STRING"\],[^]*\n\["\+I","digit","INT",/,
    )
  })
})

describe('EXPLAIN', () => {
  const explain = (path: string): string => `${table(path)} EXPLAIN CHANGELOG_MODE SELECT k, SUM(n) AS n FROM t GROUP BY k`

  test('prints plans as they are, and a row in other formats', async () => {
    const { status, stdout, stderr } = await sql('-e', explain('/not/there.json'))
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^== Logical Plan ==\nProject\([^]*\n\n== Physical Plan ==\nSink: Collect\(fields=\[k, n\]\)\n\+- .*changelogMode=\[I,UB,UA\]\)\n/)
    const [columns, row] = (await sql('--format', 'changelog', '-e', explain('/not/there.json'))).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(columns).toEqual({ columns: [['result', 'STRING']] })
    expect(row).toEqual(['+I', stdout.slice(0, -1)])
  })

  test('starts nothing and writes nothing', async () => {
    const target = join(folder, 'never')
    const files = `CREATE TABLE f (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${target}', 'format' = 'json');`
    const { status, stdout } = await sql('-e', `${files} ${table('/not/there.json')} EXPLAIN INSERT INTO f SELECT k, n FROM t`)
    expect(status).toBe(0)
    expect(stdout).toContain(`Sink: File(table=[default_catalog.default_database.f], fields=[k, n], to=[${target}/ as JSON lines`)
    expect(existsSync(target)).toBe(false)
  })
})

describe('where statements come from', () => {
  test('a file, with variables of the environment and the mode at its head', async () => {
    const path = file('case.sql', `-- mode: batch, no: \${NOBODY}\n-- mode: batch\n${COUNTS.replace("('b')", "('${LETTER}')")};\n`)
    const { status, stdout, stderr } = await new Command(['sql', '-f', path, '--format', 'changelog'], { env: { LETTER: 'x' } }).ended
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout.trim().split('\n').slice(1).toSorted()).toEqual(['["+I","a",2]', '["+I","x",1]'])
  })

  test('standard input', async () => {
    const command = new Command(['sql', '--format', 'csv'], { stdin: 'pipe' })
    command.child.stdin!.end('SELECT 1 AS a;\n')
    expect(await command.ended).toMatchObject({ status: 0, stdout: 'a\n1\n', stderr: '' })
  })

  test('helpers of the prompt that run statements, from -e; others say where they belong', async () => {
    const path = file('looked-at.csv', 'a,b\n1,x\n')
    expect((await sql('--format', 'csv', '-e', `\\d '${path}'`)).stdout).toBe('name,type,null,key,extras,watermark\na,BIGINT,true,,,\nb,STRING,true,,,\n')
    expect(await sql('-e', '\\timing')).toMatchObject({ status: 2, stderr: expect.stringContaining('error [UNKNOWN_COMMAND]: Only the prompt takes \\timing') })
    expect(await sql('-e', '.mode csv')).toMatchObject({ status: 2, stderr: expect.stringContaining('hint: Start with --format') })
  })

  test('nothing at all is no statement', async () => {
    expect(await sql()).toMatchObject({ status: 0, stdout: '', stderr: '' })
  })

  test('the session that a file has made is there for the command line', async () => {
    const path = file('view.sql', 'CREATE VIEW v AS SELECT 7 AS a;')
    expect((await sql('-f', path, '--format', 'csv', '-e', 'SELECT * FROM v')).stdout).toBe('a\n7\n')
  })
})

describe('while a query runs', () => {
  test('changes are there while the pipe is still open', async () => {
    const command = new Command(['sql', '--format', 'changelog', '-e', `${table('-')} SELECT k, n + 1 FROM t`], { stdin: 'pipe' })
    command.child.stdin!.write('{"k":"a","n":1}\n')
    await command.prints(/\["\+I","a",2\]\n/)
    command.child.stdin!.end('{"k":"b","n":2}\n')
    expect(await command.ended).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/"a",2\]\n\["\+I","b",3\]\n$/) })
  })

  test('Ctrl-C ends it, and prints the rows so far', async () => {
    // Nothing is printed before: a function says that the row has come.
    const seen = join(folder, 'seen')
    const functions = file(
      'seen.ts',
      `import { writeFileSync } from 'node:fs'
import { scalarFunction, t } from 'millrace'
export const noted = scalarFunction({
  arguments: [t.string().nullable()],
  returns: t.string(),
  deterministic: false,
  eval(text) {
    writeFileSync('${seen}', '')
    return text ?? ''
  },
})
`,
    )
    const query = `CREATE FUNCTION noted AS '${functions}#noted' LANGUAGE TYPESCRIPT; ${table('-')} SELECT noted(k) AS k FROM t`
    const command = new Command(['sql', '-e', query], { stdin: 'pipe' })
    command.child.stdin!.write('{"k":"first","n":1}\n')
    while (!existsSync(seen) && command.child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5))
    command.child.kill('SIGINT')
    const { status, stdout, stderr } = await command.ended
    expect({ status, stderr }).toEqual({ status: 130, stderr: '\nCancelling. Ctrl-C again kills.\n' })
    expect(stdout).toContain('│ first │')
  })

  test('a reader that goes away ends it quietly', async () => {
    const path = file('many.jsonl', Array.from({ length: 200_000 }, (_, n) => `{"k":"${'x'.repeat(50)}","n":${n}}\n`).join(''))
    const command = new Command(['sql', '--format', 'changelog', '-e', `${table(path)} SELECT * FROM t`])
    await command.prints(/\n/)
    command.child.stdout!.destroy()
    expect(await command.ended).toMatchObject({ status: 141, stderr: '' })
  })
})

describe('errors', () => {
  test.each([
    ['of syntax', 'SELEC 1', 'error [SYNTAX_ERROR]: Expected a statement, found "SELEC", line 1, column 1\n  SELEC 1\n  ^^^^^\n  hint: Did you mean SELECT?\n'],
    [
      'of meaning, behind statements that were run',
      'CREATE VIEW v AS SELECT 1 AS digit;\nSELECT digt\nFROM v',
      'error [UNKNOWN_COLUMN]: There is no column "digt", line 2, column 8\n  SELECT digt\n         ^^^^\n  hint: Did you mean digit?\n',
    ],
    [
      'of a variable that is not set',
      "SELECT 1;\nSELECT '${NOBODY}'",
      'error [UNKNOWN_VARIABLE]: There is no environment variable "NOBODY", line 2, column 9\n  SELECT \'${NOBODY}\'\n          ^^^^^^^^^\n  hint: Set it, or write $${NOBODY} for the characters themselves.\n',
    ],
  ])('%s show the line, a caret and a hint, and exit with 2', async (_, text, told) => {
    expect(await sql('--format', 'changelog', '-e', text)).toMatchObject({ status: 2, stdout: '', stderr: told })
  })

  test('of a job exit with 1', async () => {
    const path = file('bad.jsonl', '{"k":"a","n":"many"}\n')
    const { status, stderr } = await sql('-e', `${table(path)} SELECT * FROM t`)
    expect(status).toBe(1)
    expect(stderr).toMatch(/^error \[BAD_RECORD\]: .*bad\.jsonl line 1, field "n": expected an integer/)
  })

  test.each([
    ['a format that is none', ['--format', 'xml'], 'Allowed choices are table, csv, json, changelog'],
    ['a file that is not there', ['-f', 'nowhere.sql'], 'Cannot read "nowhere.sql": there is no such file'],
    ['a mistyped key of SQL', ['-e', 'SELECT 1', '--set', 'table.local-timezone=UTC'], 'Did you mean "table.local-time-zone"?'],
    ['a mistyped key of the engine', ['-e', 'SELECT 1', '--set', 'millrace.batch.row-max=1'], 'Did you mean "millrace.batch.rows-max"?'],
    ['a mode that is none', ['-e', 'SELECT 1', '--set', 'execution.runtime-mode=fast'], 'expected one of streaming, batch, automatic'],
    ['a parallelism of 0', ['-e', 'SELECT 1', '-p', '0'], 'It must be a positive integer'],
  ])('%s is wrong usage', async (_, args, text) => {
    const { status, stdout, stderr } = await sql(...args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(text)
  })
})

describe('options', () => {
  test('of SQL hold for the session, those of the engine are checked, and what means nothing here is noted', async () => {
    const settings = ['table.local-time-zone=Asia/Tokyo', 'sql-client.execution.result-mode=table', 'millrace.batch.rows-max=2', 'pipeline.object-reuse=true']
    const { status, stdout, stderr } = await sql('--format', 'csv', ...settings.flatMap((setting) => ['--set', setting]), '-e', 'SET')
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: 'key,value\nmillrace.batch.rows-max,2\nsql-client.execution.result-mode,table\ntable.local-time-zone,Asia/Tokyo\n',
    })
    expect(stderr).toMatch(/^note: pipeline\.object-reuse has no effect/)
  })

  test('more parallelism changes no answer', async () => {
    const rows = file('keys.jsonl', Array.from({ length: 1000 }, (_, n) => `{"k":"k${n % 7}","n":${n}}\n`).join(''))
    const query = `${table(rows)} SELECT k, SUM(n) AS total FROM t GROUP BY k`
    const [one, four] = await Promise.all([sql('--format', 'csv', '-e', query), sql('--format', 'csv', '-p', '4', '-e', query)])
    expect(four.stdout.split('\n').toSorted()).toEqual(one.stdout.split('\n').toSorted())
    expect(one.stdout.split('\n')).toHaveLength(9)
  })
})

// Skipped where `script` of util-linux is missing, as in cli-terminal.test.ts.
describe.skipIf(!HAS_PSEUDO_TERMINAL)('on a terminal', () => {
  const EVENTS = "CREATE TABLE events (event_type INT, bid ROW<auction BIGINT>) WITH ('connector' = 'nexmark', 'first-event.rate' = '100');"
  const home = scratchFolder()

  function open(...args: string[]): PseudoTerminal {
    return new PseudoTerminal(`stty rows 20 cols 60; exec ${shellCommand('sql', ...args)}`, { XDG_STATE_HOME: home, NO_COLOR: '1' })
  }

  test('statements take several lines, helpers look around, errors leave the prompt, and history is kept', async () => {
    const terminal = open()
    await terminal.shows(/millrace> /)
    terminal.type('CREATE VIEW v AS\r')
    await terminal.shows(/-> /)
    terminal.type("SELECT 'x;' AS letter;\r")
    await terminal.shows(/OK\r\n[^]*millrace> /)
    terminal.type('\\d v\r')
    await terminal.shows(/│ letter │ CHAR\(2\) │ [^]*1 row\r\n[^]*millrace> /)
    terminal.type('SELECT leter FROM v;\r')
    await terminal.shows(/Did you mean letter\?\r\n[^]*millrace> /)
    terminal.type('\\q\r')
    expect(await terminal.ended).toBe(0)
    expect(readFileSync(join(home, 'millrace', 'history'), 'utf8')).toBe("CREATE VIEW v AS SELECT 'x;' AS letter;\n\\d v\nSELECT leter FROM v;\n")

    const next = open()
    await next.shows(/millrace> /)
    // The arrow up.
    next.type('\u001b[A')
    await next.shows(/SELECT leter FROM v;/)
    next.type('\u0003')
    await next.shows(/\^C/)
    next.type('\u0004')
    expect(await next.ended).toBe(0)
  })

  test('the tab key completes', async () => {
    const terminal = open('--format', 'csv')
    await terminal.shows(/millrace> /)
    terminal.type('CREATE VIEW sellers AS SELECT 1 AS auction_count;\r')
    await terminal.shows(/OK\r\n[^]*millrace> /)
    terminal.type('SELECT auc')
    await terminal.shows(/SELECT auc/)
    terminal.type('\t')
    await terminal.shows(/SELECT auction_count/)
    terminal.type(' FROM se')
    await terminal.shows(/FROM se/)
    terminal.type('\t')
    await terminal.shows(/FROM sellers/)
    terminal.type(';\r')
    await terminal.shows(/auction_count\r\n1\r\n/)
    terminal.type('exit\r')
    expect(await terminal.ended).toBe(0)
  })

  test('a table that changes is drawn in place until Ctrl-C, and the prompt is back', async () => {
    const terminal = open()
    await terminal.shows(/millrace> /)
    terminal.type(`${EVENTS}\r`)
    await terminal.shows(/OK\r\n[^]*millrace> /)
    terminal.type('SELECT event_type, COUNT(*) AS n FROM events GROUP BY event_type;\r')
    // Drawn, wiped, drawn again.
    // oxlint-disable-next-line no-control-regex -- that is what terminals are told
    await terminal.shows(/so far, Ctrl-C ends the query\r\n\u001b\[\d+A\r\u001b\[J┌[^]*so far, Ctrl-C ends the query\r\n/)
    const seen = terminal.text.length
    terminal.type('\u0003')
    await terminal.shows(/┘\r\n\d rows?\r\nCancelled\.\r\n[^]*millrace> /, seen)
    terminal.type('quit\r')
    expect(await terminal.ended).toBe(0)
  })

  test('helpers: functions, rows as lines, times, statements of a file, and what files are taken for', async () => {
    const path = file('helped.csv', 'id;name\n1;ann\n')
    const terminal = open()
    await terminal.shows(/millrace> /)
    const type = async (text: string, pattern: RegExp): Promise<void> => {
      const seen = terminal.text.length
      terminal.type(`${text}\r`)
      await terminal.shows(pattern, seen)
    }
    await type('\\df json_v*', /json_value[^]*1 row\r\n[^]*millrace> /i)
    await type('\\x', /Rows are shown as lines, a column each\.\r\n[^]*millrace> /)
    await type(
      `SELECT * FROM '${path}';`,
      /helped\.csv: CSV, delimiter ";", with a header; id BIGINT, name STRING\r\n[^]*id {3}│ 1\r\nname │ ann\r\n1 row\r\n[^]*millrace> /,
    )
    await type('\\timing', /Timing is on\.\r\n[^]*millrace> /)
    await type(`\\i ${file('helped.sql', 'SELECT 41 + 1 AS answer')}`, /answer │ 42\r\n1 row\r\nTime: [\d.]+ ms\r\n[^]*millrace> /)
    await type(`COPY (SELECT 1 AS a) TO '${join(folder, 'helped.json')}';`, /1 row copied to [^\n]*helped\.json\r\n[^]*millrace> /)
    await type('\\i nothing.sql', /error \[FILE_NOT_READABLE\]: Cannot read "nothing\.sql"[^]*millrace> /)
    await type('\\x auto', /Rows are shown as lines where a table would be too wide\.\r\n[^]*millrace> /)
    await type('SELECT 1 AS narrow;', /│ narrow │\r\n[^]*millrace> /)
    await type(`SELECT '${'x'.repeat(200)}' AS wide;`, /wide │ x{200}/)
    terminal.type('.exit\r')
    expect(await terminal.ended).toBe(0)
  })

  test('many rows are shown in part, and wide ones are cut', async () => {
    const rows = file('wide.jsonl', Array.from({ length: 1000 }, (_, n) => `{"k":"${'x'.repeat(100)}","n":${n}}\n`).join(''))
    const terminal = open('-f', file('wide.sql', `${table(rows)} SELECT n, k FROM t`))
    expect(await terminal.ended).toBe(0)
    const lines = terminal.text.trim().split('\r\n')
    expect(lines.at(-1)).toBe('1,000 rows (40 shown)')
    expect(lines.filter((line) => /│ +\d+ │ x+… │/.test(line))).toHaveLength(40)
    expect(lines[0]).toHaveLength(60)
  })
})
