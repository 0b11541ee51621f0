import { describe, expect, test } from 'vitest'
import { Slab } from '../../../src/base/slab.ts'
import {
  COLUMN_DICTIONARY,
  DESCRIPTOR_DICTIONARY,
  DESCRIPTOR_FLAGS,
  DESCRIPTOR_KIND,
  DESCRIPTOR_VALUES,
  PhysicalKind,
  TypeCode,
} from '../../../src/kernels/column-layout.ts'
import { JsonFormatPlan, type JsonFormatOptions } from '../../../src/kernels/json-format.ts'
import { JsonScanPlan, type ScanField } from '../../../src/kernels/json-scan.ts'
import { compileKernels, instantiateKernels } from '../../../src/kernels/kernels.ts'
import { TestColumns } from '../../fixtures/kernel-columns.ts'

const module = compileKernels()
const field = (name: string, type: number, more: Partial<ScanField> = {}): ScanField => ({ name, type, nullable: true, ...more })

function filled(fields: readonly ScanField[], lines: readonly string[]) {
  const slab = new Slab(1 << 24)
  const kernels = instantiateKernels(module, slab)
  const columns = new TestColumns(slab, fields, Math.max(1, lines.length), 4096)
  const scan = new JsonScanPlan(slab, fields, { conversion: 'strict' })
  scan.setColumns(columns.descriptors)
  const bytes = Buffer.from(`${lines.join('\n')}\n`)
  const input = slab.allocate(bytes.length + 64)
  slab.u8.set(bytes, input)
  expect(scan.scan(kernels, input, input + bytes.length, 0, lines.length).rows).toBe(lines.length)
  return { slab, kernels, columns }
}

function rewritten(fields: readonly ScanField[], lines: readonly string[], options: JsonFormatOptions = {}): string[] {
  const { slab, kernels, columns } = filled(fields, lines)
  const plan = new JsonFormatPlan(slab, fields, options)
  plan.setColumns(columns.descriptors)
  const out = slab.allocate(16_384)
  const { bytes } = plan.format(kernels, 0, 0, lines.length, out, out + 16_000)
  return Buffer.from(slab.u8.slice(out, out + bytes))
    .toString()
    .trimEnd()
    .split('\n')
}

describe('formatJson', () => {
  test('writes nested rows, arrays, maps and NULLs as they were read', () => {
    const fields = [
      field('i', TypeCode.INT),
      field('r', TypeCode.ROW, { children: [field('x', TypeCode.BIGINT), field('deep', TypeCode.ROW, { children: [field('s', TypeCode.VARCHAR)] })] }),
      field('a', TypeCode.ARRAY, { children: [field('element', TypeCode.ROW, { children: [field('p', TypeCode.INT), field('q', TypeCode.VARCHAR)] })] }),
      field('m', TypeCode.MAP, { children: [field('key', TypeCode.VARCHAR, { nullable: false }), field('value', TypeCode.DOUBLE)] }),
      field('e', TypeCode.ROW, { children: [] }),
      field('b', TypeCode.BOOLEAN),
    ]
    const lines = [
      '{"i":1,"r":{"x":-9223372036854775808,"deep":{"s":"a\\"\\\\\\n\\u0001é😀"}},"a":[{"p":1,"q":null},null,{"p":null,"q":""}],"m":{"k":0.1,"l":null},"e":{},"b":true}',
      '{"i":null,"r":{"x":null,"deep":null},"a":[],"m":{},"e":null,"b":false}',
      '{"i":-2147483648,"r":null,"a":null,"m":null,"e":{},"b":null}',
    ]
    expect(rewritten(fields, lines)).toEqual(lines)
  })

  test('writes integers of every length and both signs', () => {
    const borders = Array.from({ length: 19 }, (_, digits) => 10n ** BigInt(digits)).flatMap((power) => [power - 1n, power, power + 1n, power * 9n - 1n])
    const values = borders.filter((value) => value < 2n ** 63n).flatMap((value) => [value, -value])
    const lines = values.map((value) => `{"l":${value},"i":${BigInt.asIntN(32, value)}}`)
    expect(rewritten([field('l', TypeCode.BIGINT), field('i', TypeCode.INT)], lines)).toEqual(lines)
  })

  test('writes times in the form of SQL or ISO-8601, with all digits or without trailing zeros', () => {
    const fields = [
      field('t', TypeCode.TIMESTAMP, { precision: 3 }),
      field('z', TypeCode.TIMESTAMP_LTZ, { precision: 9 }),
      field('d', TypeCode.DATE),
      field('c', TypeCode.TIME, { precision: 2 }),
    ]
    const lines = [
      '{"t":"2026-01-01 00:00:00.280","z":"1969-12-31 23:59:59.000000001Z","d":"2024-02-29","c":"23:59:59.50"}',
      '{"t":"-0044-03-15 12:00:00.000","z":"+12345-01-01 00:00:00.000000000Z","d":"0000-01-01","c":"00:00:00.00"}',
    ]
    expect(rewritten(fields, lines)).toEqual(lines)
    expect(rewritten(fields, lines, { timestampFormat: 'ISO-8601', fraction: 'trimmed' })).toEqual([
      '{"t":"2026-01-01T00:00:00.28","z":"1969-12-31T23:59:59.000000001Z","d":"2024-02-29","c":"23:59:59.5"}',
      '{"t":"-0044-03-15T12:00:00","z":"+12345-01-01T00:00:00Z","d":"0000-01-01","c":"00:00:00"}',
    ])
  })

  test('writes decimals with their scale and bytes as base64', () => {
    const fields = [
      field('d', TypeCode.DECIMAL, { precision: 38, scale: 10 }),
      field('e', TypeCode.DECIMAL, { precision: 5, scale: 2 }),
      field('b', TypeCode.VARBINARY),
    ]
    const lines = [
      '{"d":-1234567890123456789012345678.0123456789,"e":-0.05,"b":"AQID"}',
      '{"d":0.0000000001,"e":999.90,"b":""}',
      '{"d":10000000000000000000.0000000000,"e":0.00,"b":"/w=="}',
    ]
    expect(rewritten(fields, lines)).toEqual(lines)
  })

  test('goes on where the buffer was full, and says when not even one row fits', () => {
    const fields = [field('s', TypeCode.VARCHAR)]
    const lines = Array.from({ length: 20 }, (_, row) => `{"s":"${'x'.repeat(row * 10)}"}`)
    const { slab, kernels, columns } = filled(fields, lines)
    const plan = new JsonFormatPlan(slab, fields)
    plan.setColumns(columns.descriptors)
    const out = slab.allocate(8192)
    const parts: string[] = []
    let calls = 0
    for (let next = 0; next < 20; calls++) {
      const result = plan.format(kernels, 0, next, 20, out, out + plan.bufferBytesMin + 300)
      expect(result.nextRow).toBeGreaterThan(next)
      parts.push(Buffer.from(slab.u8.slice(out, out + result.bytes)).toString())
      next = result.nextRow
    }
    expect(calls).toBeGreaterThan(2)
    expect(parts.join('')).toBe(`${lines.join('\n')}\n`)
    expect(plan.format(kernels, 0, 19, 20, out, out + 100)).toMatchObject({ bytes: 0, nextRow: 19 })
  })

  test('looks dictionary codes up', () => {
    const fields = [field('s', TypeCode.VARCHAR, { nullable: false })]
    const { slab, kernels, columns } = filled(fields, ['{"s":"red"}', '{"s":"green"}'])
    const codes = slab.allocate(64)
    slab.u32.set([1, 0, 1], codes / 4)
    const column = slab.allocateZeroed(64)
    slab.u32[column / 4 + DESCRIPTOR_KIND] = PhysicalKind.BYTES
    slab.u32[column / 4 + DESCRIPTOR_FLAGS] = COLUMN_DICTIONARY
    slab.u32[column / 4 + DESCRIPTOR_VALUES] = codes
    slab.u32[column / 4 + DESCRIPTOR_DICTIONARY] = columns.descriptors[0]!
    const plan = new JsonFormatPlan(slab, fields)
    plan.setColumns([column])
    const out = slab.allocate(4096)
    const { bytes } = plan.format(kernels, 0, 0, 3, out, out + 4000)
    expect(Buffer.from(slab.u8.slice(out, out + bytes)).toString()).toBe('{"s":"green"}\n{"s":"red"}\n{"s":"green"}\n')
  })
})
