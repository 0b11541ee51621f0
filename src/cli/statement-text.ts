// Where statements that are typed line by line end.

/** Comments and what stands in quotes, closed or not. */
const SKIPPED = /--[^\n]*|\/\/[^\n]*|\/\*(?!\+)(?:[^]*?\*\/|[^]*)|'(?:[^']|'')*(?:'|$)|`[^`]*(?:`|$)/g
const STATEMENT_SET = /^\s*(?:EXECUTE\s+STATEMENT\s+SET\s+)?BEGIN\b/i
const STATEMENT_SET_END = /\bEND\s*;\s*$/i

/** Whether a text is nothing but comments and white space. */
export function isBlank(text: string): boolean {
  return withoutSkipped(text)?.trim() === ''
}

/** Whether a text ends with a statement's semicolon: one that stands in no comment and no quotes, nor inside a set of statements. */
export function isComplete(text: string): boolean {
  const bare = withoutSkipped(text)
  if (bare === undefined || !/;\s*$/.test(bare)) return false
  const last = bare.replace(/;\s*$/, '').split(';')
  const set = last.findLastIndex((statement) => STATEMENT_SET.test(statement))
  return set < 0 || STATEMENT_SET_END.test(bare) || last.slice(set).some((statement) => /^\s*END\s*$/i.test(statement))
}

/** Undefined: something is open at its end. */
function withoutSkipped(text: string): string | undefined {
  let isOpen = false
  const bare = text.replaceAll(SKIPPED, (piece) => {
    if (piece.startsWith('/*')) isOpen ||= piece.length < 4 || !piece.endsWith('*/')
    else if (piece.startsWith("'") || piece.startsWith('`')) isOpen ||= piece.split(piece[0]).length % 2 === 0
    // A text is something, a comment is nothing.
    return piece.startsWith("'") || piece.startsWith('`') ? 'x' : ' '
  })
  return isOpen ? undefined : bare
}
