// Texts as bytes in character sets, by the names that Java gives them. What a set lacks is written as a question mark, and read as U+FFFD.

type Encode = (text: string) => Uint8Array
type Decode = (bytes: Uint8Array) => string

interface Charset {
  readonly encode: Encode
  readonly decode: Decode
}

const UNKNOWN = 0x3f
const REPLACEMENT = '\ufffd'
/** Names without what stands between letters and digits. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['utf8', 'utf-8'],
  ['unicode11utf8', 'utf-8'],
  ['utf16', 'utf-16'],
  ['utf16be', 'utf-16be'],
  ['unicodebigunmarked', 'utf-16be'],
  ['utf16le', 'utf-16le'],
  ['unicodelittleunmarked', 'utf-16le'],
  ['utf32', 'utf-32'],
  ['utf32be', 'utf-32be'],
  ['utf32le', 'utf-32le'],
  ...['usascii', 'ascii', 'iso646us', 'ascii7', 'us', '646', 'cp367', 'ansix341968'].map((name) => [name, 'us-ascii'] as const),
  ...['iso88591', 'latin1', 'l1', 'ibm819', 'cp819', '819', '88591'].map((name) => [name, 'iso-8859-1'] as const),
  ...Array.from({ length: 9 }, (_, page) => [`cp125${page}`, `windows-125${page}`] as const),
  ...Array.from({ length: 9 }, (_, page) => [`windows125${page}`, `windows-125${page}`] as const),
  ...[2, 3, 4, 5, 6, 7, 8, 13, 15].map((part) => [`iso8859${part}`, `iso-8859-${part}`] as const),
  ['latin9', 'iso-8859-15'],
  ['koi8r', 'koi8-r'],
  ['koi8u', 'koi8-u'],
  ['gbk', 'gbk'],
  ['cp936', 'gbk'],
  ['big5', 'big5'],
  ['shiftjis', 'shift_jis'],
  ['sjis', 'shift_jis'],
  ['eucjp', 'euc-jp'],
  ['euckr', 'euc-kr'],
])
const known = new Map<string, Charset>()

/** @throws {RangeError} if there is no such set. */
export function charsetOf(name: string): Charset {
  const plain = ALIASES.get(name.toLowerCase().replaceAll(/[-_:. ]/g, ''))
  if (plain === undefined) throw new RangeError(`There is no character set ${JSON.stringify(name)}`)
  let charset = known.get(plain)
  if (charset === undefined) {
    charset = makeCharset(plain)
    known.set(plain, charset)
  }
  return charset
}

function makeCharset(name: string): Charset {
  switch (name) {
    case 'utf-8':
      return { encode: (text) => Buffer.from(text), decode: decoder('utf-8') }
    case 'utf-16be':
      return { encode: (text) => Buffer.from(text, 'utf16le').swap16(), decode: (bytes) => decoder('utf-16le')(swapped(bytes)) }
    case 'utf-16le':
      return { encode: (text) => Buffer.from(text, 'utf16le'), decode: decoder('utf-16le') }
    case 'utf-16':
      return { encode: (text) => Buffer.from(text === '' ? '' : `\ufeff${text}`, 'utf16le').swap16(), decode: decodeMarked }
    case 'utf-32':
    case 'utf-32be':
      return { encode: (text) => encodeWide(text, false), decode: (bytes) => decodeWide(bytes, name === 'utf-32') }
    case 'utf-32le':
      return { encode: (text) => encodeWide(text, true), decode: (bytes) => decodeWide(bytes, false, true) }
    case 'us-ascii':
      return narrow(0x7f)
    case 'iso-8859-1':
      return narrow(0xff)
    default:
      return tabled(name)
  }
}

function decoder(label: string): Decode {
  const text = new TextDecoder(label, { ignoreBOM: true })
  return (bytes) => text.decode(bytes)
}

/** Each two bytes the other way round; of an odd number the last one stays alone. */
function swapped(bytes: Uint8Array): Uint8Array {
  const even = Buffer.from(bytes.subarray(0, bytes.length & ~1)).swap16()
  return (bytes.length & 1) === 0 ? even : Buffer.concat([even, bytes.subarray(-1)])
}

/** The first two bytes may tell the order. */
function decodeMarked(bytes: Uint8Array): string {
  const isLittle = bytes[0] === 0xff && bytes[1] === 0xfe
  const isMarked = isLittle || (bytes[0] === 0xfe && bytes[1] === 0xff)
  const rest = isMarked ? bytes.subarray(2) : bytes
  return decoder('utf-16le')(isLittle ? rest : swapped(rest))
}

function encodeWide(text: string, isLittle: boolean): Uint8Array {
  const points = Array.from(text)
  const view = new DataView(new ArrayBuffer(4 * points.length))
  for (const [index, point] of points.entries()) view.setUint32(4 * index, point.codePointAt(0)!, isLittle)
  return new Uint8Array(view.buffer)
}

function decodeWide(bytes: Uint8Array, mayBeMarked: boolean, isLittle = false): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const mark = mayBeMarked && bytes.length >= 4 ? view.getUint32(0) : 0
  const little = isLittle || mark === 0xfffe0000
  let text = ''
  for (let at = mark === 0xfeff || mark === 0xfffe0000 ? 4 : 0; at < bytes.length; at += 4) {
    const code = at + 4 <= bytes.length ? view.getUint32(at, little) : -1
    text += code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? REPLACEMENT : String.fromCodePoint(code)
  }
  return text
}

/** A set whose characters have their own codes, up to some. */
function narrow(most: number): Charset {
  return {
    encode: (text) => Uint8Array.from(Array.from(text), (point) => (point.codePointAt(0)! <= most ? point.codePointAt(0)! : UNKNOWN)),
    decode: (bytes) => Array.from(bytes, (byte) => (byte <= most ? String.fromCharCode(byte) : REPLACEMENT)).join(''),
  }
}

/** What stands there from 0x80 on; Node's decoder takes it for ISO-8859-1. */
const WINDOWS_1252 = '€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ'

/** Bytes that stand for nothing are controls there, and here U+FFFD. */
function windowsDecoder(name: string): Decode {
  const decode = name === 'windows-1252' ? undefined : decoder(name)
  const table = Array.from({ length: 256 }, (_, byte) => {
    const text = decode === undefined ? (byte >= 0x80 && byte < 0xa0 ? WINDOWS_1252[byte - 0x80] : String.fromCharCode(byte)) : decode(Uint8Array.of(byte))
    return text >= '\u0080' && text < '\u00a0' ? REPLACEMENT : text
  })
  return (bytes) => Array.from(bytes, (byte) => table[byte]).join('')
}

/** A set that can be read: what writes it is found by reading all that there is, of one byte and of two. */
function tabled(label: string): Charset {
  const decode = label.startsWith('windows') ? windowsDecoder(label) : decoder(label)
  const codes = new Map<string, Uint8Array>()
  const note = (bytes: Uint8Array): void => {
    const text = decode(bytes)
    if (text !== REPLACEMENT && Array.from(text).length === 1 && !codes.has(text)) codes.set(text, bytes)
  }
  for (let byte = 0; byte < 256; byte++) note(Uint8Array.of(byte))
  for (let high = 0x80; high < 256; high++) for (let low = 0x40; low < 256; low++) note(Uint8Array.of(high, low))
  const unknown = Uint8Array.of(UNKNOWN)
  return { encode: (text) => Buffer.concat(Array.from(text, (point) => codes.get(point) ?? unknown)), decode }
}
