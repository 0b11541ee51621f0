// An error in a SQL text: what was found where, shown with its line and a caret.

import { PlanError } from '../base/errors.ts'

/** A part of a text: from the first of its UTF-16 units to the one behind its last. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Where an error stands, from 1; columns in UTF-16 units. */
export interface SqlPosition {
  readonly line: number
  readonly column: number
}

const SHOWN_BEFORE = 60
const SHOWN = 120

/** A statement cannot be read or planned. */
export class SqlError extends PlanError {
  readonly position: SqlPosition

  /**
   * @param text The whole text.
   * @param message One sentence without its end; where follows.
   */
  constructor(code: string, text: string, span: Span, message: string, hint?: string) {
    super(code, located(message, text, span), hint === undefined ? {} : { hint })
    this.position = positionOf(text, span.start)
  }
}

/** An error where somebody has written something; what a program has made, and what a compiled plan says, has no place in a text. */
export function errorAt(origin: (Span & { readonly text: string }) | undefined, code: string, message: string, hint?: string): PlanError {
  if (origin === undefined || origin.text === '') return new PlanError(code, message, hint === undefined ? {} : { hint })
  return new SqlError(code, origin.text, origin, message, hint)
}

/** A message, with where what it is about stands in a text. */
export function located(message: string, text: string, { start, end }: Span): string {
  const { line, column } = positionOf(text, start)
  return `${message}, line ${line}, column ${column}\n${excerpt(text, start, end)}`
}

/** Line and column of a place in a text. */
export function positionOf(text: string, at: number): SqlPosition {
  let line = 1
  let lineStart = 0
  for (let feed = text.indexOf('\n'); feed !== -1 && feed < at; feed = text.indexOf('\n', feed + 1)) {
    line++
    lineStart = feed + 1
  }
  return { line, column: at - lineStart + 1 }
}

/** The line with a caret under the span; of a long line a part of it. */
function excerpt(text: string, start: number, end: number): string {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  const feed = text.indexOf('\n', start)
  const lineEnd = feed === -1 ? text.length : feed
  const from = start - lineStart > SHOWN_BEFORE ? start - SHOWN_BEFORE : lineStart
  const line = text.slice(from, Math.min(lineEnd, from + SHOWN)).replace(/\r$/, '')
  const marked = Math.max(1, Math.min(end, from + line.length) - start)
  // Tabs stay tabs, so that the caret stands where the eye looks.
  const indent = text.slice(from, start).replaceAll(/[^\t]/g, ' ')
  return `  ${line}\n  ${indent}${'^'.repeat(marked)}`
}
