// What the commands that run Nexmark's queries share of their command lines.

import { LEGACY, QUERIES } from './queries.ts'

export const commonOptions = {
  events: { type: 'string', default: '1M,4M' },
  queries: { type: 'string' },
  runs: { type: 'string', default: '2' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  // What a measured process is told.
  measure: { type: 'string' },
  settings: { type: 'string' },
} as const

/** Usage errors end the program at once, without a stack. */
export function refuse(message: string): never {
  process.stderr.write(`error: ${message} (--help shows how it is used)\n`)
  process.exit(2)
}

export function countOf(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) refuse(`Cannot take "${text}" for --${name}: it must be a positive integer`)
  return Number(text)
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6 }

/** Numbers of events, as `1M,250K`. */
export function eventCounts(text: string): number[] {
  return text.split(',').map((part) => {
    const match = /^(\d+(?:\.\d+)?)([KM]?)$/i.exec(part)
    const count = match === null ? 0 : Number(match[1]) * UNITS[match[2].toUpperCase()]
    if (!Number.isSafeInteger(count) || count <= 0) refuse(`Cannot make "${part}" events: write a number like 250K or 1M`)
    return count
  })
}

export function shortCount(count: number): string {
  return count % 1e6 === 0 ? `${count / 1e6} M` : count % 1e3 === 0 ? `${count / 1e3} K` : String(count)
}

export function queriesNamed(text: string | undefined): readonly string[] {
  if (text === undefined) return QUERIES.filter((query) => query !== LEGACY)
  const named = text.split(',')
  const unknown = named.find((query) => !QUERIES.includes(query))
  if (unknown !== undefined) refuse(`Cannot run "${unknown}": there are ${QUERIES.join(', ')}`)
  return named
}
