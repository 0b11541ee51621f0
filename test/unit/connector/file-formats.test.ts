// CSV files, compressed files, and what a damaged one gives.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Decimal, defineSchema, type DataType, type Schema, t } from '../../../src/batch/types.ts'
import { batchFromObjects } from '../../../src/batch/batch-rows.ts'
import { type FileSourceOptions, fileSource } from '../../../src/connector/file/file-source.ts'
import { fileSink } from '../../../src/connector/file/file-sink.ts'
import { type CsvFormatOptions, csvFormat } from '../../../src/format/csv/csv-format.ts'
import { jsonFormat } from '../../../src/format/json/json-format.ts'
import type { LineFormat } from '../../../src/format/line-format.ts'
import { textFormat } from '../../../src/format/text-format.ts'
import { readSplitStates } from '../../../src/operator/source.ts'
import { finishWriter, readAll, scratchFolder, SourceProbe, testContext } from './file-probe.ts'

const folder = scratchFolder()
let files = 0
function fileWith(content: string | Uint8Array, name: string = `file-${files++}`): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** What a source reads of what a sink has written. */
function writtenAndRead(schema: Schema, rows: readonly Record<string, unknown>[], format: LineFormat): unknown[] {
  const path = join(folder, 'round.txt')
  const context = testContext()
  const writer = fileSink({ path, format }).createWriter(schema, context)
  writer.write(
    batchFromObjects(
      context.slab,
      schema,
      rows.map((row) => ({ row })),
    ),
  )
  finishWriter(writer)
  writer.close()
  return readAll(fileSource({ path, format, schema }))
}

function csvWrittenAndRead(schema: Schema, rows: readonly Record<string, unknown>[], options: CsvFormatOptions): unknown[] {
  return writtenAndRead(schema, rows, csvFormat(options))
}

describe('CSV', () => {
  const schema = defineSchema({ id: t.int(), name: t.string().nullable() })
  const read = (content: string, format: CsvFormatOptions = {}, options: Partial<FileSourceOptions> = {}): unknown[] =>
    readAll(fileSource({ path: fileWith(content), format: csvFormat(format), schema, ...options })).map(({ id, name }) => [id, name])

  test('columns are found by the names in the header, in any order', () => {
    for (const readBytes of [1, 5, 1000]) {
      expect(read('x,name,y,id\n0,a,0,1\n0,,0,2\n', {}, { readBytes })).toEqual([
        [1, 'a'],
        [2, null],
      ])
      expect(read('\ufeff"name",id\r\n"a,""b\nc",1\r\n', {}, { readBytes })).toEqual([['a,"b\nc', 1].toReversed()])
    }
  })

  test.each([
    ['id;name\n1;a\n', {}, 'The header looks as if ";" parted its columns: csvFormat({ delimiter: ";" }).'],
    ['id\tname\n1\ta\n', {}, 'The header looks as if "\\t" parted its columns: csvFormat({ delimiter: "\\t" }).'],
    ['id,name\n1,a\n', { delimiter: ';' }, 'The header looks as if "," parted its columns: csvFormat({ delimiter: "," }).'],
    ['ID,name\n1,a\n', {}, 'Did you mean "ID"?'],
    ['id,nmae\n1,a\n', {}, 'Did you mean "nmae"?'],
    ['first,second\n1,a\n', {}, undefined],
  ])('a header that does not fit is told with what it may mean: %j', (text, options, hint) => {
    let thrown: unknown
    try {
      read(text, options)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'SCHEMA_MISMATCH', hint })
  })

  test('without a header the columns are those of the schema', () => {
    expect(read('1,a\n2,b', { header: false })).toEqual([
      [1, 'a'],
      [2, 'b'],
    ])
  })

  test('a header without the column, with it twice, or nothing but a header', () => {
    expect(() => read('id,nam\n1,a\n')).toThrow(/Cannot read column "name" of ".*file-\d+": its header names no such column, known columns are "id", "nam"/)
    expect(() => read('id,name,name\n1,a,b\n')).toThrow('its header names it 2 times')
    expect(read('id,name\n')).toEqual([])
    expect(read('id,name')).toEqual([])
    expect(read('')).toEqual([])
  })

  test('a message names the column by its place in the file', () => {
    expect(() => read('a,b,name,id\n0,0,x,1\n0,0,x,one\n')).toThrow(
      /line 3, column 4 \("id"\): expected an integer of 32 bits, found "one" at byte 7\n {2}0,0,x,one/,
    )
  })

  test('CHAR that is padded to more than its file has bytes makes room for itself', () => {
    const wide = defineSchema({ code: t.char(3000), list: t.array(t.char(50)) })
    const codes = Array.from({ length: 3000 }, (_, row) => `c${row}`)
    const expected = codes.map((code) => [code.padEnd(3000), ['a'.padEnd(50), code.padEnd(50)]])
    const csv = fileSource({ path: fileWith(codes.map((code) => `${code},a;${code}\n`).join('')), format: csvFormat({ header: false }), schema: wide })
    const json = fileSource({ path: fileWith(codes.map((code) => `{"code":"${code}","list":["a","${code}"]}\n`).join('')), format: jsonFormat(), schema: wide })
    for (const source of [csv, json]) expect(readAll(source).map(({ code, list }) => [code, list])).toEqual(expected)
  })

  test('a quote that is not closed costs its line, not those behind it', () => {
    const probe = new SourceProbe(fileSource({ path: fileWith('id,name\n1,a\n2,"b\n3,c\n4,d\n'), format: csvFormat(), schema, onBadRecord: 'dead-letter' }))
    expect(probe.drain().rows.map(({ id }) => id)).toEqual([1, 3, 4])
    expect(probe.sides.letters).toMatchObject([{ line: 3, reason: 'found a quote that is not closed' }])
    probe.close()
  })

  test('files with quoted line feeds have one split, others many', () => {
    const path = fileWith(`id,name\n${Array.from({ length: 500 }, (_, id) => `${id},"name, ${id}"\n`).join('')}`)
    const splits = (format: CsvFormatOptions): number => fileSource({ path, format: csvFormat(format), schema, splitBytes: 1000 }).enumerate().length
    expect([splits({}), splits({ lineFeedsInQuotes: false }), splits({ quote: '' })]).toEqual([1, 8, 8])
    for (const splitBytes of [100, 1000, 5000])
      expect(readAll(fileSource({ path, format: csvFormat({ lineFeedsInQuotes: false }), schema, splitBytes })).map(({ name }) => name)).toEqual(
        Array.from({ length: 500 }, (_, id) => `name, ${id}`),
      )
  })

  test('line numbers count from the file, not from the split', () => {
    const lines = Array.from({ length: 300 }, (_, id) => `${id === 250 ? 'bad' : id},x\n`).join('')
    for (const splitBytes of [100, 400, 1 << 20])
      expect(() =>
        readAll(fileSource({ path: fileWith(`id,name\n${lines}`, 'numbered.csv'), format: csvFormat({ lineFeedsInQuotes: false }), schema, splitBytes })),
      ).toThrow('numbered.csv line 252, column 1 ("id")')
  })

  test('what the sink writes, the source reads', () => {
    const wide = defineSchema({
      'a,b': t.string().nullable(),
      n: t.double(),
      at: t.timestampLtz(3),
      d: t.decimal(10, 2),
      list: t.array(t.int()),
      raw: t.bytes(),
    })
    const rows = [
      { 'a,b': 'plain', n: 0.1, at: 1_000_000_000_123, d: new Decimal(0n, 2), list: [1, 2], raw: Uint8Array.of(1, 255) },
      { 'a,b': 'quo"ted,\nand\r\nfolded', n: -1e300, at: -1, d: new Decimal(-7n, 2), list: [4, 5, 6], raw: Uint8Array.of(9) },
      { 'a,b': null, n: 5, at: 0, d: new Decimal(99_999n, 2), list: [3], raw: Uint8Array.of(0) },
      { 'a,b': '', n: 5, at: 0, d: new Decimal(1n, 2), list: [3], raw: Uint8Array.of(0) },
    ]
    for (const options of [
      {},
      { delimiter: '\t' },
      { quoteAll: true, delimiter: ';', arrayElementDelimiter: '|' },
      { header: false },
      { nullLiteral: 'NULL' },
    ] as CsvFormatOptions[]) {
      expect(csvWrittenAndRead(wide, rows, options)).toEqual(rows)
    }
  })

  test('a blank line is a record where records have one column, which takes NULL', () => {
    const one = (type: DataType<unknown>, content: string, options: CsvFormatOptions = {}): unknown[] =>
      readAll(fileSource({ path: fileWith(content), format: csvFormat(options), schema: defineSchema({ a: type }), onBadRecord: 'fail' })).map(({ a }) => a)
    expect(one(t.int().nullable(), 'a\n1\n\n3\n')).toEqual([1, null, 3])
    expect(one(t.int().nullable(), 'a\n\r\n\n3')).toEqual([null, null, 3])
    expect(one(t.string().nullable(), 'a\n\n""\n', { conversion: 'flink', nullLiteral: '' })).toEqual([null, ''])
    expect(one(t.int(), 'a\n1\n\n3\n')).toEqual([1, 3])
    expect(one(t.string().nullable(), 'a\n\nNULL\n', { nullLiteral: 'NULL' })).toEqual([null])
    expect(one(t.string().nullable(), 'a\n\nx\n', { conversion: 'flink' })).toEqual(['x'])
    expect(read('id,name\n\n1,\n')).toEqual([[1, null]])
  })

  test('NULL in the only column is read back', () => {
    const single = defineSchema({ a: t.int().nullable() })
    for (const options of [{}, { header: false }, { nullLiteral: 'NULL' }, { conversion: 'flink', nullLiteral: '' }] as const)
      expect(csvWrittenAndRead(single, [{ a: 1 }, { a: null }, { a: 3 }, { a: null }], options)).toEqual([{ a: 1 }, { a: null }, { a: 3 }, { a: null }])
  })

  test('a header is a record as others are', () => {
    const names = (header: string, options: CsvFormatOptions = {}): readonly string[] | undefined =>
      csvFormat(options).parseHeader(Buffer.from(`${header}\n`), false)?.columns
    expect(names('" a ""b"" ", c ,"d\r\ne,f"\r')).toEqual([' a "b" ', ' c ', 'd\r\ne,f'])
    expect(names('"a\\"b",c\\,d', { escape: '\\' })).toEqual(['a"b', 'c,d'])
    expect(names('a"b,c', { conversion: 'flink' })).toEqual(['a"b', 'c'])
    expect(names('a"b,c', { quote: '' })).toEqual(['a"b', 'c'])
    expect(names('"a\nb')).toBeUndefined()
    for (const readBytes of [1, 3, 1000]) expect(read('"x\ny",id,name\n0,1,a\n', {}, { readBytes })).toEqual([[1, 'a']])
    for (const [text, reason] of [
      ['id,na"me\n', 'found a quote where none may stand, or text behind a closing quote, at byte 6'],
      ['id,"name" \n', 'found a quote where none may stand, or text behind a closing quote, at byte 10'],
      ['id,"name\n1,a\n', 'found a quote that is not closed'],
      ['id,name,\xff\n', 'expected UTF-8 text, found other bytes in the name at byte 9'],
    ] as const)
      expect(() => readAll(fileSource({ path: fileWith(Buffer.from(text, 'latin1'), 'damaged.csv'), format: csvFormat(), schema }))).toThrow(
        `damaged.csv": ${reason}`,
      )
    expect(readAll(fileSource({ path: fileWith(Buffer.from('id,name,\xff\n1,a,0\n', 'latin1')), format: csvFormat({ utf8: 'replace' }), schema }))).toEqual([
      { id: 1, name: 'a' },
    ])
  })

  test('names are written so that they are read back', () => {
    const names = ['#a', ' b ', 'c"d', 'e,f', 'g\nh', 'i\\j', '', '\ufeffü']
    for (const [first, ...others] of [names, names.toReversed(), ['', ...names.filter((name) => name !== '')]]) {
      const odd = defineSchema(Object.fromEntries([first, ...others].map((name) => [name, t.int()])))
      const row = Object.fromEntries([first, ...others].map((name, index) => [name, index]))
      for (const options of [{}, { escape: '\\' }, { allowComments: true }, { quote: "'", delimiter: ' ' }])
        expect(csvWrittenAndRead(odd, [row], options)).toEqual([row])
    }
    const comma = defineSchema({ a: t.int(), 'b,c': t.int() })
    expect(csvWrittenAndRead(comma, [{ a: 1, 'b,c': 2 }], { quote: '', escape: '\\' })).toEqual([{ a: 1, 'b,c': 2 }])
    expect(() => csvWrittenAndRead(comma, [], { quote: '' })).toThrow('without a quote character no record can hold the name of column "b,c"')
  })

  test('comments and blank lines before the header are passed over', () => {
    const text = '\ufeff#c, "\n\r\n\n# d\r\nid,name\n#e\n1,a\n'
    for (const readBytes of [1, 7, 1000]) expect(read(text, { allowComments: true }, { readBytes })).toEqual([[1, 'a']])
    for (const nothing of ['#c', '#c\n\n', '\n']) expect(read(nothing, { allowComments: true })).toEqual([])
    expect(() => read('#c\nid,name\n')).toThrow('known columns are "#c"')
    expect(() => read('id,name\nx,a\n', { allowComments: true })).toThrow('line 2, column 1')
    expect(() => read('#c\n\nid,name\nx,a\n', { allowComments: true })).toThrow('line 4, column 1')
    const lines = Array.from({ length: 300 }, (_, id) => `${id},x\n`).join('')
    const ids = readAll(
      fileSource({ path: fileWith(`#c\nid,name\n${lines}`), format: csvFormat({ allowComments: true, lineFeedsInQuotes: false }), schema, splitBytes: 200 }),
    ).map(({ id }) => id)
    expect(ids).toEqual(Array.from({ length: 300 }, (_, id) => id))
  })

  test('without quote and escape a value that would break its record is not written', () => {
    const pair = defineSchema({ a: t.int(), 'the b': t.string(), list: t.array(t.double()) })
    const write = (row: Record<string, unknown>, options: CsvFormatOptions = {}): unknown[] =>
      csvWrittenAndRead(pair, [{ a: 1, 'the b': 'x', list: [1] }, row], { quote: '', ...options })
    const fine = { a: 2, 'the b': 'x;"y" #', list: [1, 2.5] }
    expect(write(fine)[1]).toEqual(fine)
    for (const text of [',', `${'x'.repeat(50)},`, 'x\ny', '\r']) {
      expect(() => write({ ...fine, 'the b': text })).toThrow('Cannot write column "the b" as CSV: a value holds the delimiter or a line end')
      expect(() => write({ ...fine, 'the b': text }, { quoteAll: true })).toThrow('Cannot write column "the b"')
      expect(write({ ...fine, 'the b': text }, { escape: '\\' })[1]).toEqual({ ...fine, 'the b': text })
    }
    expect(() => write(fine, { delimiter: '.' })).toThrow('Cannot write column "list" as CSV')
  })

  test('without quote a value that would be read as NULL is not written', () => {
    const pair = defineSchema({ a: t.int().nullable(), b: t.string().nullable(), list: t.array(t.int()), bytes: t.bytes() })
    const fine = { a: 1, b: 'x', list: [1], bytes: new Uint8Array([1]) }
    const write = (row: Record<string, unknown>, options: CsvFormatOptions = {}): unknown[] =>
      csvWrittenAndRead(pair, [fine, { ...fine, ...row }], { quote: '', ...options })
    const refuses = (column: string) => `Cannot write column "${column}" as CSV: a value is written as NULL is, and without a quote it would be read as NULL`
    for (const escape of ['', '\\']) {
      expect(() => write({ b: '' }, { escape })).toThrow(
        expect.objectContaining({ code: 'UNWRITABLE_VALUE', message: refuses('b'), hint: expect.stringContaining('nullLiteral') as string }) as Error,
      )
      expect(() => write({ b: 'n/a' }, { escape, nullLiteral: 'n/a' })).toThrow(refuses('b'))
      expect(() => write({ b: 'n/a' }, { escape, nullLiteral: 'n/a', conversion: 'flink' })).toThrow(refuses('b'))
      expect(() => write({ a: 0 }, { escape, nullLiteral: '0' })).toThrow(refuses('a'))
      expect(() => write({ list: [] }, { escape })).toThrow(refuses('list'))
      expect(() => write({ bytes: new Uint8Array(0) }, { escape })).toThrow(refuses('bytes'))
      expect(write({ b: '' }, { escape, nullLiteral: null })[1]).toEqual({ ...fine, b: '' })
      expect(write({ b: '', a: null }, { escape, nullLiteral: 'n/a' })[1]).toEqual({ ...fine, b: '', a: null })
    }
  })

  test('what would be read as something else is not written, and the error says why and what to do', () => {
    const text = t.string().nullable()
    const list = t.array(text).nullable()
    const refused: readonly [type: DataType<unknown>, value: unknown, options: CsvFormatOptions, reason: string, hint: string][] = [
      [text, '#a', { quote: '', allowComments: true }, 'a value begins with #, and its record would be read as a comment', 'Set quote or escape'],
      [text, '', { quote: '', nullLiteral: 'NULL' }, 'a value is empty, and its record would be a blank line', 'Set quote'],
      [text, '', { quote: '', escape: '\\', nullLiteral: null }, 'a value is empty', 'Set quote'],
      [text, '', { quote: '', conversion: 'flink' }, 'a value is empty', 'Set quote'],
      [t.string(), '', { quote: '' }, 'a value is empty', 'Set quote'],
      [t.array(t.int()), [], { quote: '', nullLiteral: 'NULL' }, 'a value is empty', 'Set quote'],
      [text, '\ufeffa', { quote: '', header: false }, 'a value begins with U+FEFF', 'Set quote or escape in csvFormat, or header'],
      [text, 'a\nb', { lineFeedsInQuotes: false }, 'a value holds a line feed, and lineFeedsInQuotes is false', 'Leave lineFeedsInQuotes out'],
      [text, 'a\nb', { quote: '', escape: '\\', lineFeedsInQuotes: false }, 'a value holds a line feed', 'Leave lineFeedsInQuotes out'],
      [text, null, { nullLiteral: null }, 'a value is NULL, and no text stands for NULL', 'Set nullLiteral'],
      [text, 'n/a', { nullLiteral: 'n/a', conversion: 'flink' }, 'in quotes too where conversion is "flink"', 'Set a nullLiteral'],
      [list, ['a', 'b;c'], {}, 'an element of an array holds the arrayElementDelimiter', 'Set an arrayElementDelimiter'],
      [list, [''], {}, 'the only element of an array is empty', 'jsonFormat has'],
      [list, ['a', null], {}, 'an element of an array is NULL', 'Set nullLiteral'],
      [list, [null], { nullLiteral: 'a;b' }, 'an element of an array is NULL', 'holds no arrayElementDelimiter'],
      [list, ['a', 'n/a'], { nullLiteral: 'n/a' }, 'an element of an array is written as NULL is', 'Set a nullLiteral'],
      [t.array(t.int()), [10, 0], { nullLiteral: '0' }, 'an element of an array is written as NULL is', 'Set a nullLiteral'],
      [list, ['"', 'x'.repeat(5000)], {}, 'a value is no text, holds a mark, and has more than 4096 bytes', 'or use jsonFormat'],
    ]
    for (const [type, value, options, reason, hint] of refused) {
      const write = (): unknown => csvWrittenAndRead(defineSchema({ 'the a': type }), [{ 'the a': value }], options)
      expect(write).toThrow(`Cannot write column "the a" as CSV: `)
      expect(write).toThrow(reason)
      expect(write).toThrow(expect.objectContaining({ code: 'UNWRITABLE_VALUE', hint: expect.stringContaining(hint) as string }) as Error)
    }
    const written: readonly [type: DataType<unknown>, value: unknown, options: CsvFormatOptions][] = [
      [text, '#a', { allowComments: true }],
      [text, '#a', { quote: '', escape: '\\', allowComments: true }],
      [text, '#a', { quote: '' }],
      [text, '\ufeffa', { header: false }],
      [text, '\ufeffa', { quote: '', escape: '\\', header: false }],
      [text, '\ufeffa', { quote: '' }],
      [list, ['a', '', 'b'], {}],
      [list, [], {}],
      [list, null, {}],
      [list, ['a', null], { nullLiteral: 'NULL' }],
      [list, [null], { nullLiteral: 'NULL' }],
      [list, ['#', ''], { quote: '', escape: '\\', allowComments: true, arrayElementDelimiter: '|' }],
      [list, ['"', 'x'.repeat(4000)], {}],
      [list, ['x'.repeat(5000), ','], {}],
    ]
    for (const [type, value, options] of written) expect(csvWrittenAndRead(defineSchema({ a: type }), [{ a: value }], options)).toEqual([{ a: value }])
    const pair = defineSchema({ a: t.string(), b: t.string() })
    expect(csvWrittenAndRead(pair, [{ a: '', b: '#' }], { quote: '', allowComments: true })).toEqual([{ a: '', b: '#' }])
    const names = defineSchema({ '#a': t.string(), b: t.string() })
    expect(csvWrittenAndRead(names, [{ '#a': '1', b: '2' }], { quote: '', escape: '\\', allowComments: true })).toEqual([{ '#a': '1', b: '2' }])
    expect(() => csvWrittenAndRead(names, [], { quote: '', allowComments: true })).toThrow('can hold the name of column "#a"')
    expect(() => csvWrittenAndRead(defineSchema({ 'a\nb': text }), [], { lineFeedsInQuotes: false })).toThrow('the name "a\\nb" holds a line feed')
  })

  test('in flink arrays are written as Flink writes them', () => {
    const list = defineSchema({ a: t.array(t.string().nullable()) })
    expect(csvWrittenAndRead(list, [{ a: ['x;y', null] }, { a: [''] }], { conversion: 'flink' })).toEqual([{ a: ['x', 'y', ''] }, { a: [] }])
  })

  test('escaped line feeds are read from the start of the file', () => {
    const rows = Array.from({ length: 200 }, (_, id) => ({ id, name: 'x\n1,y' }))
    const path = fileWith(`id,name\n${rows.map(({ id }) => `${id},x\\\n1\\,y\n`).join('')}`)
    expect(readAll(fileSource({ path, format: csvFormat({ quote: '', escape: '\\' }), schema, splitBytes: 100 }))).toEqual(rows)
  })

  test('marks may be letters and digits, but not between elements whose values hold them', () => {
    const values = defineSchema({ n: t.int().nullable(), d: t.double(), s: t.string().nullable(), at: t.timestamp(3), ok: t.boolean() })
    const rows = [
      { n: -1203, d: 1.5e300, s: 'true 1e5', at: 1_700_000_000_123, ok: true },
      { n: null, d: Infinity, s: null, at: 0, ok: false },
    ]
    for (const mark of 'aeEnNtTfIZ0159')
      for (const options of [{ delimiter: mark }, { escape: mark }, { delimiter: mark, quote: '', escape: '\\' }])
        expect(csvWrittenAndRead(values, rows, options)).toEqual(rows)
    for (const [type, mark] of [
      [t.int(), '1'],
      [t.double(), 'e'],
      [t.boolean(), 'r'],
      [t.timestamp(3), ' '],
      [t.bytes(), '='],
    ] as const)
      expect(() => csvWrittenAndRead(defineSchema({ list: t.array(type as DataType<unknown>) }), [], { arrayElementDelimiter: mark })).toThrow(
        `Cannot use "${mark}" between the elements of the CSV column "list": it may be part of a value of type`,
      )
    expect(csvWrittenAndRead(defineSchema({ list: t.array(t.int()) }), [{ list: [1, -2] }], { arrayElementDelimiter: ' ' })).toEqual([{ list: [1, -2] }])
    expect(() => csvFormat({ delimiter: '#', allowComments: true })).toThrow('Cannot use "#" as the CSV delimiter: it begins a comment')
  })

  test('quotes and texts of NULL that would not be read back are refused', () => {
    for (const quote of ['1', 'e', 'T', '.', '+', '-', ':', ' '])
      expect(() => csvFormat({ quote })).toThrow(`Cannot use "${quote}" as the CSV quote: it may be part of a value`)
    for (const [options, why] of [
      [{ nullLiteral: '"' }, 'holds "\\""'],
      [{ nullLiteral: 'a,b' }, 'holds ","'],
      [{ nullLiteral: 'a\n' }, 'holds "\\n"'],
      [{ nullLiteral: "n'a", quote: "'" }, 'holds "\'"'],
      [{ nullLiteral: 'N\\', escape: '\\' }, 'ends with the escape'],
    ] as const)
      expect(() => csvFormat(options)).toThrow(`as the CSV text of NULL: it ${why} and would not be read back`)
    const one = defineSchema({ a: t.int().nullable() })
    expect(() => csvWrittenAndRead(one, [], { conversion: 'flink', nullLiteral: 'a,b' })).toThrow('it holds "," and would not be read back')
    for (const escape of ['1', 'e', '-', '.', ' ']) {
      const values = defineSchema({ n: t.int(), d: t.double(), s: t.string(), at: t.timestamp(3) })
      const row = { n: -11, d: 1.5e300, s: '1e-. ', at: 0 }
      expect(csvWrittenAndRead(values, [row], { escape })).toEqual([row])
    }
    const excel = { nullLiteral: '#N/A', allowComments: true }
    expect(read('id,name\n1,#N/A\n', excel)).toEqual([[1, null]])
    expect(() => csvWrittenAndRead(one, [], excel)).toThrow('it begins a comment and would not be read back')
    expect(csvWrittenAndRead(one, [{ a: null }], { nullLiteral: '\\N', escape: '\\' })).toEqual([{ a: null }])
  })

  // A time was written as 106:511:103.48 and read as a text that begins with a NUL.
  test('marks that Flink reads as control characters behind an escape are read, and not written', () => {
    const one = defineSchema({ s: t.string(), n: t.int() })
    const flink = { conversion: 'flink', quote: '', escape: '1', delimiter: '0' } as const
    expect(() => csvWrittenAndRead(one, [], flink)).toThrow('Cannot write CSV with the delimiter "0": behind an escape Flink reads it as a control character')
    expect(() => csvWrittenAndRead(one, [], { conversion: 'flink', escape: 'n' })).toThrow('Cannot write CSV with the escape "n"')
    const rows = [{ s: 'n0', n: 105 }]
    expect(csvWrittenAndRead(one, rows, { ...flink, conversion: 'strict' })).toEqual(rows)
    expect(csvWrittenAndRead(one, rows, { ...flink, quote: '"' })).toEqual(rows)
  })

  test('timestamps are read in the form in which they are written', () => {
    const times = defineSchema({ at: t.timestamp(3), precise: t.timestamp(9), zoned: t.timestampLtz(3) })
    const rows = [1_000_000_000_123, -1, 0].map((at) => ({ at, precise: BigInt(at) * 1_000_000n + 789n, zoned: at }))
    for (const timestampFormat of ['SQL', 'ISO-8601'] as const)
      for (const conversion of ['strict', 'flink'] as const)
        expect(csvWrittenAndRead(times, rows, { timestampFormat, conversion })).toEqual(csvWrittenAndRead(times, rows, {}))
    const at = (text: string, options: CsvFormatOptions): unknown[] =>
      readAll(fileSource({ path: fileWith(`at\n${text}\n`), format: csvFormat(options), schema: defineSchema({ at: t.timestamp(3) }) })).map((row) => row['at'])
    expect(at('1970-01-01 00:00:01', { conversion: 'flink', timestampFormat: 'ISO-8601' })).toEqual([1000])
    expect(() => at('1970-01-01T00:00:01', { conversion: 'flink' })).toThrow('expected a timestamp')
  })

  test('nested columns and wrong marks are refused', () => {
    expect(() => fileSource({ path: 'x', format: csvFormat(), schema: defineSchema({ r: t.row({ a: t.int() }) }) })).toThrow(
      'Cannot read or write column "r" as CSV',
    )
    expect(() => csvFormat({ conversion: 'lax' as 'strict' })).toThrow('conversion is "strict" or "flink"')
    expect(() => csvFormat({ delimiter: '::' })).toThrow('it must be one ASCII character')
    expect(csvFormat({ delimiter: ';', header: false }).describe()).toBe('CSV, delimited by ";", strict')
  })
})

describe('text', () => {
  const schema = defineSchema({ line: t.string() })
  const lines = (content: string | Uint8Array, options: Parameters<typeof textFormat>[0] = {}): unknown[] =>
    readAll(fileSource({ path: fileWith(content), format: textFormat(options), schema })).map(({ line }) => line)

  test('every line is a row: empty ones, quotes, delimiters, control characters', () => {
    expect(lines('a\n\n\r\n"b,\u0001\u0000\n\n')).toEqual(['a', '', '', '"b,\u0001\u0000', ''])
    expect(lines('\ufeffa\n b')).toEqual(['a', ' b'])
    expect(lines('')).toEqual([])
  })

  test('lines of millions of bytes, and many of them', () => {
    const long = 'x'.repeat(900_000)
    expect(lines(`${long}\n`.repeat(3)).map((line) => (line as string).length)).toEqual([900_000, 900_000, 900_000])
    expect(lines('y\n'.repeat(100_000))).toHaveLength(100_000)
  })

  test('other schemas are refused', () => {
    for (const wrong of [defineSchema({ a: t.string(), b: t.string() }), defineSchema({ a: t.int() }), defineSchema({ a: t.varchar(5) })])
      expect(() => fileSource({ path: 'x', format: textFormat(), schema: wrong })).toThrow('their schema has one column, of type STRING')
  })

  test('what the sink writes, the source reads', () => {
    const rows = ['a,b', '"', '', ' \t', 'ü'].map((line) => ({ line }))
    expect(writtenAndRead(schema, rows, textFormat())).toEqual(rows)
  })
})

describe('bytes that are not UTF-8', () => {
  const schema = defineSchema({ line: t.string() })
  const probe = (content: string, format: LineFormat): SourceProbe => {
    const each = new SourceProbe(fileSource({ path: fileWith(Buffer.from(content, 'latin1')), format, schema, onBadRecord: 'skip' }))
    each.drain().close()
    return each
  }

  test.each([
    ['text', 'a\n\xff\xe2\x82x\nb\n', textFormat, ['a', '\ufffd\ufffdx', 'b']],
    ['CSV', 'line\na\n"\xffx\ny"\nb\n', csvFormat, ['a', '\ufffdx\ny', 'b']],
    ['JSON', '{"line":"a"}\n{"line":"\xc0"}\n{"line":"b"}\n', jsonFormat, ['a', '\ufffd', 'b']],
  ] as const)('%s: strict makes their record bad, replace mends and counts it', (_name, content, make, lines) => {
    const strict = probe(content, make())
    expect(strict.rows.map(({ line }) => line)).toEqual(['a', 'b'])
    expect(strict.context.metrics.badRecords).toBe(1)
    const mended = probe(content, make({ utf8: 'replace' }))
    expect(mended.rows.map(({ line }) => line)).toEqual(lines)
    expect([mended.context.metrics.badRecords, mended.context.counters.get('replacedRecords')?.value]).toEqual([0, 1])
    expect(mended.context.slab.allocatedBytes).toBe(0)
    expect(() => make({ utf8: 'lax' as 'strict' })).toThrow('utf8 is "strict" or "replace", not "lax"')
  })

  test('a record that is bad all the same says where it stands', () => {
    const mended = new SourceProbe(
      fileSource({
        path: fileWith(Buffer.from('{"line":"a"}\n{"line":"\xff",}\n', 'latin1')),
        format: jsonFormat({ utf8: 'replace' }),
        schema,
        onBadRecord: 'dead-letter',
      }),
    )
    mended.drain().close()
    expect(mended.sides.letters).toMatchObject([
      { line: 2, offset: 13, reason: 'expected JSON, found "}" at byte 15', raw: Uint8Array.from(Buffer.from('{"line":"\xff",}', 'latin1')) },
    ])
  })
})

describe('gzip', () => {
  const schema = defineSchema({ id: t.int() })
  const lines = (from: number, to: number): string => Array.from({ length: to - from }, (_, index) => `{"id":${from + index}}\n`).join('')
  const ids = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)
  /** How many ids there are, and where the first one out of order stands: -1. */
  const order = (rows: readonly unknown[]): number[] => [rows.length, rows.findIndex((id, index) => id !== index)]
  const source = (path: string, options: Partial<FileSourceOptions> = {}): ReturnType<typeof fileSource> =>
    fileSource({ path, format: jsonFormat(), schema, ...options })
  const read = (content: Uint8Array, options: Partial<FileSourceOptions> = {}): unknown[] => readAll(source(fileWith(content), options)).map(({ id }) => id)
  const members = Buffer.concat([
    gzipSync(lines(0, 1000)),
    gzipSync(''),
    gzipSync(lines(1000, 1003).slice(0, -5)),
    gzipSync(lines(1000, 1003).slice(-5) + lines(1003, 90_000), { level: 1 }),
  ])

  test('one member, many members, an empty one, zero padding', () => {
    expect(read(gzipSync(lines(0, 10)))).toEqual(ids(0, 10))
    expect(order(read(members))).toEqual([90_000, -1])
    expect(read(Buffer.concat([gzipSync(lines(0, 10)), Buffer.alloc(1000)]))).toEqual(ids(0, 10))
    expect(read(gzipSync(''))).toEqual([])
    expect(read(gzipSync(lines(0, 1000), { level: 0 }), { readBytes: 100 })).toEqual(ids(0, 1000))
  })

  test('a header with every optional part', () => {
    const plain = gzipSync(lines(0, 10))
    const header = Buffer.from([0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3, 3, 0, 1, 2, 3, ...Buffer.from('name\0comment\0'), 0, 0])
    expect(read(Buffer.concat([header, plain.subarray(10)]))).toEqual(ids(0, 10))
  })

  test('the name does not matter, the first bytes do', () => {
    expect(readAll(source(fileWith('{"id":1}\n', 'plain.gz'))).map(({ id }) => id)).toEqual([1])
    expect(() => read(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]))).toThrow('it is compressed with zstd; only gzip is supported')
    expect(() => read(Buffer.from('PAR1\u0015\u0004'))).toThrow('line by line: it is a Parquet file')
  })

  test('CSV with a header, restored behind it', () => {
    const csv = source(
      fileWith(
        gzipSync(
          `x,id\n${ids(0, 5000)
            .map((id) => `0,${id}\n`)
            .join('')}`,
        ),
      ),
      { format: csvFormat() },
    )
    const first = new SourceProbe(csv, { batchRowsMax: 100 })
    for (let polls = 0; polls < 10; polls++) first.poll()
    const second = new SourceProbe(csv, { snapshot: first.snapshot(), next: first.next })
    expect([...first.rows, ...second.drain().rows].map(({ id }) => id)).toEqual(ids(0, 5000))
    first.close()
    second.close()
  })

  test('a snapshot anywhere, restored, gives the rest exactly once and begins with its member', () => {
    const path = fileWith(members)
    for (let polls = 0; polls < 60; polls += 7) {
      const first = new SourceProbe(source(path, { readBytes: 20_000 }), { batchRowsMax: 3000 })
      for (let poll = 0; poll < polls; poll++) first.poll()
      const snapshot = first.snapshot()
      let position = { offset: 0, member: { offset: 0, fileOffset: 0 } }
      readSplitStates(snapshot, (_index, state) => (position = JSON.parse(Buffer.from(state).toString()).position))
      expect(position.member.offset).toBeLessThanOrEqual(position.offset)
      const second = new SourceProbe(source(path, { readBytes: 999 }), { snapshot, next: first.next })
      expect(order([...first.rows, ...second.drain().rows].map(({ id }) => id))).toEqual([90_000, -1])
      first.close()
      second.close()
    }
  })

  test.each([
    ['cut in the data', members.subarray(0, 60_000), 'it ends early'],
    ['cut in the trailer', gzipSync(lines(0, 100)).subarray(0, -3), 'it ends early'],
    ['cut in the header', Buffer.concat([gzipSync(lines(0, 100)), gzipSync('x').subarray(0, 6)]), 'it ends early'],
    ['followed by something else', Buffer.concat([gzipSync(lines(0, 100)), Buffer.from('garbage')]), 'something that is not gzip follows'],
    ['with a wrong checksum', Buffer.concat([gzipSync(lines(0, 100)).subarray(0, -8), Buffer.alloc(8)]), 'the checksum is wrong'],
    ['with wrong data', Buffer.concat([gzipSync(lines(0, 100)).subarray(0, 10), Buffer.alloc(100, 0xff)]), 'the compressed data is damaged'],
  ])('%s: the rows before leave, then an error or the end by policy', (_, content, reason) => {
    const path = fileWith(content)
    const strict = new SourceProbe(source(path), { batchRowsMax: 64 })
    expect(() => strict.drain()).toThrow(new RegExp(`Cannot read ".*": ${reason} at byte \\d+, after \\d+ bytes of contents`))
    const lax = new SourceProbe(source(path, { onBadRecord: 'skip' }))
    lax.drain()
    expect(lax.rows.map(({ id }) => id)).toEqual(ids(0, lax.rows.length))
    expect(strict.rows).toEqual(lax.rows)
    expect(lax.context.counters.get('damagedFiles')?.value).toBe(1)
    expect(lax.context.metrics.badRecords).toBeLessThanOrEqual(1)
    expect(lax.context.lines).toHaveLength(1)
    strict.close()
    lax.close()
    expect(lax.context.slab.allocatedBytes).toBe(0)
  })
})

describe('lineBytesMax', () => {
  const schema = defineSchema({ a: t.string() })

  test.each(['\n', '\r\n'])('counts a line without its end %j, however blocks are cut', (end) => {
    for (const rows of [['x'.repeat(20)], ['x'.repeat(20), 'y', 'x'.repeat(20), 'x'.repeat(20)]])
      for (const [name, format, bytesMax, content] of [
        ['text', textFormat(), 20, rows],
        ['csv', csvFormat({ header: false }), 20, rows],
        ['json', jsonFormat(), 28, rows.map((a) => JSON.stringify({ a }))],
      ] as const)
        for (const readBytes of [1, 7, 21, 22, 1 << 20])
          for (const last of [end, '']) {
            const path = fileWith(content.join(end) + last)
            expect(
              readAll(fileSource({ path, format, schema, lineBytesMax: bytesMax, readBytes })).map(({ a }) => a),
              `${name} ${readBytes}`,
            ).toEqual(rows)
          }
  })

  test('counts a header without its end', () => {
    for (const readBytes of [1, 7, 21, 22, 1 << 20]) {
      const path = fileWith(`a,${'b'.repeat(18)}\r\nx,y\r\n`)
      expect(readAll(fileSource({ path, format: csvFormat(), schema, lineBytesMax: 20, readBytes }))).toEqual([{ a: 'x' }])
    }
  })

  test.each(['\n', '\r\n'])('refuses one byte more, also a carriage return that ends nothing, before %j', (end) => {
    for (const line of ['x'.repeat(21), `${'x'.repeat(20)}\ry`, `${'x'.repeat(20)}\r`.padEnd(22, '\r')])
      for (const readBytes of [1, 7, 21, 22, 1 << 20]) {
        const path = fileWith(['a', line, 'b'].join(end) + end)
        const probe = new SourceProbe(fileSource({ path, format: textFormat(), schema, lineBytesMax: 20, readBytes, onBadRecord: 'skip' }))
        expect(probe.drain().rows.map(({ a }) => a)).toEqual(['a', 'b'])
        expect(probe.context.metrics.badRecords).toBe(1)
        probe.close()
      }
  })
})

test.each([
  ['ARRAY', t.array(t.int()), '[1]'],
  ['MAP', t.map(t.string(), t.int()), '{"k":1}'],
  ['ARRAY of ARRAY', t.array(t.array(t.int())), '[[1],[2]]'],
])('a line that is too long for what is left of a batch begins the next one, beside an %s', (_, type, text) => {
  const schema = defineSchema({ list: type, text: t.string() })
  const lines = [2, 20_000, 3, 900_000, 1].map((length) => `{"list":${text},"text":"${'x'.repeat(length)}"}`)
  for (const batchRowsMax of [3, 64, 8192]) {
    const rows = readAll(fileSource({ path: fileWith(lines.join('\n')), format: jsonFormat(), schema }), batchRowsMax)
    expect(rows.map((row) => (row.text as string).length)).toEqual([2, 20_000, 3, 900_000, 1])
  }
})

describe('snapshots', () => {
  test('one of another file is refused', () => {
    const schema = defineSchema({ id: t.int() })
    const path = fileWith('{"id":1}\n{"id":2}\n')
    const source = fileSource({ path, format: jsonFormat(), schema })
    const probe = new SourceProbe(source, { batchRowsMax: 1 })
    probe.poll()
    const snapshot = probe.snapshot()
    writeFileSync(path, '{"id":7}\n{"id":8}\n')
    expect(() => new SourceProbe(source, { snapshot })).toThrow('it is not the file that the snapshot was made with')
    probe.close()
  })
})
