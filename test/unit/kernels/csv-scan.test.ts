import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../src/base/errors.ts'
import { Slab } from '../../../src/base/slab.ts'
import { TypeCode } from '../../../src/kernels/column-layout.ts'
import { CsvFormatPlan, type CsvFormatOptions } from '../../../src/kernels/csv-format.ts'
import { CsvScanPlan, type CsvScanOptions } from '../../../src/kernels/csv-scan.ts'
import { BadReason, ScanStatus } from '../../../src/kernels/json-scan-layout.ts'
import type { ScanField } from '../../../src/kernels/json-scan.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'
import { TestColumns } from '../../fixtures/kernel-columns.ts'

const module = compileKernels()
const field = (name: string, type: number, more: Partial<ScanField> = {}): ScanField => ({ name, type, nullable: true, ...more })
const strict: CsvScanOptions = { conversion: 'strict' }
const int = field('i', TypeCode.INT)
const ist = [int, field('s', TypeCode.VARCHAR), field('n', TypeCode.INT)]

function scanner(fields: readonly (ScanField | null)[], options: CsvScanOptions = strict) {
  const slab = new Slab(1 << 26)
  const kernels = instantiateKernels(module, slab)
  const wanted = fields.filter((candidate) => candidate !== null)
  const columns = new TestColumns(slab, wanted, 64, 4096)
  const plan = new CsvScanPlan(slab, fields, options)
  plan.setColumns(columns.descriptors)
  return {
    slab,
    kernels,
    columns,
    plan,
    scan(text: string, firstRow = 0, final = true) {
      const bytes = Buffer.from(text)
      const input = slab.allocate(bytes.length + 64)
      slab.u8.set(bytes, input)
      const result = plan.scan(kernels, input, input + bytes.length, firstRow, 64 - firstRow, final)
      columns.checkCanaries()
      columns.checkNullCounts(firstRow + result.rows)
      return { ...result }
    },
    rows: (count: number) => Array.from({ length: count }, (_, row) => Object.values(columns.row(row))),
  }
}

describe('scanCsv', () => {
  test('reads plain and quoted fields, doubled quotes, delimiters and line feeds in quotes', () => {
    const { scan, rows } = scanner(ist)
    expect(scan('1,a,10\r\n2,"quo,ted ""x""",20\n\n3,"two\nlines",\n4,"",-5\n')).toMatchObject({ rows: 4, status: ScanStatus.DONE })
    expect(rows(4)).toEqual([
      [1, 'a', 10],
      [2, 'quo,ted "x"', 20],
      [3, 'two\nlines', null],
      [4, '', -5],
    ])
  })

  test('keeps control characters of plain text that are no line ends', () => {
    const { scan, rows, plan } = scanner(ist)
    const texts = ['a\tb', '\t', '\u0000', 'a\u0001b\u000bc\u000c', 'a\rb', `${'x'.repeat(40)}\t${'y'.repeat(40)}\t`, 'caf\u00e9\t']
    expect(scan(texts.map((text, index) => `${index},${text},${index}\n`).join(''))).toMatchObject({ rows: texts.length, lines: texts.length })
    expect(rows(texts.length)).toEqual(texts.map((text, index) => [index, text, index]))
    // A carriage return within a line is for the general way.
    expect(plan.counters.slowRows).toBe(1)
    const tabs = scanner(ist, { conversion: 'strict', delimiter: '\t', escape: '\\' })
    expect(tabs.scan('1\ta\u0001,b\t2\n3\tc\\\td\t4\n')).toMatchObject({ rows: 2, status: ScanStatus.DONE })
    expect(tabs.rows(2)).toEqual([
      [1, 'a\u0001,b', 2],
      [3, 'c\td', 4],
    ])
  })

  test('skips fields that are not wanted, whatever is in them', () => {
    const { scan, rows } = scanner([null, field('s', TypeCode.VARCHAR), null])
    scan('x,a,"q"",\n"\n"long, quoted",b,y\n')
    expect(rows(2)).toEqual([['a'], ['b']])
  })

  test('takes records with more or fewer fields for bad, and reads on behind them', () => {
    const { scan, rows } = scanner(ist)
    const text = '1,a,10\n3,c\n4,d,40,"ex\ntra"\n5,e,50\n'
    const first = scan(text)
    expect(first).toMatchObject({ rows: 1, status: ScanStatus.BAD_RECORD, reason: BadReason.FIELD_COUNT, lineStart: 7, lineEnd: 11 })
    const second = scan(text.slice(11), 1)
    expect(second).toMatchObject({ rows: 0, reason: BadReason.FIELD_COUNT, lineEnd: text.indexOf('5,e') - 11 })
    expect(scan(text.slice(11 + second.lineEnd), 1)).toMatchObject({ rows: 1, status: ScanStatus.DONE })
    expect(rows(2)).toEqual([
      [1, 'a', 10],
      [5, 'e', 50],
    ])
  })

  test('waits for the end of open quotes, and resumes at the next line when they never end', () => {
    const { scan, rows } = scanner(ist)
    expect(scan('1,"open,2\n2,b,3\n', 0, false)).toMatchObject({ rows: 0, consumed: 0, status: ScanStatus.NEED_MORE })
    expect(scan('1,"open,2\n2,b,3\n')).toMatchObject({ status: ScanStatus.BAD_RECORD, reason: BadReason.QUOTE, lineEnd: 10 })
    expect(scan('2,b,3\n')).toMatchObject({ rows: 1 })
    expect(rows(1)).toEqual([[2, 'b', 3]])
    const bounded = scanner(ist, { conversion: 'strict', recordBytesMax: 20 })
    expect(bounded.scan(`1,"open\n${'2,b,3\n'.repeat(5)}`, 0, false)).toMatchObject({ status: ScanStatus.BAD_RECORD, reason: BadReason.QUOTE, lineEnd: 8 })
  })

  test('finds the one record of many that is not UTF-8, and one whose quotes hold too much', () => {
    const lines = Array.from({ length: 40 }, (_, index) => `${index},caf\u00e9 ${index},"${index}"\n`)
    const good = lines.join('')
    const { scan, rows, slab, kernels, plan } = scanner(ist)
    expect(scan(good)).toMatchObject({ rows: 40, lines: 40 })
    expect(rows(40)).toEqual(lines.map((_, index) => [index, `caf\u00e9 ${index}`, index]))
    expect(plan.counters.slowRows).toBe(0)
    const bytes = Buffer.from(good)
    const at = bytes.indexOf('caf\u00e9 23') + 3
    // The first byte of two, and the delimiter behind it.
    bytes.set(Buffer.from([0x2c, 0x32]), at + 1)
    const input = slab.allocate(bytes.length + 64)
    slab.u8.set(bytes, input)
    const result = plan.scan(kernels, input, input + bytes.length, 0, 64, true)
    expect(result).toMatchObject({ rows: 23, lines: 23, status: ScanStatus.BAD_RECORD, reason: BadReason.INVALID_UTF8, field: 's' })
    expect(result.problem).toBe(at)

    const bounded = scanner(ist, { conversion: 'strict', recordBytesMax: 20 })
    expect(bounded.scan('1,"a\nb",2\n2,plain and longer than that,3\n3,"quoted and longer\nthan that",4\n')).toMatchObject({
      rows: 2,
      lines: 3,
      status: ScanStatus.BAD_RECORD,
      reason: BadReason.QUOTE,
    })
  })

  test('counts a record without its line end against the limit', () => {
    for (const [text, isBad] of [
      ['1,"345678901",3\n', false],
      ['1,"345678901",3\r\n', false],
      ['1,"3456789012",3\n', true],
      ['1,"3456789012",3\r\n', true],
    ] as const)
      expect(scanner(ist, { conversion: 'strict', recordBytesMax: 15 }).scan(text)).toMatchObject(isBad ? { rows: 0, reason: BadReason.QUOTE } : { rows: 1 })
  })

  test('takes long records without quotes, whatever stands beside them', () => {
    const { scan, rows, slab, kernels, plan } = scanner(ist, { conversion: 'strict', recordBytesMax: 12 })
    expect(scan('1,plain but not short,1\n2,"and\nquoted",2\n')).toMatchObject({ rows: 1, reason: BadReason.QUOTE })
    const bytes = Buffer.from('1,plain but not short,1\n2,\u00ff,2\n', 'latin1')
    const input = slab.allocate(bytes.length + 64)
    slab.u8.set(bytes, input)
    expect(plan.scan(kernels, input, input + bytes.length, 0, 64, true)).toMatchObject({ rows: 1, reason: BadReason.INVALID_UTF8 })
    expect(rows(1)).toEqual([[1, 'plain but not short', 1]])
  })

  test('counts a value that became NULL once, whichever way its record went', () => {
    const fields = [field('a', TypeCode.ARRAY, { children: [field('element', TypeCode.INT)] }), int, field('s', TypeCode.VARCHAR)]
    const { scan, rows, plan } = scanner(fields, { conversion: 'strict', nullOnError: true })
    expect(scan('x;1,abc,q\n1;2,3,"t"\nx;3,4,u\n')).toMatchObject({ rows: 3, status: ScanStatus.DONE })
    expect(rows(3)).toEqual([
      [[null, 1], null, 'q'],
      [[1, 2], 3, 't'],
      [[null, 3], 4, 'u'],
    ])
    expect(plan.counters.nulledValues).toBe(3)
  })

  test('knows no minute before it has read one', () => {
    const { scan } = scanner([field('t', TypeCode.TIMESTAMP, { precision: 3 })])
    expect(scan(`${'\0'.repeat(16)}:05\n`)).toMatchObject({ rows: 0, reason: BadReason.INVALID_VALUE })
  })

  test('takes a text of NULL that looks like a value for NULL, in every column', () => {
    const fields = [int, field('d', TypeCode.DOUBLE), field('s', TypeCode.VARCHAR), field('b', TypeCode.BOOLEAN), field('v', TypeCode.VARCHAR, { length: 2 })]
    const zero = scanner(fields, { conversion: 'strict', nullLiteral: '0' })
    expect(zero.scan('0,0,0,true,0\n01,0.5,"0",false,00\n')).toMatchObject({ rows: 2, status: ScanStatus.DONE })
    expect(zero.rows(2)).toEqual([
      [null, null, null, true, null],
      [1, 0.5, '0', false, '00'],
    ])
    const yes = scanner(fields, { conversion: 'strict', nullLiteral: 'true' })
    expect(yes.scan('1,2.5,true,true,ab\n2,true,"true",false,b\n')).toMatchObject({ rows: 2, status: ScanStatus.DONE })
    expect(yes.rows(2)).toEqual([
      [1, 2.5, null, null, 'ab'],
      [2, null, 'true', false, 'b'],
    ])
  })

  test.each([
    ['1,a"b,2', BadReason.QUOTE],
    ['1,"a"b,2', BadReason.QUOTE],
    ['x,a,2', BadReason.INVALID_VALUE],
    ['1.5,a,2', BadReason.INEXACT],
    ['99999999999,a,2', BadReason.OUT_OF_RANGE],
    [' 1,a,2', BadReason.INVALID_VALUE],
  ])('refuses %s in strict mode', (line, reason) => {
    expect(scanner(ist).scan(`${line}\n`)).toMatchObject({ rows: 0, status: ScanStatus.BAD_RECORD, reason })
  })

  test('answers with options as a real Flink did', () => {
    const fields = [
      int,
      field('s', TypeCode.VARCHAR),
      field('a', TypeCode.ARRAY, { children: [field('element', TypeCode.VARCHAR)] }),
      field('e', TypeCode.VARCHAR),
    ]
    const { scan, rows } = scanner(fields, {
      conversion: 'flink',
      delimiter: '|',
      quote: "'",
      allowComments: true,
      nullLiteral: 'n/a',
      escape: '\\',
      arrayElementDelimiter: ';',
    })
    scan("1|'a|b'|x;y;z|n/a\n# 2|comment|q|r\n2|it\\'s|single|n/a\nn/a||;|end\n")
    expect(rows(3)).toEqual([
      [1, 'a|b', ['x', 'y', 'z'], null],
      [2, "it's", ['single'], null],
      [null, '', ['', ''], 'end'],
    ])
  })

  test('converts as a real Flink answered: blanks, days beyond the end of a month, points without a fraction', () => {
    const fields = [
      int,
      field('c', TypeCode.DECIMAL, { precision: 5, scale: 2 }),
      field('d', TypeCode.DATE),
      field('t', TypeCode.TIME, { precision: 3 }),
      field('a', TypeCode.ARRAY, { children: [field('element', TypeCode.INT)] }),
      field('v', TypeCode.VARBINARY),
    ]
    const { scan, rows } = scanner(fields, { conversion: 'flink', nullOnError: true })
    const lines = [
      ' 1 ,1.005,2024-2-9,12:34:56.,,QQ==',
      '2, 1,2023-02-29,12:34, ,QQ==QUI=',
      '3,1 ,1900-2-31,12:34:56.789, 4 ; 5 ,QQ== ',
      '4,"1",2024-04-31,24:00:00,"  ","Q Q=="',
      '5,"1 ",+2024-01-01,12:34:56.Z,;,QQ=',
      '6,-1,2024-04-32,12:34:56.,4,',
    ]
    expect(scan(`${lines.join('\n')}\n`)).toMatchObject({ rows: 6, status: ScanStatus.DONE })
    const day = (date: string): number => Date.parse(date) / 86_400_000
    const time = 45_296_000
    expect(rows(6)).toEqual([
      [1, 101n, day('2024-02-09'), time, [], '41'],
      [2, null, day('2023-03-01'), 45_240_000, [], '414142'],
      [3, null, day('1900-03-03'), time + 789, [4, 5], '41'],
      [4, 100n, day('2024-05-01'), null, [], null],
      [5, null, null, null, [null, null], null],
      [6, -100n, null, time, [4], ''],
    ])
  })

  test('takes blanks behind quotes, delimiters at the end and letters behind escapes as a real Flink did', () => {
    const { scan, rows } = scanner(ist, { conversion: 'flink', escape: '\\' })
    expect(scan('1,"a" ,10\n2,"b"\t, 20, \n3,c,30,\r\n4,"d","40" \n5,e\\n\\r\\t\\0\\x,50,""\n')).toMatchObject({ rows: 5, status: ScanStatus.DONE })
    expect(rows(5)).toEqual([
      [1, 'a', 10],
      [2, 'b', 20],
      [3, 'c', 30],
      [4, 'd', 40],
      [5, 'e\n\r\t\0x', 50],
    ])
    for (const line of ['1,a,2,,', '1,a,2,x', '1,a,2,"" x'])
      expect(scanner(ist, { conversion: 'flink' }).scan(`${line}\n`)).toMatchObject({ rows: 0, reason: BadReason.FIELD_COUNT })
    for (const line of ['1,"a" x,2', '1,"a"\r,2'])
      expect(scanner(ist, { conversion: 'flink' }).scan(`${line}\n`)).toMatchObject({ rows: 0, reason: BadReason.QUOTE })
    for (const line of ['1,a,2,', '1,"a" ,2']) expect(scanner(ist).scan(`${line}\n`)).toMatchObject({ rows: 0, status: ScanStatus.BAD_RECORD })
  })

  test("ignores parse errors as a real Flink did, but for the row with too many fields, which stays the caller's", () => {
    const { scan, rows } = scanner(ist, { conversion: 'flink', nullOnError: true })
    const text = '1,a,10\nx,b,20\n3,c\n4,d,40,extra\n5,e,99999999999\n 6 ,f,60\n'
    const bad = scan(text)
    expect(bad).toMatchObject({ rows: 3, reason: BadReason.FIELD_COUNT })
    expect(scan(text.slice(bad.lineEnd), 3)).toMatchObject({ rows: 2, status: ScanStatus.DONE })
    expect(rows(5)).toEqual([
      [1, 'a', 10],
      [null, 'b', 20],
      [3, 'c', null],
      [5, 'e', null],
      [6, 'f', 60],
    ])
  })

  test('refuses an empty number in Flink mode unless some text stands for NULL', () => {
    expect(scanner(ist, { conversion: 'flink' }).scan('1,a,\n')).toMatchObject({ status: ScanStatus.BAD_RECORD, reason: BadReason.INVALID_VALUE, field: 'n' })
  })

  test('asks for room before a column overflows', () => {
    const { scan } = scanner([field('s', TypeCode.VARCHAR)])
    expect(scan(`${'x'.repeat(3000)}\n${'y'.repeat(3000)}\n`)).toMatchObject({ rows: 1, consumed: 3001, status: ScanStatus.DATA_FULL })
  })

  test('refuses options that make no sense', () => {
    const slab = new Slab(1 << 20)
    expect(() => new CsvScanPlan(slab, ist, { conversion: 'strict', delimiter: '::' })).toThrow(PlanError)
    expect(() => new CsvScanPlan(slab, ist, { conversion: 'strict', delimiter: '"' })).toThrow('also the quote')
    expect(() => new CsvScanPlan(slab, [field('r', TypeCode.ROW, { children: [] })], strict)).toThrow('CSV form')
  })
})

describe('formatCsv', () => {
  function written(text: string, options: CsvFormatOptions): string {
    const { scan, columns, slab, kernels } = scanner(ist)
    const { rows } = scan(text)
    const plan = new CsvFormatPlan(slab, ist, options)
    plan.setColumns(columns.descriptors)
    const out = slab.allocate(8192)
    const { bytes, nextRow } = plan.format(kernels, 0, 0, rows, out, out + 8000)
    expect(nextRow).toBe(rows)
    return Buffer.from(slab.u8.slice(out, out + bytes)).toString()
  }

  test('quotes what must be quoted and nothing else', () => {
    expect(written('1,a,10\n2,"quo,ted ""x""",20\n3,"two\nlines",\n4,"",-5\n,"#",6\n', {})).toBe(
      '1,a,10\n2,"quo,ted ""x""",20\n3,"two\nlines",\n4,"",-5\n,#,6\n',
    )
  })

  test('follows its options', () => {
    expect(written('1,"a|b",10\n,"n/a",\n2,"it\'s \\",3\n', { delimiter: '|', quote: "'", escape: '\\', nullLiteral: 'n/a' })).toBe(
      "1|'a|b'|10\nn/a|'n/a'|n/a\n2|'it\\'s \\\\'|3\n",
    )
    expect(written('1,a,10\n', { quoteAll: true })).toBe('1,"a",10\n')
  })
})
