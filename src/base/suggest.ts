// The nearest of a list of words to one that was mistyped. Runs anywhere, rarely.

/** Edits (insert, delete, replace, swap of neighbours) that turn `from` into `to`. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const replaced = last[column - 1] + (from[row - 1] === to[column - 1] ? 0 : 1)
      current[column] = Math.min(last[column] + 1, current[column - 1] + 1, replaced)
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1])
        current[column] = Math.min(current[column], beforeLast[column - 2] + 1)
    }
    beforeLast = last
    last = current
  }
  return last[to.length]
}

/** Part of a word's letters that may be wrong. */
const MISTAKES_SHARE = 0.4

/** The word that was probably meant; undefined if none is near. A word that ends like `mistyped` (`rows-max` for `millrace.batch.rows-max`) is near. */
export function suggest(mistyped: string, words: Iterable<string>): string | undefined {
  const wanted = mistyped.toLowerCase()
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(wanted.length * MISTAKES_SHARE)) + 1
  for (const word of words) {
    const known = word.toLowerCase()
    const distance = wanted.length >= 4 && (known.endsWith(`.${wanted}`) || known.endsWith(`-${wanted}`)) ? 1 : editDistance(wanted, known)
    if (distance < bestDistance) [best, bestDistance] = [word, distance]
  }
  return best
}
