// LIKE: % stands for any characters, line feeds too, _ for one code point. Nothing escapes unless ESCAPE says so. Time is at most that of text times pattern.

/** In what {@link readLike} gives, beside code points. */
export const ANY = -1
export const ONE = -2

/**
 * What tells whether a whole text is like a pattern.
 *
 * @param escape One character; undefined or empty: none.
 * @throws {RangeError} if it is more, or if the escape character stands in front of anything but %, _ and itself.
 */
export function likePattern(pattern: string, escape: string | undefined): (text: string) => boolean {
  const wanted = readLike(pattern, escape)
  return (text) => matches(wanted, text)
}

/** The code points of a pattern, {@link ANY} for % and {@link ONE} for _. @throws {RangeError} as {@link likePattern} does */
export function readLike(pattern: string, escape: string | undefined): readonly number[] {
  if (escape !== undefined && Array.from(escape).length > 1) throw new RangeError(`The escape of LIKE is one character, not ${JSON.stringify(escape)}`)
  const wanted: number[] = []
  const points = Array.from(pattern)
  for (let at = 0; at < points.length; at++) {
    const point = points[at]
    if (point === escape) {
      const next = points[++at]
      if (next !== '%' && next !== '_' && next !== escape) throw new RangeError(`Nothing to escape in LIKE ${JSON.stringify(pattern)}`)
      wanted.push(next.codePointAt(0)!)
    } else wanted.push(point === '%' ? ANY : point === '_' ? ONE : point.codePointAt(0)!)
  }
  return wanted
}

/** Only the last % is ever tried again: what an earlier one has found need not be longer. */
function matches(wanted: readonly number[], text: string): boolean {
  const { length } = text
  let place = 0
  let at = 0
  let lastAny = -1
  let lastAt = 0
  while (at < length) {
    const point = text.codePointAt(at)!
    const expected = wanted[place]
    if (expected === ANY) {
      lastAny = place++
      lastAt = at
    } else if (expected === ONE || expected === point) {
      place++
      at += point > 0xffff ? 2 : 1
    } else if (lastAny >= 0) {
      place = lastAny + 1
      lastAt += text.codePointAt(lastAt)! > 0xffff ? 2 : 1
      at = lastAt
    } else return false
  }
  while (wanted[place] === ANY) place++
  return place === wanted.length
}
