// Floating-point numbers as Java writes them, and so Flink.

/**
 * Java's `Double.toString`, and with `Math.fround` its `Float.toString`: the shortest digits, `1.0`, `1.0E7`, `1.0E-4`.
 *
 * @param round Rounds to the type's width: Number or Math.fround.
 */
export function doubleText(value: number, round: (value: number) => number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [mantissa, power] = shortestExponential(value, round).split('e') as [string, string]
  const exponent = Number(power)
  if (exponent >= -3 && exponent < 7) {
    const plain = Number(`${mantissa}e${power}`).toString()
    return plain.includes('.') ? plain : `${plain}.0`
  }
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${exponent}`
}

/** The fewest digits that read back as the same value in the type's width. */
function shortestExponential(value: number, round: (value: number) => number): string {
  if (round === Number) return value.toExponential()
  for (let digits = 0; digits <= 9; digits++) {
    const text = value.toExponential(digits)
    if (round(Number(text)) === value) return text
  }
  return value.toExponential()
}
