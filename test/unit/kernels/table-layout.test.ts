import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as recordsLayout from '../../../src/kernels/records-layout.ts'
import * as snapshotLayout from '../../../src/kernels/snapshot-layout.ts'
import * as layout from '../../../src/kernels/table-layout.ts'

/** Byte offsets and constants as a file of `assembly/` declares them. */
function assemblyConstants(file: string): Map<string, number> {
  const source = readFileSync(new URL(`../../../src/kernels/assembly/${file}`, import.meta.url), 'utf8')
  return new Map([...source.matchAll(/^(?:export )?const ([A-Z_]+): (?:u32|usize) = (\w+)$/gm)].map(([, name, value]) => [name, Number(value)]))
}

describe('table layout', () => {
  it('is the same in the kernels and in TypeScript', () => {
    const constants = assemblyConstants('table-layout.ts')
    const words = Object.entries(layout).filter((entry): entry is [string, number] => /^(TABLE|SEGMENT)_/.test(entry[0]) && constants.has(entry[0]))
    expect(words.length).toBe(18 + 12)
    for (const [name, word] of words) expect([name, constants.get(name)]).toEqual([name, word * 4])
    for (const name of ['ENTRY_HASH', 'ENTRY_FLAGS', 'ENTRY_WORD', 'ENTRY_KEY'] as const) expect(constants.get(name)).toBe(layout[`${name}_OFFSET`])
    for (const name of ['GROW_INDEX', 'GROW_ENTRIES', 'GROW_HEAP'] as const) expect(constants.get(name)).toBe(layout[name])
    expect(constants.get('FLAG_NEW')).toBe(layout.ENTRY_FLAG_NEW)
    for (const form of ['VALUE', 'BYTES'] as const) expect(constants.get(`FORM_${form}`)).toBe(layout.KeyForm[form])
  })

  it('of snapshots is the same in the kernels and in TypeScript', () => {
    const constants = assemblyConstants('snapshot.ts')
    const {
      POOL_BYTES: _,
      ENTRIES_BLOCK_BYTES: __,
      ROOM_WORDS,
      ROOM_SLACK_BYTES,
      POOL_EXPIRED_MS,
      StateKind,
      RECORD_FLAGS_OFFSET,
      RECORD_FLAG_SAVED,
      RECORD_EPOCH_SHIFT,
      ...words
    } = snapshotLayout
    for (const [name, word] of Object.entries(words)) expect([name, constants.get(name)]).toEqual([name, word * 4])
    expect([2 ** constants.get('ROOM_SHIFT')!, constants.get('SLACK_BYTES')]).toEqual([ROOM_WORDS * 4, ROOM_SLACK_BYTES])
    expect(constants.get('POOL_EXPIRED_MS')).toBe(POOL_EXPIRED_MS * 8)
    for (const [name, kind] of Object.entries(StateKind)) expect([name, constants.get(`KIND_${name}`)]).toEqual([name, kind])
    const ofRecords = ['RECORD_FLAGS', 'FLAG_SAVED', 'EPOCH_SHIFT'].map((name) => constants.get(name))
    expect(ofRecords).toEqual([RECORD_FLAGS_OFFSET, RECORD_FLAG_SAVED, RECORD_EPOCH_SHIFT])
  })

  it('of records is the same in the kernels and in TypeScript', () => {
    const constants = assemblyConstants('records.ts')
    const { STORE_BYTES, RECORD_PAGE_SLACK_BYTES: _, RECORD_NEXT, RECORD_BYTES, RECORD_OWN, ...words } = recordsLayout
    for (const [name, word] of Object.entries(words)) expect([name, constants.get(name)]).toEqual([name, word * 4])
    for (const [name, offset] of Object.entries({ RECORD_NEXT, RECORD_BYTES, RECORD_OWN })) expect([name, constants.get(name)]).toEqual([name, offset])
    expect(constants.get('STORE_FIELDS')).toBe(STORE_BYTES)
  })
})
