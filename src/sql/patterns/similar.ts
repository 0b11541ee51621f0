// SIMILAR TO: SQL's own regular expressions, turned into Java's as Flink turns them.

import { Pattern } from './pattern.ts'
import { PatternSyntaxError, PatternUnsupportedError } from './pattern-tree.ts'

const SPECIALS = '[]()|^-+*_%?{}'
const SPECIALS_THERE = '[]()|^-+*?{}$\\.'
const CLASSES: ReadonlyMap<string, string> = new Map([
  ['ALPHA', '\\p{Alpha}'],
  ['UPPER', '\\p{Upper}'],
  ['LOWER', '\\p{Lower}'],
  ['DIGIT', '\\d'],
  ['SPACE', ' '],
  ['WHITESPACE', '\\s'],
  ['ALNUM', '\\p{Alnum}'],
])

/** @param escape One character; undefined: none. @throws {RangeError} for what is no such pattern */
export function similarPattern(pattern: string, escape: string | undefined): Pattern {
  if (escape !== undefined && escape.length !== 1) throw new RangeError(`The escape of SIMILAR TO is one character, not ${JSON.stringify(escape)}`)
  try {
    return new Pattern(rewritten(pattern, escape))
  } catch (error) {
    if (error instanceof PatternSyntaxError || error instanceof PatternUnsupportedError)
      throw new RangeError(`SIMILAR TO does not take ${JSON.stringify(pattern)}: ${error.message}`)
    throw error
  }
}

function rewritten(pattern: string, escape: string | undefined): string {
  let java = ''
  let isInClass = false
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]
    if (character === escape) java += escaped(pattern, ++at, escape)
    else if (character === '_') java += '.'
    else if (character === '%') java += '(?s:.*)'
    else if (character === '\\' || character === '$') java += `\\${character}`
    else if (character === '[') {
      const [members, end] = classMembers(pattern, at + 1, escape)
      java += `[${members}`
      isInClass = true
      at = end - 1
    } else if (character === ']') {
      if (!isInClass) throw new PatternSyntaxError('] closes nothing')
      isInClass = false
      java += ']'
    } else java += character
  }
  if (isInClass) throw new PatternSyntaxError('[ is not closed')
  return java
}

/** What stands behind an escape character: a character that means something else without it. */
function escaped(pattern: string, at: number, escape: string): string {
  const character = pattern[at] as string | undefined
  if (character === undefined || (character !== escape && !SPECIALS.includes(character))) throw new PatternSyntaxError('nothing to escape')
  return SPECIALS.includes(character) && SPECIALS_THERE.includes(character) ? `\\${character}` : character
}

/** What stands up to `]`, and where that is. */
function classMembers(pattern: string, from: number, escape: string | undefined): readonly [members: string, end: number] {
  let members = ''
  for (let at = from; at < pattern.length; at++) {
    const character = pattern[at]
    if (character === ']') return [members, at]
    const named = /^\[:([A-Z]+|[a-z]+):\]/.exec(pattern.slice(at, at + 14))
    const java = named === null ? undefined : CLASSES.get(named[1].toUpperCase())
    if (character === escape) members += escaped(pattern, ++at, escape)
    else if (java !== undefined) {
      members += java
      at += named![0].length - 1
    } else if (character === '-' || character === '^' || !SPECIALS.includes(character)) members += character
    else throw new PatternSyntaxError(`${character} stands in [ ]`)
  }
  return [members, pattern.length]
}
