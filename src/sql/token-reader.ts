// A place in the tokens of a text, and what every part of the parser asks of it: words, symbols, names, and errors that say what was expected.

import { editDistance, suggest } from '../base/suggest.ts'
import { fileName } from './files/file-name.ts'
import { RESERVED_WORDS } from './reserved-words.ts'
import type { Parameter } from './parameters.ts'
import { type Span, SqlError } from './sql-error.ts'
import type { Name, QualifiedName } from './syntax-tree.ts'
import { type Token, TokenKind, tokenize } from './tokens.ts'

/** Words that nobody means as names. */
const CLAUSES = new Set([
  'SELECT',
  'FROM',
  'WHERE',
  'GROUP',
  'HAVING',
  'ORDER',
  'UNION',
  'INTERSECT',
  'EXCEPT',
  'ON',
  'AS',
  'AND',
  'OR',
  'THEN',
  'ELSE',
  'WHEN',
  'VALUES',
  'INTO',
])
/** Of those the ones that are names, unless BY follows. */
const BY_CLAUSES = new Set(['GROUP', 'ORDER'])
/** Words and symbols of other dialects, with what to write here. */
const FOREIGN_WORDS: Readonly<Record<string, string>> = {
  DATE_TRUNC: 'Write FLOOR(time TO DAY).',
  EXCLUDE: 'There is no * without some columns: name those that are wanted.',
  '[': 'Write ARRAY[1, 2].',
  '"': 'Names stand in backticks, texts and files in single quotes.',
  '{': "Write ROW(1, 2) or MAP['key', 1].",
}
/** Letters that may be wrong in a word that was taken for a name. */
const MISTAKES_MAX = 2
/** So many words are listed at most. */
const EXPECTED_MAX = 6
/** Nesting that is read: each level takes some of the stack. */
const DEPTH_MAX = 400
/** Links of a chain of operators, which is a tree as deep as it has links. */
const LINKS_MAX = 1000

/** Reads the tokens of one text. */
export class TokenReader {
  readonly text: string
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0
  /** What would have been taken at the furthest place that was looked at: symbols, and words with those that have to follow. */
  #expected = new Map<string, string>()
  #expectedAt = -1

  /** @throws {SqlError} `SYNTAX_ERROR` if it is not all tokens. */
  constructor(text: string, parameters: readonly Parameter[] = []) {
    this.text = text
    this.#tokens = tokenize(text, parameters)
  }

  protected get token(): Token {
    return this.#tokens[this.#at]
  }

  protected isEnd(): boolean {
    return this.token.kind === TokenKind.END
  }

  /** The token behind the next one, or so many further on. */
  protected ahead(count: number): Token {
    return this.#tokens[Math.min(this.#at + count, this.#tokens.length - 1)]
  }

  /** End of the token that was taken last. */
  protected get lastEnd(): number {
    return this.#at === 0 ? 0 : this.#tokens[this.#at - 1].end
  }

  protected take(): Token {
    const { token } = this
    if (token.kind !== TokenKind.END) this.#at++
    return token
  }

  /** Where to come back to. */
  protected mark(): number {
    return this.#at
  }

  protected reset(mark: number): void {
    this.#at = mark
  }

  /** From where `start` begins to what was taken last. */
  protected span(start: Span | number): Span {
    return { start: typeof start === 'number' ? start : start.start, end: this.lastEnd }
  }

  /** Whether the next tokens are these words. */
  protected isWords(...words: readonly string[]): boolean {
    const are = words.every((word, index) => this.ahead(index).upper === word)
    if (!are) this.#expect(words[0], words.join(' '))
    return are
  }

  /** Takes the words if they are next, all of them. */
  protected accept(...words: readonly string[]): boolean {
    if (!this.isWords(...words)) return false
    this.#at += words.length
    return true
  }

  /** Takes one of several words. */
  protected acceptOneOf<Word extends string>(...words: readonly Word[]): Word | undefined {
    return words.find((word) => this.accept(word))
  }

  protected expectWords(...words: readonly string[]): void {
    for (const word of words) if (!this.accept(word)) throw this.#unexpected(undefined, word)
  }

  protected isSymbol(symbol: string): boolean {
    const { kind, text } = this.token
    if (kind === TokenKind.SYMBOL && text === symbol) return true
    this.#expect(symbol)
    return false
  }

  protected acceptSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false
    this.#at++
    return true
  }

  protected expectSymbol(symbol: string): void {
    if (!this.acceptSymbol(symbol)) throw this.#unexpected(`"${symbol}"`)
  }

  /** Takes what `read` reads, with commas between. */
  protected list<Item>(read: () => Item): Item[] {
    const items = [read()]
    while (this.acceptSymbol(',')) items.push(read())
    return items
  }

  /** The same in parentheses. */
  protected parenthesized<Item>(read: () => Item): Item[] {
    this.expectSymbol('(')
    const items = this.list(read)
    this.expectSymbol(')')
    return items
  }

  /** Whether a name is next: a word that is not reserved, or one in quotes. */
  protected isName(): boolean {
    const { kind, upper } = this.token
    return kind === TokenKind.QUOTED || (kind === TokenKind.WORD && !RESERVED_WORDS.has(upper))
  }

  protected name(what: string = 'a name'): Name {
    if (!this.isName()) throw this.unexpected(what)
    const { text, start, end } = this.take()
    return { text, start, end }
  }

  protected qualifiedName(what?: string): QualifiedName {
    const first = this.name(what)
    const parts = [first]
    while (this.isSymbol('.') && this.acceptSymbol('.')) parts.push(this.name())
    return { parts, ...this.span(first) }
  }

  /** A table's name, or a file in quotes. */
  protected tableName(what?: string): QualifiedName {
    if (this.token.kind !== TokenKind.STRING) return this.qualifiedName(what)
    if (this.token.parameter !== undefined) throw this.noTable()
    const file = this.take()
    return fileName(file.text, file)
  }

  /** A value stands where a table should. */
  protected noTable(): SqlError {
    return this.error('WRONG_PLACE', this.token, 'A value names no table', 'Interpolate a Table, or sql.id(name).')
  }

  protected string(what: string = 'a string'): string {
    if (this.token.kind !== TokenKind.STRING) throw this.#unexpected(what)
    return this.take().text
  }

  protected integer(what: string = 'an integer'): number {
    const { kind, text } = this.token
    if (kind !== TokenKind.INTEGER || !Number.isSafeInteger(Number(text))) throw this.unexpected(what)
    this.take()
    return Number(text)
  }

  /** Runs what may nest: deeper than is sensible it is refused, before the stack is. */
  protected nested<Result>(read: () => Result): Result {
    if (++this.#depth > DEPTH_MAX) throw this.error('QUERY_TOO_DEEP', this.token, `The query is nested more than ${DEPTH_MAX} levels deep`)
    try {
      return read()
    } finally {
      this.#depth--
    }
  }

  /** For each link of what is read in a loop and stands one in another: `a AND b AND c`. */
  protected linked(links: number): void {
    if (links > LINKS_MAX)
      throw this.error(
        'QUERY_TOO_DEEP',
        this.token,
        `More than ${LINKS_MAX} operators stand in a row`,
        'Write IN (...), or VALUES, or put parts into parentheses.',
      )
  }

  /** A hint that names what a word is close to. */
  protected nearest(word: string, known: Iterable<string>): string | undefined {
    const near = suggest(word, known)
    return near === undefined ? undefined : `Did you mean ${near}?`
  }

  protected error(code: string, span: Span, message: string, hint?: string): SqlError {
    return new SqlError(code, this.text, span, message, hint)
  }

  /** What is wrong with the next token. @param what What was expected, where it is no word. */
  protected unexpected(what?: string): SqlError {
    const { token } = this
    const isReserved = token.kind === TokenKind.WORD && RESERVED_WORDS.has(token.upper)
    if (what === undefined || !isReserved) return this.#unexpected(what)
    const isClause = CLAUSES.has(token.upper) && !(BY_CLAUSES.has(token.upper) && this.ahead(1).upper !== 'BY')
    const hint = foreignHint(token) ?? (isClause ? this.#aside() : `Quote it to use it as a name: \`${token.text}\`.`)
    return this.error('SYNTAX_ERROR', token, `Expected ${what}, found the reserved word ${token.upper}`, hint)
  }

  /** @param least What has to be said of many words, if there are too many for a list. */
  #unexpected(what: string | undefined, least?: string): SqlError {
    const { token } = this
    const found = token.kind === TokenKind.END ? 'the end' : describe(token)
    const known = this.#expectedAt === this.#at ? this.#expected : new Map<string, string>()
    const words = [...known.keys()].filter((word) => /^\w/.test(word))
    const near = token.kind === TokenKind.WORD ? suggest(token.upper, words) : undefined
    const hint = foreignHint(token) ?? (near === undefined ? this.#aside() : `Did you mean ${known.get(near)!}?`)
    const expected = what ?? (words.length > 0 && words.length <= EXPECTED_MAX ? orList(words) : least)
    return this.error('SYNTAX_ERROR', token, expected === undefined ? `Did not expect ${found}` : `Expected ${expected}, found ${found}`, hint)
  }

  /** What may be wrong in front of the next token: a word that was taken for a name, a comma that is missing. */
  #aside(): string | undefined {
    const { token } = this
    const before = this.#at === 0 ? undefined : this.#tokens[this.#at - 1]
    if (before?.kind === TokenKind.WORD && !RESERVED_WORDS.has(before.upper)) {
      const near = suggest(before.upper, CLAUSES)
      if (near !== undefined && editDistance(before.upper, near) <= MISTAKES_MAX) return `"${before.text}" is taken for a name: did you mean ${near}?`
    }
    const isName = token.kind === TokenKind.QUOTED || (token.kind === TokenKind.WORD && !RESERVED_WORDS.has(token.upper))
    return isName && this.#expectedAt === this.#at && this.#expected.has(',') ? 'Is a comma missing in front of it?' : undefined
  }

  #expect(word: string, phrase = word): void {
    if (this.#expectedAt !== this.#at) {
      this.#expectedAt = this.#at
      this.#expected = new Map()
    }
    if (!this.#expected.has(word)) this.#expected.set(word, phrase)
  }
}

function foreignHint({ kind, upper, text }: Token): string | undefined {
  const word = kind === TokenKind.WORD ? upper : kind === TokenKind.SYMBOL ? text : ''
  return Object.hasOwn(FOREIGN_WORDS, word) ? FOREIGN_WORDS[word] : undefined
}

function describe({ kind, text }: Token): string {
  if (kind === TokenKind.WORD) return `"${text}"`
  if (kind === TokenKind.SYMBOL) return `"${text}"`
  if (kind === TokenKind.PARAMETER) return 'a parameter'
  return kind === TokenKind.STRING ? 'a string' : kind === TokenKind.QUOTED ? `the name \`${text}\`` : `the ${kind} ${text}`
}

function orList(words: readonly string[]): string {
  return words.length === 1 ? words[0] : `${words.slice(0, -1).join(', ')} or ${words.at(-1)!}`
}
