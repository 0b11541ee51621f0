import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as columnLayout from '../../../src/kernels/column-layout.ts'
import * as csvScanLayout from '../../../src/kernels/csv-scan-layout.ts'
import * as jsonFormatLayout from '../../../src/kernels/json-format-layout.ts'
import * as jsonScanLayout from '../../../src/kernels/json-scan-layout.ts'

/** The `export const NAME: type = number` lines of an AssemblyScript file. */
function constantsOf(file: string): Map<string, { readonly type: string; readonly value: number }> {
  const text = readFileSync(new URL(`../../../src/kernels/assembly/${file}`, import.meta.url), 'utf8')
  return new Map(
    [...text.matchAll(/^export const ([A-Z0-9_]+): (\w+) = (0x[0-9a-f]+|\d+)$/gm)].map((match) => [match[1], { type: match[2], value: Number(match[3]) }]),
  )
}

/** Names of a layout whose mirror differs. Words are u32 indexes in TypeScript and byte offsets (usize) in the kernels; all else is equal. */
function differences(layout: Record<string, unknown>, file: string, words: RegExp): string[] {
  const kernel = constantsOf(file)
  return Object.entries(layout).flatMap(([name, value]) => {
    const mirrored = kernel.get(name)
    if (typeof value !== 'number' || mirrored === undefined) return []
    const isWord = mirrored.type === 'usize' && words.test(name)
    return mirrored.value === (isWord ? value * 4 : value) ? [] : [name]
  })
}

describe('the layouts of the text kernels', () => {
  test('are the same on both sides', () => {
    expect(differences(jsonScanLayout, 'json-scan-plan.ts', /^(PLAN|RESULT|NODE)_(?!BYTES$)/)).toEqual([])
    expect(differences(jsonFormatLayout, 'json-format-plan.ts', /^(FORMAT|WRITE)_(?!(NODE_|HEADER_)?BYTES$)/)).toEqual([])
    expect(differences(csvScanLayout, 'csv-scan-plan.ts', /^(CSV|ENTRY)_(?!BYTES$)/)).toEqual([])
    // A name that stands on one side only would go unnoticed above.
    expect([...constantsOf('json-scan-plan.ts').keys()].filter((name) => /^(PLAN|RESULT|NODE|JSON)_/.test(name) && !(name in jsonScanLayout))).toEqual([])
  })

  test('name the same statuses and reasons', () => {
    const kernel = constantsOf('json-scan-plan.ts')
    for (const [name, value] of Object.entries(jsonScanLayout.ScanStatus)) expect(`${name} ${kernel.get(`STATUS_${name}`)?.value}`).toBe(`${name} ${value}`)
    for (const [name, value] of Object.entries(jsonScanLayout.BadReason)) expect(`${name} ${kernel.get(`BAD_${name}`)?.value}`).toBe(`${name} ${value}`)
    const csv = constantsOf('csv-scan-plan.ts')
    const format = constantsOf('json-format-plan.ts')
    for (const [name, value] of Object.entries(jsonFormatLayout.CsvRefusal)) expect(`${name} ${format.get(`REFUSAL_${name}`)?.value}`).toBe(`${name} ${value}`)
    for (const [name, value] of Object.entries(csvScanLayout.CsvRead)) expect(`${name} ${csv.get(`CSV_${name}`)?.value}`).toBe(`${name} ${value}`)
  })

  test('describe columns as column-layout.ts does', () => {
    const kernel = constantsOf('column.ts')
    for (const [name, value] of Object.entries(columnLayout.PhysicalKind)) expect(`${name} ${kernel.get(`KIND_${name}`)?.value}`).toBe(`${name} ${value}`)
    for (const [name, value] of Object.entries(columnLayout.TypeCode)) expect(`${name} ${kernel.get(`TYPE_${name}`)?.value}`).toBe(`${name} ${value}`)
    expect(kernel.get('DESCRIPTOR_BYTES')?.value).toBe(columnLayout.DESCRIPTOR_BYTES)
    expect(kernel.get('COLUMN_DICTIONARY')?.value).toBe(columnLayout.COLUMN_DICTIONARY)
    expect(kernel.get('BUFFER_SLACK_BYTES')?.value).toBe(columnLayout.BUFFER_SLACK_BYTES)
  })

  test('hold the powers of ten that BigInt gives', () => {
    const text = readFileSync(new URL('../../../src/kernels/assembly/numbers-powers.ts', import.meta.url), 'utf8')
    const words = [...text.slice(text.indexOf('[')).matchAll(/0x[0-9a-f]+/g)].map((match) => BigInt(match[0]))
    expect(words).toHaveLength((324 + 342 + 1) * 2)
    for (let exponent = -342; exponent <= 324; exponent++) {
      const five = 5n ** BigInt(Math.abs(exponent))
      const bits = BigInt(five.toString(2).length)
      let power = exponent >= 0 ? (five << 128n) >> bits : (1n << (bits + 128n)) / five
      while (power >= 1n << 128n) power >>= 1n
      expect((words[(exponent + 342) * 2] << 64n) | words[(exponent + 342) * 2 + 1]).toBe(power)
    }
  })
})
