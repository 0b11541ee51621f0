// What the CSV format writes, it reads back, or it refuses to write it: for every schema, value and combination of options. One seed makes a
// case; a row is written alone first, which tells whether it is refused, and the file of all others is read in splits as small as may be.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConnectorError, PlanError } from '../../src/base/errors.ts'
import { Random } from '../../src/base/random.ts'
import { Slab } from '../../src/base/slab.ts'
import { batchFromObjects, batchToObjects } from '../../src/batch/batch-rows.ts'
import { type Field, LENGTH_MAX, type LogicalType, Schema } from '../../src/batch/types.ts'
import { fileSource } from '../../src/connector/file/file-source.ts'
import { csvFormat, type CsvFormatOptions } from '../../src/format/csv/csv-format.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { readAll, scratchFolder } from '../unit/connector/file-probe.ts'
import { randomType, randomValue } from './batch-arbitrary.ts'

const module = compileKernels()
const folder = scratchFolder()
const OUT_BYTES = 1 << 16
const DAY_MS = 86_400_000

/** Pieces of texts and names. The first ones are no mark of any combination of options. */
const PLAIN_PIECES = ['x', 'yz', 'Ü', '日本', 'xyzzy xyzzy xyzzy']
const ODD_PIECES = ['', '#', ',', ';', '|', '"', "'", '\\', '\n', '\r', '\r\n', '\t', ' ', '-', '\ufeff', '\0', 'N', 'NULL', 'n/a', 'a', 'a;b', '0', '\\N']

class Case {
  readonly random: Random
  /** Nothing in it is odd, so nothing may be refused. */
  readonly isPlain: boolean

  constructor(seed: number) {
    this.random = new Random(seed)
    this.isPlain = this.chance(4)
  }

  chance(oneIn: number): boolean {
    return this.random.integer(oneIn) === 0
  }

  pick<T>(from: readonly T[]): T {
    return from[this.random.integer(from.length)]
  }

  text({ nullLiteral }: CsvFormatOptions): string {
    if (!this.isPlain && this.chance(8)) return nullLiteral ?? ''
    const start = this.isPlain || !this.chance(6) ? '' : this.pick(['#', '\ufeff'])
    const pieces = this.isPlain ? PLAIN_PIECES : this.chance(3) ? PLAIN_PIECES : ODD_PIECES
    return start + Array.from({ length: (this.isPlain ? 1 : 0) + this.random.integer(4) }, () => this.pick(pieces)).join('')
  }

  options(): CsvFormatOptions {
    const { isPlain } = this
    const options = {
      header: this.chance(2),
      delimiter: this.pick(isPlain ? [',', '|', '\t'] : [',', ',', '|', ';', '\t', ' ', '-', '#', 'a', '0', '\\']),
      quote: this.pick(isPlain ? ['"', "'", ''] : ['"', '"', "'", '', '', ';', '#']),
      escape: this.pick(isPlain ? ['', '\\'] : ['', '\\', '"', '|', 'N', 'n', '#', '1', '/']),
      nullLiteral: this.pick<string | null | undefined>(
        isPlain ? [undefined, '', 'NULL'] : [undefined, null, '', 'NULL', 'n/a', '0', '\\N', 'a;b', '#', 'N', '\ufeff'],
      ),
      arrayElementDelimiter: this.pick(isPlain ? [';'] : [';', ';', '|', '#', '"', '\\', ',']),
      allowComments: this.chance(2),
      quoteAll: this.chance(4),
      lineFeedsInQuotes: this.chance(2),
      conversion: this.pick(['strict', 'strict', 'flink'] as const),
      timestampFormat: this.pick(['SQL', 'ISO-8601'] as const),
      utf8: this.pick(['strict', 'replace'] as const),
    }
    return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && (isPlain || !this.chance(4))))
  }

  schema(options: CsvFormatOptions): Schema {
    const scalar = (): LogicalType => {
      const type = this.chance(2) ? ({ kind: 'VARCHAR', nullable: this.chance(2), length: LENGTH_MAX } as const) : randomType(this.random, 0)
      return type.kind === 'OBJECT' || type.kind === 'VARIANT' || type.kind === 'BITMAP' ? scalar() : type
    }
    const fields = Array.from({ length: 1 + this.random.integer(3) }, (_, index): Field => {
      const element = scalar()
      // In `flink` arrays are written as Flink does, whatever becomes of them.
      const type: LogicalType = options.conversion !== 'flink' && this.chance(3) ? { kind: 'ARRAY', nullable: this.chance(2), element } : element
      return { name: (this.isPlain || this.chance(2) ? '' : this.text(options)) + `c${index}`, type }
    })
    return new Schema(fields)
  }

  value(type: LogicalType, options: CsvFormatOptions): unknown {
    // Where nothing stands for NULL, `flink` writes it all the same.
    const hasNull = options.nullLiteral === undefined ? options.conversion !== 'flink' : options.nullLiteral !== null
    if (type.nullable && (hasNull || (!this.isPlain && options.conversion !== 'flink')) && this.chance(5)) return null
    switch (type.kind) {
      case 'ARRAY': {
        const element = { ...type.element, nullable: type.element.nullable && !this.isPlain }
        return Array.from({ length: (this.isPlain ? 1 : 0) + this.random.integer(4) }, () => this.value(element, options))
      }
      case 'CHAR':
      case 'VARCHAR':
        return this.text(options)
      case 'VARBINARY':
        return Uint8Array.from({ length: (this.isPlain ? 1 : 0) + this.random.integer(4) }, () => this.random.integer(256))
      case 'DATE':
        return this.random.integer(40_000) - 20_000
      case 'TIMESTAMP':
      case 'TIMESTAMP_LTZ': {
        const ms = (this.random.integer(40_000) - 20_000) * DAY_MS + this.random.integer(DAY_MS)
        return type.precision <= 3 ? ms : BigInt(ms) * 1_000_000n + BigInt(this.random.integer(1_000_000))
      }
      default:
        return randomValue(this.random, { ...type, nullable: false }, 0)
    }
  }
}

describe('CSV', () => {
  test('is read back as it was written, or not written', () => {
    let refusedRows = 0
    let writtenRows = 0
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const each = new Case(seed)
        const options = each.options()
        const schema = each.schema(options)
        const slab = new Slab(1 << 24)
        const kernels = instantiateKernels(module, slab)
        const objects = Array.from({ length: 1 + each.random.integer(6) }, () => ({
          row: Object.fromEntries(schema.fields.map(({ name, type }) => [name, each.value(type, options)])),
        }))
        const batch = batchFromObjects(slab, schema, objects)
        const rows = batchToObjects(batch).map(({ row }) => row)
        const path = join(folder, 'round-trip.csv')
        const kept: unknown[] = []
        let format
        try {
          format = csvFormat(options)
          format.check(schema)
          const encoder = format.createEncoder(schema, slab, kernels)
          const pieces = [Buffer.from(encoder.header)]
          encoder.bind(batch)
          const out = slab.allocate(OUT_BYTES)
          for (const [index, row] of rows.entries()) {
            try {
              const { position, end } = encoder.encode(0, index, index + 1, out, out + OUT_BYTES - 64)
              expect(position).toBe(index + 1)
              pieces.push(Buffer.from(slab.u8.slice(out, end)))
              kept.push(row)
            } catch (error) {
              if (!(error instanceof ConnectorError) || error.code !== 'UNWRITABLE_VALUE') throw error
              if (each.isPlain) throw new Error('A plain value was refused', { cause: error })
            }
          }
          writeFileSync(path, Buffer.concat(pieces))
        } catch (error) {
          // Options that exclude each other.
          if (!each.isPlain && error instanceof PlanError && error.code === 'INVALID_OPTION') return
          throw error
        }
        refusedRows += rows.length - kept.length
        writtenRows += kept.length
        const source = fileSource({ path, format, schema, splitBytes: 1 + each.random.integer(40), onBadRecord: 'fail' })
        expect(readAll(source)).toEqual(kept)
      }),
      { numRuns: 400, endOnFailure: true },
    )
    // Both happen, or the property says nothing.
    expect(refusedRows).toBeGreaterThan(20)
    expect(writtenRows).toBeGreaterThan(refusedRows)
  })
})
