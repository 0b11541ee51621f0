import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as layout from '../../../src/kernels/table-layout.ts'

/** Byte offsets and constants as `assembly/table-layout.ts` declares them. */
function assemblyConstants(): Map<string, number> {
  const source = readFileSync(new URL('../../../src/kernels/assembly/table-layout.ts', import.meta.url), 'utf8')
  return new Map([...source.matchAll(/^(?:export )?const ([A-Z_]+): (?:u32|usize) = (\w+)$/gm)].map(([, name, value]) => [name, Number(value)]))
}

describe('table layout', () => {
  it('is the same in the kernels and in TypeScript', () => {
    const constants = assemblyConstants()
    const words = Object.entries(layout).filter((entry): entry is [string, number] => /^(TABLE|SEGMENT)_/.test(entry[0]) && constants.has(entry[0]))
    expect(words.length).toBe(16 + 12)
    for (const [name, word] of words) expect([name, constants.get(name)]).toEqual([name, word * 4])
    for (const name of ['ENTRY_HASH', 'ENTRY_FLAGS', 'ENTRY_WORD', 'ENTRY_KEY'] as const) expect(constants.get(name)).toBe(layout[`${name}_OFFSET`])
    for (const name of ['GROW_INDEX', 'GROW_ENTRIES', 'GROW_HEAP'] as const) expect(constants.get(name)).toBe(layout[name])
    expect(constants.get('FLAG_NEW')).toBe(layout.ENTRY_FLAG_NEW)
    for (const form of ['VALUE', 'BYTES'] as const) expect(constants.get(`FORM_${form}`)).toBe(layout.KeyForm[form])
  })
})
