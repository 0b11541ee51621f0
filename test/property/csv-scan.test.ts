import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Slab } from '../../src/base/slab.ts'
import { TypeCode } from '../../src/kernels/column-layout.ts'
import { CsvScanPlan, type CsvScanOptions } from '../../src/kernels/csv-scan.ts'
import { ScanStatus } from '../../src/kernels/json-scan-layout.ts'
import type { ScanField } from '../../src/kernels/json-scan.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { countByteInBytes } from '../../src/kernels/lines.ts'
import { scanCsvTwin } from '../../src/kernels/twin/csv-scan.ts'
import { TestColumns } from '../fixtures/kernel-columns.ts'
import { Dice, damage, randomLayout, randomScalar, randomValue } from '../fixtures/random-json.ts'

const module = compileKernels()
const plain = randomLayout(new Dice(0))

interface Case {
  readonly fields: (ScanField | null)[]
  readonly options: CsvScanOptions
  readonly text: Buffer
}

function randomFields(dice: Dice): (ScanField | null)[] {
  return Array.from({ length: 1 + dice.below(6) }, (_, index) => {
    if (dice.chance(6)) return null
    const field: ScanField = { name: `c${index}`, ...randomScalar(dice), nullable: !dice.chance(3) }
    return dice.chance(8)
      ? { name: field.name, type: TypeCode.ARRAY, nullable: field.nullable, children: [{ ...field, name: 'element', nullable: !dice.chance(3) }] }
      : field
  })
}

/** The text of one value, as JSON would have it but without quotes. */
function valueText(dice: Dice, field: ScanField | null, options: CsvScanOptions, wild: boolean): string | null {
  if (field === null) return dice.pick(['', 'skipped', '12', 'ünïcödé', 'with,delimiter', 'with "quote"', 'two\nlines'])
  if (field.nullable && options.nullLiteral !== null && dice.chance(6)) return null
  if (field.type === TypeCode.ARRAY) {
    const parts = Array.from({ length: dice.below(4) }, () => valueText(dice, field.children![0], options, wild) ?? options.nullLiteral ?? '')
    return parts.join(options.arrayElementDelimiter ?? ';')
  }
  const json = randomValue(dice, { ...field, nullable: false }, plain, wild)
  return json.startsWith('"') ? (JSON.parse(json) as string) : json
}

function fieldText(dice: Dice, text: string | null, options: CsvScanOptions, wild: boolean): string {
  if (text === null) return options.nullLiteral ?? ''
  const escape = options.escape ?? ''
  if (wild && escape !== '' && dice.chance(15)) return `${escape}${dice.pick(['n', 'r', 't', '0', 'x', '"'])}${text}${escape}n`
  if (wild && dice.chance(15)) text = dice.pick([` ${text}`, `${text}  `, `\t${text}\t`, ' '])
  const quote = options.quote ?? '"'
  const odd =
    text.includes(options.delimiter ?? ',') ||
    (quote !== '' && text.includes(quote)) ||
    /[\r\n]/.test(text) ||
    text.startsWith('#') ||
    (escape !== '' && text.includes(escape))
  if (!odd && !dice.chance(6)) return text
  if (quote === '' || (wild && dice.chance(40))) return text
  let inner = escape === '' ? text : text.replaceAll(escape, escape + escape)
  inner = inner.replaceAll(quote, escape !== '' && dice.chance(2) ? escape + quote : quote + quote)
  return quote + inner + quote + (wild && dice.chance(10) ? dice.pick([' ', '\t ', ' x', '\r']) : '')
}

function randomCase(seed: number, wild: boolean): Case {
  const dice = new Dice(seed)
  const fields = randomFields(dice)
  const options: CsvScanOptions = {
    conversion: dice.pick(['flink', 'strict']),
    delimiter: dice.pick([',', ',', ',', '|', '\t', ';', ';', '-', ' ', '1']),
    quote: dice.pick(['"', '"', '"', "'", '']),
    escape: dice.pick(['', '', '\\', '"']),
    arrayElementDelimiter: dice.pick(['/', ':']),
    nullLiteral: dice.pick(['', '', '', 'NULL', 'n/a', '\\N', null, null, '0', 'true', '-', '"N"', 'N|A', 'keine Angabe wie immer', 'no, none']),
    timestampFormat: dice.pick(['SQL', 'ISO-8601']),
    allowComments: dice.chance(3),
    nullOnError: dice.chance(3),
  }
  const parts: Buffer[] = []
  const ending = dice.pick(['\n', '\r\n'])
  for (let count = 3 + dice.below(dice.pick([40, 40, 40, 400])); count > 0; count--) {
    const record = fields.map((field) => fieldText(dice, valueText(dice, field, options, wild), options, wild)).join(options.delimiter)
    let line: Buffer = Buffer.from(record)
    if (wild && dice.chance(30))
      line = Buffer.from(
        dice.pick([
          '',
          '# comment',
          `${record}${options.delimiter}`,
          `${record}${options.delimiter} `,
          `${record} `,
          `${record}${options.delimiter}${options.quote}${options.quote}\t`,
          `${record}${options.delimiter}${options.quote}`,
          `${record}${options.delimiter}more`,
          'one',
          `${options.quote}open`,
          `${record}${options.quote}`,
          ' ',
          '\r',
          '\\',
        ]),
      )
    if (wild && dice.chance(15)) line = damage(dice, line)
    parts.push(line, Buffer.from(ending))
  }
  return { fields, options, text: Buffer.concat(parts) }
}

function scanned(dice: Dice, { fields, options, text }: Case): unknown[] {
  const slab = new Slab(1 << 28)
  const kernels = instantiateKernels(module, slab)
  const plan = new CsvScanPlan(slab, fields, options)
  const wanted = fields.filter((field) => field !== null)
  const input = slab.allocate(text.length + 128)
  slab.u8.fill(0x22, input, input + text.length + 128)
  slab.u8.set(text, input)
  const out: unknown[] = []
  let at = 0
  let end = 0
  // CHAR is padded: what a batch holds may be longer than the text.
  let dataBytes = Math.max(4096, text.length)
  while (at < text.length) {
    const columns = new TestColumns(slab, wanted, 1 + dice.below(dice.pick([30, 30, 500])), dataBytes)
    plan.setColumns(columns.descriptors)
    let row = 0
    const bad: [number, unknown][] = []
    for (let full = false; !full;) {
      end = Math.max(end, Math.min(text.length, at + 1 + dice.below(dice.pick([20, 400, 5000]))))
      const result = plan.scan(
        kernels,
        input + at,
        input + end,
        row,
        Math.min(columns.rowCapacity - row, 1 + dice.below(dice.pick([20, 500]))),
        end === text.length,
      )
      row += result.rows
      expect(result.lines).toBe(countByteInBytes(text, at, at + result.consumed, 10))
      at += result.consumed
      if (result.status === ScanStatus.BAD_RECORD) {
        bad.push([row, { bad: [result.reason, result.field] }])
        expect(result.lineStart).toBe(result.consumed)
        at += result.lineEnd - result.lineStart
      } else if (result.status === ScanStatus.ROWS_FULL) full = row === columns.rowCapacity
      else if (result.status === ScanStatus.DATA_FULL) {
        full = true
        if (row === 0) dataBytes *= 2
      }
      if (at === text.length) break
      if (result.status === ScanStatus.DONE || result.status === ScanStatus.NEED_MORE) end = Math.min(text.length, end + 1 + dice.below(300))
    }
    columns.checkCanaries()
    columns.checkNullCounts(row)
    let next = 0
    for (let index = 0; index <= row; index++) {
      while (next < bad.length && bad[next][0] === index) out.push(bad[next++][1])
      if (index < row) out.push(columns.row(index))
    }
  }
  return out
}

/** What the kernel and the twin disagree about, '' if nothing. */
function disagreement(seed: number, wild: boolean): string {
  const given = randomCase(seed, wild)
  const expected = scanCsvTwin(given.fields, given.options, given.text)
  const actual = scanned(new Dice(seed + 1), given)
  for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
    if (show(actual[index]) === show(expected[index])) continue
    return `got      ${show(actual[index])}\nexpected ${show(expected[index])}\nseed ${seed}, outcome ${index} of ${expected.length}, ${JSON.stringify(given.options)}\n${JSON.stringify(given.fields)}\n${given.text.toString().slice(0, 4000)}`
  }
  return ''
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (Array.isArray(value)) return `[${value.map(show).join(',')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([name, part]) => `${name}:${show(part)}`)
      .sort()
      .join(',')}}`
  return Object.is(value, -0) ? '-0' : typeof value === 'string' ? JSON.stringify(value) : String(value)
}

describe('scanCsv', () => {
  test('reads well-formed records as its twin does', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(disagreement(seed, false)).toBe('')
      }),
      { numRuns: 200, endOnFailure: true },
    )
  })

  test('reads odd, damaged and wrongly typed records as its twin does: the same rows, the same bad records, the same reasons', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(disagreement(seed, true)).toBe('')
      }),
      { numRuns: 300, endOnFailure: true },
    )
  })
})
