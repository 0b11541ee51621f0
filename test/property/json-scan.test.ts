import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Slab } from '../../src/base/slab.ts'
import { ScanStatus } from '../../src/kernels/json-scan-layout.ts'
import { JsonScanPlan, type JsonScanOptions, type ScanField } from '../../src/kernels/json-scan.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { countByteInBytes } from '../../src/kernels/lines.ts'
import { scanJsonLineTwin } from '../../src/kernels/twin/json-scan.ts'
import { TestColumns } from '../fixtures/kernel-columns.ts'
import { Dice, damage, randomLayout, randomObject, randomSchema } from '../fixtures/random-json.ts'

const module = compileKernels()

/** What a whole input gave, a line each: rows, or the reason and the field. */
type Outcome = readonly unknown[]

/** @returns The outcomes, and how many rows the record with most of them has. */
function expectedOutcomes(fields: readonly ScanField[], options: JsonScanOptions, lines: readonly Buffer[]): { outcomes: Outcome; mostRows: number } {
  const outcomes: unknown[] = []
  let mostRows = 1
  for (const line of lines) {
    const outcome = scanJsonLineTwin(fields, options, line)
    if ('rows' in outcome) {
      outcomes.push(...outcome.rows)
      mostRows = Math.max(mostRows, outcome.rows.length)
    } else outcomes.push([outcome.reason, outcome.field])
  }
  return { outcomes, mostRows }
}

/** Scans the text in random blocks into batches of random sizes, of `mostRows` at least, leaving bad records out. */
function scannedOutcomes(dice: Dice, fields: readonly ScanField[], options: JsonScanOptions, text: Buffer, mostRows: number): Outcome {
  const slab = new Slab(1 << 28)
  const kernels = instantiateKernels(module, slab)
  const plan = new JsonScanPlan(slab, fields, options)
  // A copy behind each block of what would follow, so that a scanner that runs past its end is found out.
  const input = slab.allocate(text.length + 128)
  slab.u8.fill(0x22, input, input + text.length + 128)
  slab.u8.set(text, input)
  const out: unknown[] = []
  let at = 0
  let end = 0
  // CHAR is padded: what a batch holds may be longer than the text.
  let dataBytes = Math.max(4096, text.length)
  while (at < text.length) {
    const columns = new TestColumns(slab, fields, Math.max(mostRows, 1 + dice.below(30)), dataBytes)
    plan.setColumns(columns.descriptors)
    let row = 0
    let full = false
    const bad: [number, unknown][] = []
    while (!full) {
      end = Math.max(end, Math.min(text.length, at + 1 + dice.below(dice.pick([20, 400, 5000]))))
      const maxRows = Math.min(columns.rowCapacity - row, 1 + dice.below(20))
      const result = plan.scan(kernels, input + at, input + end, row, maxRows)
      expect(result.rows).toBeLessThanOrEqual(maxRows)
      row += result.rows
      expect(result.lines).toBe(countByteInBytes(text, at, at + result.consumed, 10))
      at += result.consumed
      if (result.status === ScanStatus.BAD_RECORD) {
        bad.push([row, [result.reason, result.field]])
        expect(result.lineStart).toBe(result.consumed)
        expect(text[at + result.lineEnd - result.lineStart - 1]).toBe(10)
        at += result.lineEnd - result.lineStart
      } else if (result.status === ScanStatus.ROWS_FULL) {
        // An array of records may need more rows than the batch has left.
        full = row === columns.rowCapacity || result.rows === 0
        if (result.rows === 0 && row === 0 && maxRows === columns.rowCapacity) throw new Error('a record with more rows than a batch')
      } else if (result.status === ScanStatus.DATA_FULL) {
        full = true
        if (row === 0) dataBytes *= 2
      } else if (result.status === ScanStatus.DONE) expect(text.subarray(at, end).includes(10)).toBe(false)
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

function oddLines(object: string): string[] {
  return [
    '',
    '  ',
    'null',
    '12',
    '"x"',
    '[]',
    '[1]',
    `[${object},${object}]`,
    `${object}${object}`,
    `${object} x`,
    `${object},`,
    '{',
    '{"',
    '[{]',
    '{}',
    '{ }',
    `\ufeff${object}`,
  ]
}

function randomCase(seed: number, wild: boolean): { fields: ScanField[]; options: JsonScanOptions; lines: Buffer[] } {
  const dice = new Dice(seed)
  const fields = randomSchema(dice)
  const options: JsonScanOptions = {
    conversion: dice.pick(['flink', 'strict']),
    failOnMissingField: dice.chance(8),
    rejectUnknownFields: dice.chance(8),
    nullOnError: dice.chance(4),
    timestampFormat: dice.pick(['SQL', 'SQL', 'ISO-8601']),
  }
  const layouts = Array.from({ length: 1 + dice.below(12) }, () => randomLayout(dice))
  const lines: Buffer[] = []
  let layout = layouts[0]
  for (let count = 5 + dice.below(60); count > 0; count--) {
    if (dice.chance(3)) layout = dice.pick(layouts)
    const object = randomObject(dice, fields, layout, wild)
    let line: Buffer = Buffer.from(object)
    if (wild && dice.chance(40)) line = Buffer.from(dice.pick(oddLines(object)))
    if (wild && dice.chance(10)) line = damage(dice, line)
    if (dice.chance(20)) line = Buffer.concat([line, Buffer.from('\r')])
    lines.push(line)
  }
  return { fields, options, lines }
}

/** What the kernel and the twin disagree about, '' if nothing. */
function disagreement(seed: number, wild: boolean): string {
  const { fields, options, lines } = randomCase(seed, wild)
  const text = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))
  const { outcomes: expected, mostRows } = expectedOutcomes(fields, options, lines)
  const actual = scannedOutcomes(new Dice(seed + 1), fields, options, text, mostRows)
  for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
    if (show(actual[index]) === show(expected[index])) continue
    const story = `seed ${seed}, outcome ${index} of ${expected.length}, ${JSON.stringify(options)}\n${JSON.stringify(fields)}\n${lines.join('\n').slice(0, 4000)}`
    return `got      ${show(actual[index])}\nexpected ${show(expected[index])}\n${story}`
  }
  return ''
}

/** A value as text that tells 1 from 1n and 0 from -0. */
function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (Array.isArray(value)) return `[${value.map(show).join(',')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([name, part]) => `${JSON.stringify(name)}:${show(part)}`)
      .sort()
      .join(',')}}`
  return Object.is(value, -0) ? '-0' : typeof value === 'string' ? JSON.stringify(value) : String(value)
}

describe('scanJson', () => {
  test('reads well-formed lines of any layout as its twin does', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(disagreement(seed, false)).toBe('')
      }),
      { numRuns: 150, endOnFailure: true },
    )
  })

  test('reads odd, damaged and wrongly typed lines as its twin does: the same rows, the same bad records, the same reasons', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(disagreement(seed, true)).toBe('')
      }),
      { numRuns: 250, endOnFailure: true },
    )
  })
})
