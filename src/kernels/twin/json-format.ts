// The JSON-lines writer in plain TypeScript: from values (as the scanner's twin gives them) to a line. The oracle of the kernel `formatJson`.

import { TypeCode } from '../column-layout.ts'
import type { JsonFormatOptions } from '../json-format.ts'
import type { ScanField } from '../json-scan.ts'
import type { TwinValue } from './json-text.ts'

/** A row as a JSON line, without its line feed. */
export function formatJsonTwin(fields: readonly ScanField[], options: JsonFormatOptions, row: { readonly [name: string]: TwinValue }): string {
  return `{${fields.map((field) => `${JSON.stringify(field.name)}:${valueText(field, options, row[field.name])}`).join(',')}}`
}

function valueText(field: ScanField, options: JsonFormatOptions, value: TwinValue): string {
  if (value === null) return 'null'
  switch (field.type) {
    case TypeCode.CHAR:
    case TypeCode.VARCHAR:
      return JSON.stringify(value)
    case TypeCode.ARRAY:
      return `[${(value as TwinValue[]).map((item) => valueText(field.children![0], options, item)).join(',')}]`
    case TypeCode.MAP:
    case TypeCode.MULTISET:
      return `{${(value as [string, TwinValue][]).map(([key, item]) => `${JSON.stringify(key)}:${valueText(field.children![1], options, item)}`).join(',')}}`
    case TypeCode.ROW:
      return formatJsonTwin(field.children!, options, value as { [name: string]: TwinValue })
    case TypeCode.BINARY:
    case TypeCode.VARBINARY:
    case TypeCode.DATE:
    case TypeCode.TIME:
    case TypeCode.TIMESTAMP:
    case TypeCode.TIMESTAMP_LTZ:
      return `"${plainText(field, options, value)}"`
    case TypeCode.FLOAT:
    case TypeCode.DOUBLE:
      return Number.isFinite(value) ? plainText(field, options, value) : `"${value as number}"`
    default:
      return plainText(field, options, value)
  }
}

/** The text of a value that is no container and no text, without quotes. Shared with CSV. */
export function plainText(field: ScanField, options: JsonFormatOptions, value: TwinValue): string {
  const precision = field.precision ?? 0
  switch (field.type) {
    case TypeCode.DOUBLE:
      return Object.is(value, -0) ? '-0' : (value as number).toString()
    case TypeCode.FLOAT:
      return Object.is(value, -0) ? '-0' : shortestFloat(value as number)
    case TypeCode.DECIMAL: {
      const unscaled = value as bigint
      const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(field.scale! + 1, '0')
      const point = digits.length - field.scale!
      return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${field.scale! > 0 ? `.${digits.slice(point)}` : ''}`
    }
    case TypeCode.BINARY:
    case TypeCode.VARBINARY:
      return Buffer.from(value as string, 'hex').toString('base64')
    case TypeCode.DATE:
      return dateText(value as number)
    case TypeCode.TIME:
      return new Date(value as number).toISOString().slice(11, 19) + fraction(BigInt(value as number) * 1_000_000n, precision, options)
    case TypeCode.TIMESTAMP:
    case TypeCode.TIMESTAMP_LTZ: {
      const nanos = Array.isArray(value)
        ? (value[0] as bigint) * 1_000_000n + BigInt(value[1] as number)
        : (value as bigint) * (precision <= 3 ? 1_000_000n : 1000n)
      const within = ((nanos % 86_400_000_000_000n) + 86_400_000_000_000n) % 86_400_000_000_000n
      const days = Number((nanos - within) / 86_400_000_000_000n)
      const time = new Date(Number(within / 1_000_000n)).toISOString().slice(11, 19)
      return `${dateText(days)}${options.timestampFormat === 'ISO-8601' ? 'T' : ' '}${time}${fraction(within, precision, options)}${field.type === TypeCode.TIMESTAMP_LTZ ? 'Z' : ''}`
    }
    default:
      return (value as number | bigint | boolean).toString()
  }
}

function fraction(nanos: bigint, precision: number, options: JsonFormatOptions): string {
  const digits = String(nanos % 1_000_000_000n).padStart(9, '0')
  const wanted = options.fraction === 'trimmed' ? digits.replace(/0+$/, '') : digits.slice(0, precision)
  return wanted === '' ? '' : `.${wanted}`
}

function dateText(days: number): string {
  const text = new Date(days * 86_400_000).toISOString()
  const match = /^([+-]?)(\d+)(-\d\d-\d\d)T/.exec(text)!
  return `${match[1]}${match[2].replace(/^0+(?=\d{4})/, '')}${match[3]}`
}

/** The shortest decimal that reads back as the same float, the nearest to it where there are several, the even one of two as near. */
function shortestFloat(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) !== value) continue
    // toPrecision rounds a tie up.
    const [mantissa, exponent] = exact(value).split('e')
    const kept = mantissa.replace('.', '').replace('-', '')
    if (/^50*$/.test(kept.slice(digits)) && Number(kept[digits - 1]) % 2 === 0) {
      const down = Number(`${value < 0 ? '-' : ''}${kept[0]}.${kept.slice(1, digits)}e${exponent}`)
      if (Math.fround(down) === value) return String(down)
    }
    return String(Number(text))
  }
  return String(Number(value.toPrecision(9)))
}

/** All digits of a float: JavaScript gives up to a hundred behind the point, more than a tie of nine digits can have. */
function exact(value: number): string {
  const digits = 99
  return value.toExponential(digits)
}
