// Reads TypeScript source as text for the tidy test: which modules a file imports, and its code without comments and strings.
// No parser: imports are statements that begin a line, and the scanner below knows the four things that hide code.

export interface Import {
  readonly specifier: string
  readonly line: number
  /** Whether nothing of it is there at run time. */
  readonly isTypeOnly: boolean
}

/** Every module named by an import or export statement, an `import()`, or `new URL('./…', import.meta.url)`; types count too. */
export function importsOf(text: string): readonly Import[] {
  const found: Import[] = []
  const withStrings = withoutComments(text)
  const code = codeOf(text)
  for (const pattern of [
    /^(?:import|export)\s+(?:type\s+)?(?:[\w$*\s{},]+?\s+from\s+|\*\s*from\s+)?['"]([^'"\n]+)['"]/gm,
    /\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g,
    /\bnew URL\(\s*['"](\.[^'"\n]+)['"],\s*import\.meta\.url\s*\)/g,
  ]) {
    for (const match of withStrings.matchAll(pattern))
      if (code[match.index] !== ' ')
        found.push({ specifier: match[1], line: lineAt(code, match.index), isTypeOnly: /^(?:import|export)\s+type\b/.test(match[0]) })
  }
  return found
}

/** 1-based line of a position. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** The text with every comment replaced by spaces; lines stay where they are. */
export function withoutComments(text: string): string {
  return blank(text, false)
}

/** The text with every comment, string and regular expression replaced by spaces; code inside `${}` stays. */
export function codeOf(text: string): string {
  return blank(text, true)
}

/** What stands before a slash that begins a regular expression rather than divides. */
const BEFORE_PATTERN = /(?:^|[([{,;:=!&|?+\-*%<>~^]|\b(?:return|typeof|case|in|of))$/

function blank(text: string, strings: boolean): string {
  const out = text.split('')
  const erase = (from: number, to: number): void => {
    for (let index = from; index < to; index++) if (out[index] !== '\n') out[index] = ' '
  }
  /** Braces open inside each template expression that encloses the position. */
  const depths: number[] = []
  let at = text.startsWith('#!') ? text.indexOf('\n') : 0
  while (at < text.length) {
    const char = text[at]
    const start = at
    if (text.startsWith('//', at)) {
      at = text.indexOf('\n', at)
      if (at < 0) at = text.length
      erase(start, at)
    } else if (text.startsWith('/*', at)) {
      at = text.indexOf('*/', at + 2) + 2
      if (at < start) at = text.length
      erase(start, at)
    } else if (
      char === "'" ||
      char === '"' ||
      (char === '/' &&
        BEFORE_PATTERN.test(
          out
            .slice(Math.max(0, at - 400), at)
            .join('')
            .trimEnd(),
        ))
    ) {
      at++
      for (let inClass = false; at < text.length && text[at] !== '\n' && (inClass || text[at] !== char); at++) {
        if (text[at] === '\\') at++
        else if (char === '/' && text[at] === '[') inClass = true
        else if (text[at] === ']') inClass = false
      }
      if (strings) erase(start + 1, at)
      at++
    } else if (char === '`' || (char === '}' && depths.at(-1) === 0)) {
      if (char === '}') depths.pop()
      at++
      while (at < text.length && text[at] !== '`' && !text.startsWith('${', at)) at += text[at] === '\\' ? 2 : 1
      if (strings) erase(start + 1, at)
      if (text[at] === '`') at++
      else {
        depths.push(0)
        at += 2
      }
    } else {
      if (depths.length > 0 && char === '{') depths[depths.length - 1]++
      if (depths.length > 0 && char === '}') depths[depths.length - 1]--
      at++
    }
  }
  return out.join('')
}
