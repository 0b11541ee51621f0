// SQL text to tokens, with where each stands. Comments and white space are passed over; hints are not comments.

import type { Parameter } from './parameters.ts'
import { type Span, SqlError } from './sql-error.ts'

export const TokenKind = {
  /** A name or a keyword, as it was written. */
  WORD: 'word',
  /** A name in backticks, which are doubled within. */
  QUOTED: 'quoted name',
  STRING: 'string',
  /** Hexadecimal digits of bytes: x'0aff'. */
  BINARY: 'binary string',
  /** Digits only. */
  INTEGER: 'integer',
  /** With a point. */
  DECIMAL: 'decimal',
  /** With an exponent. */
  DOUBLE: 'double',
  SYMBOL: 'symbol',
  /** What a program has put there, unless it is a string. */
  PARAMETER: 'parameter',
  END: 'end',
} as const
export type TokenKind = (typeof TokenKind)[keyof typeof TokenKind]

export interface Token extends Span {
  readonly kind: TokenKind
  /** Of words and numbers as written; of quoted names and strings what they stand for; of symbols the symbol. */
  readonly text: string
  /** A word in upper case; else empty. */
  readonly upper: string
  /** What a program has put there. */
  readonly parameter?: Parameter
}

/** Longest first. */
const SYMBOLS = ['/*+', '*/', '<=>', '=>', '->', '<>', '!=', '<=', '>=', '||', '==', '::', ...'()[]{},;.:?=<>+-*/%|&^~@$#!"\\'.split('')]
const BY_FIRST = new Map<string, readonly string[]>()
for (const symbol of SYMBOLS) BY_FIRST.set(symbol[0], [...(BY_FIRST.get(symbol[0]) ?? []), symbol])
const WORD = /[\p{L}_$][\p{L}\p{Nd}_$]*/uy
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y
const SPACE = /[\s\ufeff]+/uy
const LINE_COMMENT = /(?:--|\/\/)[^\n]*/y
/** C-style escapes of e'...'. */
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", '"': '"' }

/**
 * Splits a text into tokens; the last one stands for its end.
 *
 * @param parameters What stands at some places, in their order.
 * @throws {SqlError} `SYNTAX_ERROR` for what is no token, and what is opened and never closed.
 */
export function tokenize(text: string, parameters: readonly Parameter[] = []): readonly Token[] {
  const tokens: Token[] = []
  let isHint = false
  let at = 0
  let next = 0
  const matched = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  const push = (kind: TokenKind, start: number, end: number, value: string): void => {
    tokens.push({ kind, start, end, text: value, upper: kind === TokenKind.WORD ? value.toUpperCase() : '' })
    at = end
  }
  while (at < text.length) {
    const start = at
    const parameter = parameters.at(next)
    if (parameter !== undefined && parameter.start <= at) {
      if (parameter.start < at) throw misplaced(text, parameter)
      tokens.push(parameterToken(parameter))
      at = parameter.end
      next++
      continue
    }
    const passed = matched(SPACE) ?? matched(LINE_COMMENT)
    if (passed !== undefined) {
      at += passed.length
      continue
    }
    if (text.startsWith('/*', at) && text[at + 2] !== '+') {
      const end = text.indexOf('*/', at + 2)
      if (end === -1) throw new SqlError('SYNTAX_ERROR', text, { start, end: start + 2 }, 'A comment is never closed', 'Close it with */.')
      at = end + 2
      continue
    }
    const character = text[at]
    if (character === '`') {
      const { value, end } = quoted(text, at, '`', 'A quoted name')
      if (value === '') throw new SqlError('SYNTAX_ERROR', text, { start, end }, 'A name is empty')
      push(TokenKind.QUOTED, start, end, value)
      continue
    }
    if (character === "'") {
      const { value, end } = quoted(text, at, "'", 'A string')
      push(TokenKind.STRING, start, end, value)
      continue
    }
    const prefixed = prefixedString(text, at)
    if (prefixed !== undefined) {
      push(prefixed.kind, start, prefixed.end, prefixed.value)
      continue
    }
    const number = matched(NUMBER)
    if (number !== undefined) {
      const kind = /[eE]/.test(number) ? TokenKind.DOUBLE : number.includes('.') ? TokenKind.DECIMAL : TokenKind.INTEGER
      push(kind, start, start + number.length, number)
      continue
    }
    const word = matched(WORD)
    if (word !== undefined) {
      push(TokenKind.WORD, start, start + word.length, word)
      continue
    }
    const symbol = BY_FIRST.get(character)?.find((one) => text.startsWith(one, at) && (one !== '*/' || isHint))
    if (symbol === undefined) {
      const end = start + String.fromCodePoint(text.codePointAt(start)!).length
      throw new SqlError('SYNTAX_ERROR', text, { start, end }, `Cannot read ${JSON.stringify(text.slice(start, end))}`)
    }
    if (symbol === '/*+') isHint = true
    if (symbol === '*/') isHint = false
    push(TokenKind.SYMBOL, start, start + symbol.length, symbol)
  }
  const last = parameters.at(next)
  if (last !== undefined) throw misplaced(text, last)
  tokens.push({ kind: TokenKind.END, start: text.length, end: text.length, text: '', upper: '' })
  return tokens
}

/** A string of a program stands wherever one may be written. */
function parameterToken(parameter: Parameter): Token {
  const { start, end } = parameter
  const value = parameter.kind === 'value' ? parameter.expression : undefined
  if (value?.kind === 'literal' && value.type === 'string') return { kind: TokenKind.STRING, text: value.text, upper: '', start, end, parameter }
  return { kind: TokenKind.PARAMETER, text: '', upper: '', start, end, parameter }
}

function misplaced(text: string, parameter: Parameter): SqlError {
  return new SqlError('WRONG_PLACE', text, parameter, 'A value stands inside of quotes or a comment', 'Take the quotes away: a text is quoted as it is needed.')
}

/** What stands in quotes at `at`: doubled they are one. */
function quoted(text: string, at: number, quote: string, what: string): { readonly value: string; readonly end: number } {
  let value = ''
  for (let from = at + 1; ;) {
    const close = text.indexOf(quote, from)
    if (close === -1)
      throw new SqlError(
        'SYNTAX_ERROR',
        text,
        { start: at, end: at + 1 },
        `${what} is never closed`,
        `Close it with ${quote}; inside of it ${quote} is written twice.`,
      )
    value += text.slice(from, close)
    if (text[close + 1] !== quote) return { value, end: close + 1 }
    value += quote
    from = close + 2
  }
}

/** Strings with a prefix: x'0a', U&'\00e9', N'..', _UTF8'..', e'\n'. */
function prefixedString(text: string, at: number): { readonly kind: TokenKind; readonly value: string; readonly end: number } | undefined {
  const prefix = /^(?:[xXnNeE]|[uU]&|_[A-Za-z][\w-]*)(?=')/.exec(text.slice(at, at + 32))?.[0]
  if (prefix === undefined) return undefined
  const open = at + prefix.length
  const kind = prefix.toUpperCase()
  if (kind === 'E') return escapedString(text, at, open)
  const { value, end } = quoted(text, open, "'", 'A string')
  if (kind === 'X') {
    if (!/^(?:[0-9A-Fa-f]{2})*$/.test(value))
      throw new SqlError('SYNTAX_ERROR', text, { start: at, end }, 'A binary string holds something else than pairs of hexadecimal digits')
    return { kind: TokenKind.BINARY, value: value.toLowerCase(), end }
  }
  if (kind !== 'U&') return { kind: TokenKind.STRING, value, end }
  const decoded = value.replaceAll(/\\(?:\\|([0-9A-Fa-f]{4})|)/g, (escape, digits: string | undefined) => {
    if (escape === '\\\\') return '\\'
    if (digits === undefined)
      throw new SqlError(
        'SYNTAX_ERROR',
        text,
        { start: at, end },
        'A \\ in a Unicode string has no four hexadecimal digits behind it',
        'Write \\\\ for a backslash.',
      )
    return String.fromCharCode(Number.parseInt(digits, 16))
  })
  return { kind: TokenKind.STRING, value: decoded, end }
}

function escapedString(text: string, start: number, open: number): { readonly kind: TokenKind; readonly value: string; readonly end: number } {
  let value = ''
  for (let at = open + 1; at < text.length; at++) {
    const character = text[at]
    if (character === "'") {
      if (text[at + 1] !== "'") return { kind: TokenKind.STRING, value, end: at + 1 }
      value += "'"
      at++
    } else if (character === '\\') {
      const code = /^(?:[uU]([0-9A-Fa-f]{4})|[xX]([0-9A-Fa-f]{1,2})|([0-7]{1,3}))/.exec(text.slice(at + 1, at + 6))
      const escaped = ESCAPES[text[at + 1] ?? '']
      if (code !== null) {
        value += String.fromCharCode(code[3] === undefined ? Number.parseInt(code[1] ?? code[2], 16) : Number.parseInt(code[3], 8))
        at += code[0].length
      } else if (escaped === undefined)
        throw new SqlError('SYNTAX_ERROR', text, { start: at, end: at + 2 }, `Cannot read the escape ${JSON.stringify(text.slice(at, at + 2))}`)
      else {
        value += escaped
        at++
      }
    } else value += character
  }
  throw new SqlError('SYNTAX_ERROR', text, { start, end: open + 1 }, 'A string is never closed', "Close it with '; inside of it ' is written twice.")
}
