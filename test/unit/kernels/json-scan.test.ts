import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../src/base/errors.ts'
import { Slab } from '../../../src/base/slab.ts'
import { TypeCode } from '../../../src/kernels/column-layout.ts'
import { BadReason, ScanStatus } from '../../../src/kernels/json-scan-layout.ts'
import { JsonScanPlan, type JsonScanOptions, type ScanField, type ScanResult } from '../../../src/kernels/json-scan.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'
import { TestColumns } from '../../fixtures/kernel-columns.ts'

const module = compileKernels()
const field = (name: string, type: number, more: Partial<ScanField> = {}): ScanField => ({ name, type, nullable: true, ...more })
const strict: JsonScanOptions = { conversion: 'strict' }

interface Scanner {
  readonly plan: JsonScanPlan
  readonly columns: TestColumns
  scan(text: string | Buffer, firstRow?: number, maxRows?: number): ScanResult
  rows(count: number): unknown[]
}

function scanner(fields: readonly ScanField[], options: JsonScanOptions = strict, rowCapacity = 64, dataCapacity = 65_536): Scanner {
  const slab = new Slab(1 << 26)
  const kernels = instantiateKernels(module, slab)
  const columns = new TestColumns(slab, fields, rowCapacity, dataCapacity)
  const plan = new JsonScanPlan(slab, fields, options)
  plan.setColumns(columns.descriptors)
  return {
    plan,
    columns,
    scan(text, firstRow = 0, maxRows = rowCapacity) {
      const bytes = Buffer.from(text)
      const input = slab.allocate(bytes.length + 64)
      slab.u8.set(bytes, input)
      const result = plan.scan(kernels, input, input + bytes.length, firstRow, maxRows)
      columns.checkCanaries()
      columns.checkNullCounts(firstRow + result.rows)
      return { ...result }
    },
    rows: (count) => Array.from({ length: count }, (_, row) => ({ ...columns.row(row) })),
  }
}

const ab = [field('a', TypeCode.INT), field('b', TypeCode.VARCHAR)]

describe('scanJson', () => {
  test('reads members in any order, missing ones as NULL, and skips unknown ones', () => {
    const { scan, rows } = scanner(ab)
    expect(scan('{"a":1,"b":"x"}\n{"b":"y","a":2}\n\n  \r\n{"z":[{"a":9}],"b":"z"}\r\n{}\n')).toMatchObject({ rows: 4, status: ScanStatus.DONE })
    expect(rows(4)).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
      { a: null, b: 'z' },
      { a: null, b: null },
    ])
  })

  test('leaves a last line without a line feed alone', () => {
    const { scan } = scanner(ab)
    expect(scan('{"a":1}\n{"a":2}')).toMatchObject({ rows: 1, consumed: 8, status: ScanStatus.DONE })
    expect(scan('{"a":1}')).toMatchObject({ rows: 0, consumed: 0, status: ScanStatus.NEED_MORE })
    expect(scan('')).toMatchObject({ rows: 0, consumed: 0, status: ScanStatus.NEED_MORE })
  })

  test('stops at maxRows and goes on from there in the same columns', () => {
    const { scan, rows } = scanner(ab)
    const lines = Array.from({ length: 10 }, (_, row) => `{"a":${row},"b":${row % 3 === 0 ? 'null' : `"${'x'.repeat(row)}"`}}\n`)
    expect(scan(lines.join(''), 0, 4)).toMatchObject({ rows: 4, status: ScanStatus.ROWS_FULL, consumed: lines.slice(0, 4).join('').length })
    expect(scan(lines.slice(4).join(''), 4)).toMatchObject({ rows: 6, status: ScanStatus.DONE })
    expect(rows(10)).toEqual(lines.map((line) => JSON.parse(line)))
  })

  test('names the bad line, the place and the field, and leaves no trace of the record', () => {
    const { scan, rows } = scanner(ab)
    const text = '{"a":1,"b":"x"}\n{"b":"long text here","a":"no"}\n{"a":3,"b":"z"}\n'
    const bad = scan(text)
    expect(bad).toMatchObject({
      rows: 1,
      status: ScanStatus.BAD_RECORD,
      reason: BadReason.TYPE_MISMATCH,
      lineStart: 16,
      lineEnd: 48,
      problem: text.indexOf('"no"'),
      field: 'a',
    })
    expect(scan(text.slice(bad.lineEnd), 1)).toMatchObject({ rows: 1, status: ScanStatus.DONE })
    expect(rows(2)).toEqual([
      { a: 1, b: 'x' },
      { a: 3, b: 'z' },
    ])
  })

  test.each([
    ['{"a":1', BadReason.SYNTAX],
    ['{"a":1,}', BadReason.SYNTAX],
    ['{"a":1}{"a":2}', BadReason.TRAILING_DATA],
    ['{"a":1} x', BadReason.TRAILING_DATA],
    ['[{"a":1}]', BadReason.NOT_AN_OBJECT],
    ['12', BadReason.NOT_AN_OBJECT],
    ['null', BadReason.NOT_AN_OBJECT],
    ['{"a":NaN}', BadReason.SYNTAX],
    ['{"a":Infinity}', BadReason.SYNTAX],
    ['{"a":01}', BadReason.SYNTAX],
    ['{"a":2147483648}', BadReason.OUT_OF_RANGE],
    ['{"a":1.5}', BadReason.INEXACT],
    ['{"b":"\\ud800"}', BadReason.LONE_SURROGATE],
    ['{"b":"\\udc00\\ud800"}', BadReason.LONE_SURROGATE],
    ['{"b":"\\x"}', BadReason.INVALID_ESCAPE],
    ['{"b":"\u0001"}', BadReason.CONTROL_CHARACTER],
    [Buffer.from([...Buffer.from('{"b":"'), 0xc3, 0x28, ...Buffer.from('"}')]), BadReason.INVALID_UTF8],
    [Buffer.from([...Buffer.from('{"unknown":"'), 0xff, ...Buffer.from('"}')]), BadReason.INVALID_UTF8],
    ['\ufeff{"a":1}', BadReason.SYNTAX],
    [`{"z":${'['.repeat(200)}${']'.repeat(200)}}`, BadReason.TOO_DEEP],
    ['{"b":1}', BadReason.TYPE_MISMATCH],
    ['{"a":"1"}', BadReason.TYPE_MISMATCH],
  ])('refuses %s in strict mode', (line, reason) => {
    const { scan } = scanner(ab)
    // Once as the first line, once behind lines whose layout is known.
    const bytes = Buffer.concat([Buffer.from(line), Buffer.from('\n')])
    expect(scan(bytes)).toMatchObject({ rows: 0, status: ScanStatus.BAD_RECORD, reason })
    expect(scan(Buffer.concat([Buffer.from('{"a":1,"b":"x"}\n{"a":1}\n{"b":"x"}\n'), bytes]))).toMatchObject({ rows: 3, status: ScanStatus.BAD_RECORD, reason })
  })

  test('takes 1.0 and 1e3 for integers, and keeps 64 bits exactly', () => {
    const { scan, rows } = scanner([field('a', TypeCode.BIGINT)])
    scan('{"a":1.0}\n{"a":1e3}\n{"a":9223372036854775807}\n{"a":-9223372036854775808}\n{"a":-0}\n')
    expect(rows(5)).toEqual([{ a: 1n }, { a: 1000n }, { a: 9223372036854775807n }, { a: -9223372036854775808n }, { a: 0n }])
  })

  test('resolves escapes, a written NUL and surrogate pairs, and lets the last of equal keys win', () => {
    const { scan, rows, plan } = scanner(ab)
    scan('{"\\u0062":"\\u00e9\\n\\ud83d\\ude00\\/\\"\\u0000","a":1,"a":2}\n')
    expect(rows(1)).toEqual([{ a: 2, b: 'é\n😀/"\0' }])
    expect(plan.counters.duplicateKeys).toBe(1)
  })

  test('reads a record without a column for a nested ROW into flat columns', () => {
    const { scan, rows } = scanner([
      field('bid', TypeCode.ROW, {
        flattened: true,
        children: [field('price', TypeCode.BIGINT), field('deep', TypeCode.ROW, { children: [field('x', TypeCode.INT)] })],
      }),
    ])
    scan('{"bid":{"price":5,"deep":{"x":1}}}\n{"bid":null}\n{"bid":{"deep":null}}\n')
    expect(rows(3)).toEqual([{ bid: { price: 5n, deep: { x: 1 } } }, { bid: { price: null, deep: null } }, { bid: { price: null, deep: null } }])
  })

  test('asks for room before a column overflows, and goes on once there is some', () => {
    const { scan } = scanner(ab, strict, 64, 40)
    const line = `{"b":"${'y'.repeat(20)}"}\n`
    expect(scan(line.repeat(3))).toMatchObject({ rows: 1, consumed: line.length, status: ScanStatus.DATA_FULL })
    expect(scan(`{"b":"${'y'.repeat(50)}"}\n`)).toMatchObject({ rows: 0, status: ScanStatus.DATA_FULL })
    const lists = scanner([field('a', TypeCode.ARRAY, { children: [field('element', TypeCode.INT)] })], strict, 4)
    expect(lists.scan(`{"a":[1,2,3]}\n{"a":[${'1,'.repeat(20)}1]}\n`)).toMatchObject({ rows: 1, status: ScanStatus.DATA_FULL })
  })

  test('learns layouts, so that later records of one take the short way', () => {
    const { scan, plan } = scanner(ab)
    const lines = Array.from({ length: 60 }, (_, row) => (row % 2 === 0 ? `{"a":${row},"b":"x"}\n` : `{"b": null, "a": ${row}}\n`))
    expect(scan(lines.join(''))).toMatchObject({ rows: 60 })
    expect(plan.counters.slowRows).toBe(2)
  })

  test('counts a value that became NULL once, however many layouts were tried', () => {
    const lists = [field('a', TypeCode.INT), field('l', TypeCode.ARRAY, { children: [field('element', TypeCode.INT)] }), field('b', TypeCode.VARCHAR)]
    const { scan, plan } = scanner(lists, { conversion: 'strict', nullOnError: true })
    const lines = [
      '{"a":1,"b":"t"}',
      '{"b":"u","a":1}',
      '{"a":1,"l":[2],"b":"t"}',
      '{"a":1,"b":"t"}',
      '{"a":"x"}',
      '{"a":1,"l":["x"],"b":3}',
      '{"b":"u","a":"x"}',
    ]
    expect(scan(`${lines.join('\n')}\n`)).toMatchObject({ rows: lines.length })
    expect(plan.counters.nulledValues).toBe(4)
  })

  test('with nullOnError gives NULL for what cannot be converted, at the nearest place that allows it', () => {
    const options: JsonScanOptions = { conversion: 'strict', nullOnError: true }
    const { scan, rows, plan } = scanner(
      [field('a', TypeCode.INT), field('r', TypeCode.ROW, { children: [field('x', TypeCode.INT, { nullable: false }), field('y', TypeCode.INT)] })],
      options,
    )
    scan('{"a":"no","r":{"x":1,"y":true}}\n{"a":1,"r":{"x":"no","y":2}}\n{"a":1,"r":{"y":2}}\n')
    expect(rows(3).map((row) => JSON.stringify(row))).toEqual(['{"a":null,"r":{"x":1,"y":null}}', '{"a":1,"r":null}', '{"a":1,"r":null}'])
    expect(plan.counters.nulledValues).toBe(4)
    expect(scan('{"a":}\n')).toMatchObject({ status: ScanStatus.BAD_RECORD, reason: BadReason.SYNTAX })
  })

  test('refuses schemas that JSON cannot fill', () => {
    const slab = new Slab(1 << 22)
    expect(() => new JsonScanPlan(slab, [field('a', TypeCode.OBJECT)], strict)).toThrow(PlanError)
    expect(() => new JsonScanPlan(slab, [field('a', TypeCode.INT), field('a', TypeCode.INT)], strict)).toThrow('a field name stands twice')
    expect(() => new JsonScanPlan(slab, [field('m', TypeCode.MAP, { children: [field('key', TypeCode.INT), field('value', TypeCode.INT)] })], strict)).toThrow(
      'strings',
    )
  })
})

describe('scanJson in Flink mode', () => {
  const flink: JsonScanOptions = { conversion: 'flink' }

  test('converts as a real Flink answered', () => {
    const { scan, rows } = scanner(
      [
        field('i', TypeCode.INT),
        field('s', TypeCode.VARCHAR),
        field('b', TypeCode.BOOLEAN),
        field('d', TypeCode.DOUBLE),
        field('dc', TypeCode.DECIMAL, { precision: 5, scale: 2 }),
        field('arr', TypeCode.ARRAY, { children: [field('element', TypeCode.INT)] }),
        field('m', TypeCode.MAP, { children: [field('key', TypeCode.VARCHAR, { nullable: false }), field('value', TypeCode.INT)] }),
        field('r', TypeCode.ROW, { children: [field('a', TypeCode.INT), field('b', TypeCode.VARCHAR)] }),
      ],
      flink,
    )
    const lines = [
      '{"i":1,"s":"x","b":true,"d":1.5,"dc":1.005,"arr":[1,null,3],"m":{"k":1,"l":null},"r":{"a":1,"b":"y"}}',
      '{"i":"2","s":12,"b":"true","d":"2.5","dc":"2.345","arr":[],"m":{},"r":{}}',
      '{"i":5,"extra":{"x":[1]},"s":{"o":1},"b":false,"d":1e3,"dc":12345,"arr":["4"],"m":{"k":"5"},"r":{"b":"only","z":1,"a":7}}',
      '{"i":-0,"s":[1,"a"],"d":7,"b":"FALSE","dc":-0.005,"r":{"a":null}}',
      '{"s":true,"i":1,"i":6,"d":-1.0E-5}',
      '{"s":1.50,"I":9,"S":"upper"}',
    ]
    expect(scan(`${lines.join('\n')}\n`)).toMatchObject({ rows: 6, status: ScanStatus.DONE })
    const plain = rows(6).map((row) => JSON.parse(JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))) as unknown)
    expect(plain).toEqual([
      {
        i: 1,
        s: 'x',
        b: true,
        d: 1.5,
        dc: '101',
        arr: [1, null, 3],
        m: [
          ['k', 1],
          ['l', null],
        ],
        r: { a: 1, b: 'y' },
      },
      { i: 2, s: '12', b: true, d: 2.5, dc: '235', arr: [], m: [], r: { a: null, b: null } },
      { i: 5, s: '{"o":1}', b: false, d: 1000, dc: null, arr: [4], m: [['k', 5]], r: { a: 7, b: 'only' } },
      { i: 0, s: '[1,"a"]', b: false, d: 7, dc: '-1', arr: null, m: null, r: { a: null, b: null } },
      { i: 6, s: 'true', b: null, d: -1e-5, dc: null, arr: null, m: null, r: null },
      { i: null, s: '1.50', b: null, d: null, dc: null, arr: null, m: null, r: null },
    ])
  })

  test('reads timestamps in the form of SQL as a real Flink answered, parse errors ignored', () => {
    const { scan, rows } = scanner(
      [
        field('ts', TypeCode.TIMESTAMP, { precision: 3 }),
        field('d', TypeCode.DATE),
        field('t', TypeCode.TIME, { precision: 0 }),
        field('z', TypeCode.TIMESTAMP_LTZ, { precision: 3 }),
      ],
      { conversion: 'flink', nullOnError: true },
    )
    const lines = [
      '{"ts":"2024-02-29 12:34:56.7","d":"2024-02-29","t":"12:34:56.789","z":"2024-02-29 12:34:56.789Z"}',
      '{"ts":"2024-02-29T12:34:56","d":"2024-2-9","t":"12:34","z":"2024-02-29T12:34:56Z"}',
      '{"ts":"2023-02-29 00:00:00","d":"2023-02-29","t":"24:00:00","z":"2024-02-29 12:34:56"}',
      '{"ts":"2024-02-29 12:34:56.123456","d":"0000-01-01","t":"12:34:56Z","z":"2024-02-29 12:34:56+01:00"}',
    ]
    scan(`${lines.join('\n')}\n`)
    const day = Date.UTC(2024, 1, 29)
    expect(rows(4)).toEqual([
      { ts: BigInt(day + 45_296_700), d: day / 86_400_000, t: 45_296_789, z: BigInt(day + 45_296_789) },
      { ts: null, d: null, t: null, z: null },
      { ts: BigInt(Date.UTC(2023, 1, 28)), d: null, t: 0, z: null },
      { ts: BigInt(day + 45_296_123), d: -719_528, t: null, z: null },
    ])
  })

  test('rounds a float once, also where its nearest double lies in the middle of two floats, as a real Flink did', () => {
    const { scan, rows } = scanner([field('v', TypeCode.FLOAT)], { conversion: 'flink' })
    const floats: [text: string, value: number][] = [
      ['1.00000017881393432617187499', 1.0000001192092896],
      ['"1.00000017881393432617187499"', 1.0000001192092896],
      ['1.000000178813934326171875', 1.000000238418579],
      ['-1.00000017881393432617187501', -1.000000238418579],
      ['9007199791611905', 9007200328482816],
      ['3.40282356779733661637539395458142568447e38', 3.4028234663852886e38],
      ['3.40282356779733661637539395458142568448e38', Infinity],
      ['7.0064923216240854e-46', 1.401298464324817e-45],
      ['7.0064923216240853e-46', 0],
    ]
    scan(floats.map(([text]) => `{"v":${text}}\n`).join(''))
    expect(rows(floats.length)).toEqual(floats.map(([, v]) => ({ v })))
  })

  test('reads half of a surrogate pair as a question mark, as a real Flink did', () => {
    const { scan, rows } = scanner([field('v', TypeCode.VARCHAR)], { conversion: 'flink' })
    const texts = ['\\ud83d', '\\ude00x', '\\ud83d\\ud83d\\ude00', 'a\\ud83d\\n']
    expect(scan(texts.map((text) => `{"v":"${text}","z":"${text}"}\n`).join(''))).toMatchObject({ rows: 4, status: ScanStatus.DONE })
    expect(rows(4)).toEqual(['?', '?x', '?\u{1f600}', 'a?\n'].map((v) => ({ v })))
    expect(scan('{"v":"\\ud83d\\u12"}\n')).toMatchObject({ reason: BadReason.INVALID_ESCAPE })
  })

  test('reads base64 as a real Flink answered: blanks between groups of four, and groups behind a padded one', () => {
    const { scan, rows } = scanner([field('v', TypeCode.VARBINARY)], { conversion: 'flink', nullOnError: true })
    const texts = ['QUI=', 'QQ==QUI=QUJD', 'QQ== ', '\\n QUJD\\tQQ==\\n', 'QQ==Q', 'QQ= =', 'Q Q==', 'Q===', '====', '=QQ=', 'QQ=Q']
    scan(texts.map((text) => `{"v":"${text}"}\n`).join(''))
    const read = rows(texts.length).map((row) => (row as { v: Uint8Array | string | null }).v)
    expect(read).toEqual(['4142', '414142414243', '41', '41424341', ...Array.from({ length: 7 }, () => null)])
  })

  test('reads an array as several records and leaves text behind an object alone', () => {
    const { scan, rows } = scanner(ab, flink)
    expect(scan('[{"a":1},{"a":2}]\n[]\n{"a":3} trailing\n[{"a":4},{"a":"x"}]\n')).toMatchObject({
      rows: 3,
      status: ScanStatus.BAD_RECORD,
      reason: BadReason.INVALID_VALUE,
    })
    expect(rows(3)).toEqual([1, 2, 3].map((a) => ({ a, b: null })))
  })

  test('keeps an array of records together when rows run out', () => {
    const { scan } = scanner(ab, flink)
    expect(scan('{"a":1}\n[{"a":1},{"a":2}]\n', 0, 2)).toMatchObject({ rows: 1, status: ScanStatus.ROWS_FULL, consumed: 8 })
  })
})
