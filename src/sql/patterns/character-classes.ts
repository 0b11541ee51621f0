// Sets of characters, as tests of code points: those that Java's patterns name, and what is made of them.

import { PatternSyntaxError, PatternUnsupportedError } from './pattern-tree.ts'

/** Whether a code point is in a set. */
export type CharacterTest = (code: number) => boolean

/** How letters of two cases are told from one another. */
export type CaseRule = 'exact' | 'ascii' | 'unicode'

const ASCII_LENGTH = 128
const DOTTED_I = 0x130

/** The same test, with what it says of ASCII looked up. */
export function tabled(test: CharacterTest): CharacterTest {
  const table = Array.from({ length: ASCII_LENGTH }, (_, code) => test(code))
  return (code) => (code < ASCII_LENGTH ? table[code] : test(code))
}

export function rangeTest(from: number, to: number): CharacterTest {
  return (code) => code >= from && code <= to
}

export function unionOf(tests: readonly CharacterTest[]): CharacterTest {
  return tests.length === 1 ? tests[0] : (code) => tests.some((test) => test(code))
}

export function not(test: CharacterTest): CharacterTest {
  return (code) => !test(code)
}

export function and(left: CharacterTest, right: CharacterTest): CharacterTest {
  return (code) => left(code) && right(code)
}

/** What a Unicode property of JavaScript's patterns says. */
function property(name: string): CharacterTest {
  const pattern = new RegExp(`^\\p{${name}}`, 'u')
  return (code) => pattern.test(String.fromCodePoint(code))
}

function anyOf(characters: string): CharacterTest {
  const codes = new Set(Array.from(characters, (character) => character.codePointAt(0)!))
  return (code) => codes.has(code)
}

// ---- the cases of letters ----

/** The other case of an ASCII letter, or the code as it is. */
function flipped(code: number): number {
  const lower = code | 0x20
  return lower >= 97 && lower <= 122 && code < ASCII_LENGTH ? code ^ 0x20 : code
}

function simpleUpper(code: number): number {
  const text = String.fromCodePoint(code)
  const upper = text.toUpperCase()
  return isOne(upper) ? upper.codePointAt(0)! : code
}

function simpleLower(code: number): number {
  // Its dot is lost.
  if (code === DOTTED_I) return 105
  const lower = String.fromCodePoint(code).toLowerCase()
  return isOne(lower) ? lower.codePointAt(0)! : code
}

function isOne(text: string): boolean {
  return text.length === 1 || (text.length === 2 && text.codePointAt(0)! > 0xffff)
}

/** A test of one code point by a rule of cases. */
export function characterTest(code: number, rule: CaseRule): CharacterTest {
  if (rule === 'exact') return (other) => other === code
  const other = flipped(code)
  if (rule === 'ascii') return (given) => given === code || given === other
  const folded = simpleLower(simpleUpper(code))
  return (given) => given === code || simpleLower(simpleUpper(given)) === folded
}

/** A range by a rule of cases: what is in it in another case is in it too. */
export function foldedRange(from: number, to: number, rule: CaseRule): CharacterTest {
  const within = rangeTest(from, to)
  if (rule === 'exact') return within
  if (rule === 'ascii') return (code) => within(code) || within(flipped(code))
  return (code) => within(code) || within(simpleUpper(code)) || within(simpleLower(simpleUpper(code)))
}

// ---- what has a name ----

const isDigit = rangeTest(48, 57)
const isUpper = rangeTest(65, 90)
const isLower = rangeTest(97, 122)
const isAlpha = unionOf([isUpper, isLower])
const isAlnum = unionOf([isAlpha, isDigit])
const isGraph = rangeTest(33, 126)
const isWord = unionOf([isAlnum, anyOf('_')])
const isSpace = anyOf(' \t\n\v\f\r')
const isHorizontal = unionOf([anyOf(' \t\u00a0\u1680\u180e\u202f\u205f\u3000'), rangeTest(0x2000, 0x200a)])
const isVertical = anyOf('\n\v\f\r\u0085\u2028\u2029')

/** What ends a line. */
export const isLineEnd = anyOf('\n\r\u0085\u2028\u2029')

/** What Java's `\b` takes for part of a word: an underscore, any letter, any digit. */
export const isWordPart = tabled(unionOf([anyOf('_'), property('L'), property('Nd')]))

/** `\w` and its like, by their letters. */
const LETTERS: Readonly<Record<string, CharacterTest>> = { d: isDigit, w: isWord, s: isSpace, h: isHorizontal, v: isVertical }
/** The same with `(?U)`. */
const UNICODE_LETTERS: Readonly<Record<string, () => CharacterTest>> = {
  d: () => property('Nd'),
  w: () => unionOf([property('Alphabetic'), property('M'), property('Nd'), property('Pc'), property('Join_Control')]),
  s: () => property('White_Space'),
}

/** The set of `\d`, `\W` and their like; undefined: the letter stands for none. */
export function letterClass(letter: string, isUnicode: boolean): CharacterTest | undefined {
  const lower = letter.toLowerCase()
  const test = (isUnicode ? UNICODE_LETTERS[lower]?.() : undefined) ?? LETTERS[lower]
  return test === undefined || letter === lower ? test : not(test)
}

const POSIX: ReadonlyMap<string, CharacterTest> = new Map(
  Object.entries({
    Lower: isLower,
    Upper: isUpper,
    ASCII: rangeTest(0, 127),
    Alpha: isAlpha,
    Digit: isDigit,
    Alnum: isAlnum,
    Punct: (code) => isGraph(code) && !isAlnum(code),
    Graph: isGraph,
    Print: rangeTest(32, 126),
    Blank: anyOf(' \t'),
    Cntrl: unionOf([rangeTest(0, 31), rangeTest(127, 127)]),
    XDigit: unionOf([isDigit, rangeTest(65, 70), rangeTest(97, 102)]),
    Space: isSpace,
  }),
)
/** Properties whose names begin with `Is`, in JavaScript's words. */
const BINARY: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ALPHABETIC: 'Alphabetic',
    IDEOGRAPHIC: 'Ideographic',
    LETTER: 'L',
    LOWERCASE: 'Lowercase',
    UPPERCASE: 'Uppercase',
    TITLECASE: 'Lt',
    PUNCTUATION: 'P',
    CONTROL: 'Cc',
    WHITE_SPACE: 'White_Space',
    WHITESPACE: 'White_Space',
    DIGIT: 'Nd',
    HEX_DIGIT: 'Hex_Digit',
    HEXDIGIT: 'Hex_Digit',
    JOIN_CONTROL: 'Join_Control',
    JOINCONTROL: 'Join_Control',
    NONCHARACTER_CODE_POINT: 'Noncharacter_Code_Point',
    NONCHARACTERCODEPOINT: 'Noncharacter_Code_Point',
    ASSIGNED: 'Assigned',
  }),
)
const JAVA: ReadonlyMap<string, () => CharacterTest> = new Map(
  Object.entries({
    javaLowerCase: () => property('Lowercase'),
    javaUpperCase: () => property('Uppercase'),
    javaAlphabetic: () => property('Alphabetic'),
    javaIdeographic: () => property('Ideographic'),
    javaTitleCase: () => property('Lt'),
    javaDigit: () => property('Nd'),
    javaDefined: () => not(property('Cn')),
    javaLetter: () => property('L'),
    javaLetterOrDigit: () => unionOf([property('L'), property('Nd')]),
    javaSpaceChar: () => property('Z'),
    javaWhitespace: () => unionOf([and(property('Z'), not(anyOf('\u00a0\u2007\u202f'))), rangeTest(9, 13), rangeTest(28, 31)]),
    javaISOControl: () => property('Cc'),
  }),
)

/** What tells one case from another tells nothing where cases are the same: with `(?i)`. */
const CASED: ReadonlyMap<string, string> = new Map([
  ...['Lower', 'Upper'].map((name) => [name, 'Alpha'] as const),
  ...['Lu', 'Ll', 'Lt', 'IsLu', 'IsLl', 'IsLt'].map((name) => [name, 'LC'] as const),
])
const CASED_BINARY = /^(?:java|Is)(?:Lower|Upper|Title)_?case$/i

/** The set of `\p{name}`. @throws {PatternSyntaxError} for a name that there is not */
export function propertyClass(name: string, rule: CaseRule): CharacterTest {
  if (rule === 'exact') return namedClass(name)
  if (CASED_BINARY.test(name)) return unionOf([property('Lowercase'), property('Uppercase'), property('Lt')])
  return namedClass(CASED.get(name) ?? name)
}

function namedClass(name: string): CharacterTest {
  const posix = POSIX.get(name)
  if (posix !== undefined) return posix
  if (name === 'L1') return rangeTest(0, 255)
  if (name === 'all') return () => true
  if (name === 'LD') return unionOf([property('L'), property('Nd')])
  if (name === 'LC') return unionOf([property('Lu'), property('Ll'), property('Lt')])
  if (name.startsWith('java')) {
    const make = JAVA.get(name)
    if (make === undefined) throw new PatternUnsupportedError(`\\p{${name}} is not supported in patterns`)
    return make()
  }
  const [, key, value] = /^(\w+)=(.*)$/.exec(name) ?? [undefined, undefined, name]
  const test = key === undefined ? plainProperty(value) : keyedProperty(key.toLowerCase(), value)
  if (test === undefined) throw new PatternSyntaxError(`Unknown character property {${name}}`)
  return test
}

function plainProperty(name: string): CharacterTest | undefined {
  if (name.startsWith('In')) throw new PatternUnsupportedError(`\\p{${name}} is not supported in patterns: name a script, as in \\p{IsGreek}`)
  if (!name.startsWith('Is')) return category(name)
  const bare = name.slice(2)
  const binary = BINARY.get(bare.toUpperCase())
  return binary === undefined ? (category(bare) ?? known(`sc=${scriptName(bare)}`)) : property(binary)
}

function keyedProperty(key: string, value: string): CharacterTest | undefined {
  if (key === 'blk' || key === 'block')
    throw new PatternUnsupportedError(`\\p{${key}=${value}} is not supported in patterns: name a script, as in \\p{IsGreek}`)
  if (key === 'sc' || key === 'script') return known(`sc=${scriptName(value)}`)
  return key === 'gc' || key === 'general_category' ? category(value) : undefined
}

/** As Unicode writes it: each word with a capital. */
function scriptName(name: string): string {
  return name.toLowerCase().replaceAll(/(^|_)([a-z])/g, (_, bar: string, letter: string) => bar + letter.toUpperCase())
}

/** Java knows the short names. */
function category(name: string): CharacterTest | undefined {
  return /^[A-Z][a-z]?$/.test(name) ? known(`gc=${name}`) : undefined
}

function known(name: string): CharacterTest | undefined {
  try {
    return property(name)
  } catch {
    return undefined
  }
}
