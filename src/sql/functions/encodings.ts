// Functions that write values in other alphabets, and hashes.

import { createHash } from 'node:crypto'
import { isText, type LogicalType } from '../../batch/types.ts'
import type { Value } from '../value.ts'
import { charsetOf } from './charsets.ts'
import { BIGINT, bySignature, type FunctionTable, type Parameter, type ScalarCode, type ScalarFunction, STRING } from './scalar-function.ts'
import { BYTES_TYPE, INTEGER, isBinary, isIntegerType, TEXT, withoutBareNull } from './texts.ts'
import { parseUrl, urlDecoded, urlEncoded } from './urls.ts'

const TEXT_OR_BYTES: Parameter = { takes: (type) => isText(type) || isBinary(type), to: (type) => type, type: STRING }
const BYTES: Parameter = { takes: isBinary, to: (type) => type, type: BYTES_TYPE }
const SHA_LENGTHS = new Set([224, 256, 384, 512])
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

function bytesOf(value: Value): Buffer {
  return Buffer.from(value as string)
}

function fixedText(length: number): LogicalType {
  return { kind: 'CHAR', length, nullable: true }
}

function hash(algorithm: string, length: number): ScalarFunction {
  return {
    resolve: withoutBareNull(bySignature([TEXT_OR_BYTES], fixedText(length))),
    make: () => (value) => createHash(algorithm).update(bytesOf(value)).digest('hex'),
  }
}

function sha2(value: Value, length: Value): string {
  if (!SHA_LENGTHS.has(Number(length))) throw new RangeError(`SHA2 has no hash of ${String(length)} bits, but of 224, 256, 384 and 512`)
  return createHash(`sha${String(length)}`)
    .update(bytesOf(value))
    .digest('hex')
}

/** Of a text its bytes, of a number its 64 bits. */
function hex(value: Value): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex').toUpperCase()
  return BigInt.asUintN(64, BigInt(value as number))
    .toString(16)
    .toUpperCase()
}

/** NULL for what is no such digit. Of an odd number of digits the first one stands for nothing but a byte. */
function unhex(value: Value): Uint8Array | null {
  const text = value as string
  if (!/^[0-9A-Fa-f]*$/.test(text)) return null
  const isOdd = text.length % 2 === 1
  const bytes = Buffer.from(isOdd ? text.slice(1) : text, 'hex')
  return isOdd ? Buffer.concat([Uint8Array.of(0), bytes]) : bytes
}

function fromBase64(value: Value): string {
  const text = bytesOf(value).toString('latin1')
  if (!BASE64.test(text)) throw new RangeError(`${JSON.stringify(text)} is not Base64`)
  return Buffer.from(text, 'base64').toString()
}

/** The square of what is between dots; NULL for what is no address. Where there are fewer than four numbers the last is that of the host. */
function inetToNumber(value: Value): bigint | null {
  const parts = (value as string).split('.')
  if (parts.length > 4 || !parts.every((part) => /^[0-9]+$/.test(part) && Number(part) <= 255)) return null
  const numbers = parts.map(BigInt)
  const host = numbers.pop()!
  return numbers.reduce((sum, number, index) => sum + (number << BigInt(24 - 8 * index)), host)
}

function inetToText(value: Value): string | null {
  const number = BigInt(value as number)
  if (number < 0n || number > 0xffffffffn) return null
  return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 0xffn).join('.')
}

/** A function of one operand. */
function ofOne(resolve: ScalarFunction['resolve'], code: ScalarCode): ScalarFunction {
  return { resolve, make: () => code }
}

export const ENCODING_FUNCTIONS: FunctionTable = {
  HEX: ofOne(withoutBareNull(bySignature([{ takes: (type) => isIntegerType(type) || isText(type), to: (type) => type, type: STRING }], STRING)), hex),
  UNHEX: ofOne(bySignature([TEXT], BYTES_TYPE, 'nullable'), unhex),
  BIN: ofOne(withoutBareNull(bySignature([INTEGER], STRING)), (value) => BigInt.asUintN(64, BigInt(value as number)).toString(2)),
  TO_BASE64: ofOne(withoutBareNull(bySignature([TEXT_OR_BYTES], STRING)), (value) => bytesOf(value).toString('base64')),
  FROM_BASE64: ofOne(withoutBareNull(bySignature([TEXT_OR_BYTES], STRING)), fromBase64),
  ENCODE: {
    resolve: withoutBareNull(bySignature([TEXT, TEXT], BYTES_TYPE)),
    make: () => (text, charset) => charsetOf(charset as string).encode(text as string),
  },
  DECODE: {
    resolve: withoutBareNull(bySignature([BYTES, TEXT], STRING)),
    make: () => (bytes, charset) => charsetOf(charset as string).decode(bytes as Uint8Array),
  },
  MD5: hash('md5', 32),
  SHA1: hash('sha1', 40),
  SHA224: hash('sha224', 56),
  SHA256: hash('sha256', 64),
  SHA384: hash('sha384', 96),
  SHA512: hash('sha512', 128),
  SHA2: { resolve: withoutBareNull(bySignature([TEXT_OR_BYTES, INTEGER], { kind: 'VARCHAR', length: 128, nullable: true })), make: () => sha2 },
  URL_ENCODE: ofOne(bySignature([TEXT], STRING, 'nullable'), (text) => urlEncoded(text as string)),
  URL_DECODE: ofOne(bySignature([TEXT], STRING, 'nullable'), (text) => urlDecoded(text as string)),
  PARSE_URL: {
    resolve: withoutBareNull(bySignature([TEXT, TEXT, TEXT], STRING, 'nullable', 2)),
    make: () => (url, part, key) => parseUrl(url as string, part as string, key as string | undefined),
  },
  INET_ATON: ofOne(bySignature([TEXT], BIGINT, 'nullable'), inetToNumber),
  INET_NTOA: ofOne(bySignature([INTEGER], STRING, 'nullable'), inetToText),
}
