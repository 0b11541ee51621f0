import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { Column } from '../../src/batch/column.ts'
import { RecordBatch } from '../../src/batch/record-batch.ts'
import { type LogicalType, Schema } from '../../src/batch/types.ts'
import { decodeText, readValue, writeValue } from '../../src/batch/values.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { SLICE_BYTES } from '../../src/kernels/texts.ts'
import { ExpressionBinder } from '../../src/sql/expression-binder.ts'
import { interpret } from '../../src/sql/interpreter.ts'
import { Pattern } from '../../src/sql/patterns/pattern.ts'
import { textProgramOf } from '../../src/sql/patterns/text-program.ts'
import { compileColumns } from '../../src/sql/runtime/column-code.ts'
import { parseExpression } from '../../src/sql/statement-parser.ts'
import { EVALUATION } from '../fixtures/evaluation.ts'
import { randomRows } from './row-arbitrary.ts'

const module = compileKernels()
const encoder = new TextEncoder()
const TEXT: LogicalType = { kind: 'VARCHAR', length: 2_147_483_647, nullable: true }
const SCRATCH_BYTES = 4096

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.integer(from.length)]
}

function randomText(random: Random, letters: readonly string[], most: number): string {
  return Array.from({ length: random.integer(most + 1) }, () => pick(random, letters)).join('')
}

/** A pattern of what the kernel knows. */
function randomPattern(random: Random, depth = 0): string {
  const sub = (): string => randomPattern(random, depth + 1)
  if (depth > 3 || random.integer(3) === 0) return pick(random, ['a', 'b', 'ab', '[ab]', '[^a]', '.', 'aba', '\\b', '\\B', '^', '\\z', 'c', ''])
  return pick(random, [
    () => `${sub()}${sub()}`,
    () => `(${sub()})`,
    () => `(?:${sub()}|${sub()})`,
    () => `(?:${sub()})${pick(random, ['*', '+', '?', '*?', '+?', '??', '{1,2}'])}`,
    () => `${pick(random, ['a', '[ab]', '.', '[^c]'])}${pick(random, ['*', '+', '?', '*?', '+?'])}${sub()}`,
  ])()
}

class Texts {
  readonly slab = new Slab(undefined, undefined, 0, true)
  readonly kernels = instantiateKernels(module, this.slab)
  readonly column: Column
  readonly slices: number
  readonly out: number
  readonly arena: number

  constructor(values: readonly (string | null)[]) {
    this.column = Column.allocate(this.slab, TEXT, values.length + 1)
    for (const [row, value] of values.entries()) writeValue(this.column, row, value)
    this.slices = this.slab.allocate(values.length * SLICE_BYTES + 64)
    this.out = this.slab.allocate(values.length * SLICE_BYTES + 64)
    this.arena = this.slab.allocateZeroed(64)
  }

  bytes(bytes: Uint8Array): number {
    const address = this.slab.allocate(bytes.length + 64)
    this.slab.u8.set(bytes, address)
    return address
  }

  /** Room for so many bytes. */
  fill(bytes: number): void {
    const start = this.slab.allocate(bytes + 64)
    this.slab.u32[this.arena >>> 2] = start
    this.slab.u32[(this.arena >>> 2) + 1] = start + bytes
  }

  get needed(): number {
    return this.slab.u32[(this.arena >>> 2) + 2]
  }

  at(address: number, row: number): string | null {
    const { u8, u32 } = this.slab
    const [start, end] = [u32[(address >>> 2) + row * 2], u32[(address >>> 2) + row * 2 + 1]]
    return start === 0 ? null : decodeText(u8, start, end)
  }
}

describe('text kernels', () => {
  it('are at columns and back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const random = new Random(seed)
        const values = Array.from({ length: random.integer(40) }, () => (random.integer(4) === 0 ? null : randomText(random, ['a', 'é', '😀', 'bcd'], 12)))
        const texts = new Texts(values)
        const { selection, begin, n, rows } = randomRows(random, texts.slab, values.length)
        const { kernels, column, slices } = texts
        kernels.textSlices(column.descriptor, 0, selection, begin, begin + n, slices)
        expect(rows.map((row) => texts.at(slices, row))).toEqual(rows.map((row) => values[row]))
        const bytes = kernels.textBytes(slices, selection, begin, begin + n)
        expect(bytes).toBe(rows.reduce((sum, row) => sum + Buffer.byteLength(values[row] ?? ''), 0))
        const target = Column.allocate(texts.slab, TEXT, values.length + 1)
        target.ensureData(bytes)
        expect(kernels.textColumn(slices, selection, begin, begin + n, target.descriptor, values.length)).toBe(0)
        expect(values.map((_, row) => readValue(target, row))).toEqual(values.map((value, row) => (rows.includes(row) ? value : '')))
        const required = Column.allocate(texts.slab, { ...TEXT, nullable: false }, values.length + 1)
        required.ensureData(bytes)
        expect(kernels.textColumn(slices, selection, begin, begin + n, required.descriptor, values.length)).toBe(
          rows.filter((row) => values[row] === null).length,
        )
        texts.slab.verify()
      }),
      { numRuns: 200 },
    )
  })

  it('stop where there is no room, and at texts that are not ASCII', () => {
    const texts = new Texts(['Ab', 'CD', 'Äb', null, ''])
    const { kernels, column, slices, arena, out } = texts
    kernels.textSlices(column.descriptor, 0, 0, 0, 5, slices)
    texts.fill(3)
    expect([kernels.textCase(slices, 65, 0, 0, 5, arena, out), texts.needed]).toEqual([1, 2])
    texts.fill(8)
    expect([kernels.textCase(slices, 65, 0, 1, 5, arena, out), texts.needed]).toEqual([2, 0])
    expect(kernels.textCase(slices, 65, 0, 3, 5, arena, out)).toBe(5)
    expect([0, 1, 3, 4].map((row) => texts.at(out, row))).toEqual(['ab', 'cd', null, ''])
    texts.slab.verify()
  })

  it('find what the matcher of strings finds, and leave it the rest', () => {
    let [found, left] = [0, 0]
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const random = new Random(seed)
        const pattern = new Pattern(randomPattern(random))
        const letters = random.integer(5) === 0 ? ['a', 'b', 'é'] : ['a', 'b', ' ', 'c']
        const values = Array.from({ length: 12 }, () => (random.integer(6) === 0 ? null : randomText(random, letters, 24)))
        const texts = new Texts(values)
        const { kernels, column, slices, arena, out } = texts
        const program = texts.bytes(textProgramOf(pattern)!)
        const scratch = texts.slab.allocate(SCRATCH_BYTES)
        kernels.textSlices(column.descriptor, 0, 0, 0, values.length, slices)
        for (let group = -1; group <= pattern.groupCount; group++) {
          for (let row = 0; row < values.length; row++) {
            const value = values[row]
            const match = value === null ? undefined : pattern.find(value)
            if (kernels.textMatch(slices, program, group, 0, row, row + 1, scratch, SCRATCH_BYTES, arena, out) === row) {
              left++
              continue
            }
            found++
            if (group < 0) expect([row, texts.slab.u8[out + row]]).toEqual([row, value === null ? 2 : Number(match !== undefined)])
            else
              expect([row, texts.at(out, row)]).toEqual([
                row,
                match === undefined || match[2 * group] < 0 ? null : value!.slice(match[2 * group], match[2 * group + 1]),
              ])
          }
        }
        texts.slab.verify()
      }),
      { numRuns: 500 },
    )
    // Most are for it: those that are ASCII and need no long way back.
    expect(left).toBeLessThan(found / 4)
  })

  it('compute long texts, for which memory grows, as the interpreter does', () => {
    const schema = new Schema([{ name: 's', type: TEXT }])
    const random = new Random(7)
    const values = Array.from({ length: 40 }, (_, row) => (row % 7 === 0 ? null : randomText(random, row % 5 === 0 ? ['aB/', 'É'] : ['aB/', 'c'], 4000)))
    const slab = new Slab()
    const column = Column.allocate(slab, TEXT, values.length)
    for (const [row, value] of values.entries()) writeValue(column, row, value)
    const batch = new RecordBatch(slab, schema, [column])
    batch.rowCount = values.length
    for (const text of [
      "UPPER(s) || REPLACE(s, 'c', 'a long text in its place')",
      "CASE WHEN LOWER(s) LIKE 'ab%' THEN REPLACE(s, 'B', 'bbbbbbbbbbbbbbbb') WHEN s > 'b' THEN 'x' ELSE REVERSE(s) END",
      "COALESCE(SPLIT_INDEX(UPPER(s), '/', 1), s, 'none')",
    ]) {
      const expression = new ExpressionBinder(text, [{ name: 's', type: TEXT, table: 't' }]).bind(parseExpression(text))
      const program = compileColumns(schema, undefined, [expression], EVALUATION, slab, instantiateKernels(module, slab))
      const target = Column.allocate(slab, TEXT, values.length)
      // Behind the first one the memory of the last is used again.
      for (let round = 0; round < 3; round++) {
        program.bind(batch)
        target.clear()
        program.compute(0, 0, values.length, 0, target)
        const evaluate = interpret(expression, EVALUATION)
        expect(values.map((_, row) => readValue(target, row))).toEqual(values.map((value) => evaluate([value])))
      }
      program.free()
      target.free()
    }
    expect(encoder.encode(values.join('')).length).toBeGreaterThan(100_000)
  })

  it('write times as the interpreter does, whichever follow each other', () => {
    const type: LogicalType = { kind: 'TIMESTAMP', precision: 3, nullable: true }
    const schema = new Schema([{ name: 'ts', type }])
    const timeArbitrary = fc.option(
      fc.tuple(fc.constantFrom(0, -86_400_000, 1_709_164_799_000, -62_135_596_800_000, 253_402_300_799_000), fc.integer({ min: -70_000, max: 70_000 })),
    )
    fc.assert(
      fc.property(
        fc.array(timeArbitrary, { minLength: 1, maxLength: 30 }),
        fc.constantFrom('yyyy-MM-dd', 'HH:mm', 'HH:mm:ss.SSS', "EEEE 'at' h a", 'B', ''),
        fc.integer({ min: 0 }),
        (times, pattern, seed) => {
          const values = times.map((time) => (time === null ? null : time[0] + time[1]))
          const slab = new Slab()
          const column = Column.allocate(slab, type, values.length)
          for (const [row, value] of values.entries()) writeValue(column, row, value)
          const batch = new RecordBatch(slab, schema, [column])
          batch.rowCount = values.length
          const text = `UPPER(DATE_FORMAT(ts, '${pattern.replaceAll("'", "''")}'))`
          const expression = new ExpressionBinder(text, [{ name: 'ts', type, table: 't' }]).bind(parseExpression(text))
          const program = compileColumns(schema, undefined, [expression], EVALUATION, slab, instantiateKernels(module, slab))
          const target = Column.allocate(slab, TEXT, values.length)
          const { selection, begin, n, rows } = randomRows(new Random(seed), slab, values.length)
          program.bind(batch)
          target.clear()
          program.compute(0, begin, begin + n, selection, target)
          const evaluate = interpret(expression, EVALUATION)
          expect(rows.map((row) => readValue(target, row))).toEqual(rows.map((row) => evaluate([values[row]])))
          program.free()
        },
      ),
      { numRuns: 200 },
    )
  })
})
