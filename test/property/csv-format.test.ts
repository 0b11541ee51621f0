import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Slab } from '../../src/base/slab.ts'
import { TypeCode } from '../../src/kernels/column-layout.ts'
import { CsvFormatPlan, type CsvFormatOptions } from '../../src/kernels/csv-format.ts'
import { CsvScanPlan } from '../../src/kernels/csv-scan.ts'
import { ScanStatus } from '../../src/kernels/json-scan-layout.ts'
import { JsonScanPlan, type ScanField } from '../../src/kernels/json-scan.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { formatCsvTwin, refusedByCsvTwin } from '../../src/kernels/twin/csv-format.ts'
import { TestColumns } from '../fixtures/kernel-columns.ts'
import { Dice, randomLayout, randomObject, randomScalar } from '../fixtures/random-json.ts'

const module = compileKernels()

describe('formatCsv', () => {
  test('writes rows as its twin does, and scanCsv reads texts back', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const dice = new Dice(seed)
        const slab = new Slab(1 << 28)
        const kernels = instantiateKernels(module, slab)
        const fields: ScanField[] = Array.from({ length: 1 + dice.below(6) }, (_, index) => {
          const field: ScanField = { name: `c${index}`, ...randomScalar(dice), nullable: !dice.chance(3) }
          return dice.chance(6) ? { name: field.name, type: TypeCode.ARRAY, nullable: field.nullable, children: [{ ...field, name: 'element' }] } : field
        })
        const options: CsvFormatOptions = {
          delimiter: dice.pick([',', ',', '|', '\t', ' ', '-']),
          quote: dice.pick(['"', '"', "'", '']),
          escape: dice.pick(['', '', '\\', '"']),
          arrayElementDelimiter: dice.pick([';', ';', ',', '"', 'e']),
          nullLiteral: dice.pick(['', 'NULL', 'n/a', '0', '#', 'a;b']),
          quoteAll: dice.chance(5),
          timestampFormat: dice.pick(['SQL', 'ISO-8601']),
          fraction: dice.pick(['precision', 'trimmed']),
          ...(!dice.chance(3) && {
            reading: {
              conversion: dice.pick(['strict', 'strict', 'flink']),
              hasNull: !dice.chance(4),
              allowComments: dice.chance(2),
              header: dice.chance(2),
              lineFeedsInQuotes: dice.chance(2),
            },
          }),
        }
        const layout = randomLayout(dice)
        const json = Buffer.from(Array.from({ length: 30 }, () => `${randomObject(dice, fields, layout, true)}\n`).join(''))
        const columns = new TestColumns(slab, fields, 40, Math.max(4096, json.length))
        const filler = new JsonScanPlan(slab, fields, { conversion: 'flink', nullOnError: true })
        filler.setColumns(columns.descriptors)
        const input = slab.allocate(json.length + 64)
        slab.u8.set(json, input)
        let rows = 0
        for (let at = 0; at < json.length;) {
          const result = filler.scan(kernels, input + at, input + json.length, rows, 40 - rows)
          rows += result.rows
          at += result.status === ScanStatus.BAD_RECORD ? result.lineEnd : result.consumed
          if (result.status === ScanStatus.ROWS_FULL || result.status === ScanStatus.DATA_FULL) break
        }
        const plan = new CsvFormatPlan(slab, fields, options)
        plan.setColumns(columns.descriptors)
        const expected = Array.from({ length: rows }, (_, row) => `${formatCsvTwin(fields, options, columns.row(row))}\n`)
        const refused = Array.from({ length: rows }, (_, row) => refusedByCsvTwin(fields, options, columns.row(row)))
        const capacity = plan.bufferBytesMin + dice.below(6000)
        const out = slab.allocate(capacity + 128)
        slab.u8.fill(0x5a, out + capacity + 64, out + capacity + 128)
        let text = ''
        for (let next = 0; next < rows;) {
          const result = plan.format(kernels, 0, next, rows, out, out + capacity)
          text += Buffer.from(slab.u8.slice(out, out + result.bytes)).toString()
          expect(slab.u8.slice(out + capacity + 64, out + capacity + 128)).toEqual(new Uint8Array(64).fill(0x5a))
          if (result.nextRow < rows && plan.refusedField !== undefined)
            expect({ name: plan.refusedField, refusal: plan.refusal }).toEqual(refused[result.nextRow])
          expect(refused.slice(next, result.nextRow).every((refusal) => refusal === undefined)).toBe(true)
          if (result.nextRow === next) text += expected[next++]
          else next = result.nextRow
        }
        expect(text).toBe(expected.join(''))
        if (options.quote !== '' || (options.escape !== '' && options.escape !== options.quote)) readsBack(slab, fields, options, columns, rows, text)
      }),
      { numRuns: 200, endOnFailure: true },
    )

    function readsBack(slab: Slab, fields: readonly ScanField[], options: CsvFormatOptions, columns: TestColumns, rows: number, text: string): void {
      // Texts and integers, with a NULL of its own.
      // The rows came by Flink's conversions, which let any length pass.
      const simple = fields.every(
        (field) => field.length === undefined && [TypeCode.CHAR, TypeCode.VARCHAR, TypeCode.INT, TypeCode.BIGINT].includes(field.type as 4),
      )
      if (!simple || options.nullLiteral === '0' || (options.quote === '' && options.nullLiteral === '')) return
      const kernels = instantiateKernels(module, slab)
      const bytes = Buffer.from(text)
      const input = slab.allocate(bytes.length + 64)
      slab.u8.set(bytes, input)
      const back = new TestColumns(slab, fields, Math.max(1, rows), Math.max(4096, bytes.length))
      const { delimiter, quote, escape, nullLiteral } = options
      const plan = new CsvScanPlan(slab, fields, { conversion: 'strict', delimiter: delimiter!, quote: quote!, escape: escape!, nullLiteral: nullLiteral! })
      plan.setColumns(back.descriptors)
      const result = plan.scan(kernels, input, input + bytes.length, 0, rows, true)
      // Without quotes a text that equals NULL's is lost.
      if (options.quote === '') return
      expect([result.status, result.rows]).toEqual([rows === 0 ? ScanStatus.NEED_MORE : ScanStatus.DONE, rows])
      for (let row = 0; row < rows; row++) expect(back.row(row)).toEqual(columns.row(row))
    }
  })
})
