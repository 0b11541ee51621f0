// Two passes of a kernel over entries: the first counts what the records of each key group take, the second writes them where there is room by then.
// Runs on the worker's thread.

import type { Slab } from '../base/slab.ts'

/** What is counted of a key group: u32 bytes, records, where the next record goes, records written. */
const GROUP_BYTES = 16
/** Kernels write whole words. */
const SLACK_BYTES = 8

/** Keyed state that kernels write: state/snapshot-file.ts draws the records. */
export interface RecordSource {
  readonly slab: Slab
  /**
   * Writes the entries that changed in epoch `since` or later; 0: all of them.
   *
   * @param stage Gives rooms in the slab, each of so many bytes.
   * @param visit Called for each key group that has some, groups ascending; perhaps several times.
   */
  writeRecords(
    since: number,
    stage: (sizes: readonly number[]) => readonly number[],
    visit: (keyGroup: number, records: number, address: number, bytes: number) => void,
  ): void
}

/**
 * Runs both passes.
 *
 * @param first The first of `groups` key groups.
 * @param count Adds what records take to u32 {bytes, records, next, written}[groups] at the address that it is given.
 * @param write Writes them; `next` of each group says where.
 */
export function writeGroups(
  slab: Slab,
  first: number,
  groups: number,
  count: (counted: number) => void,
  write: (counted: number) => void,
  stage: Parameters<RecordSource['writeRecords']>[1],
  visit: Parameters<RecordSource['writeRecords']>[2],
): void {
  const counted = slab.allocateZeroed(groups * GROUP_BYTES)
  count(counted)
  const at = (group: number): number => (counted + group * GROUP_BYTES) >>> 2
  const held = Array.from({ length: groups }, (_, group) => group).filter((group) => slab.u32[at(group) + 1] > 0)
  if (held.length > 0) {
    const rooms = stage(held.map((group) => slab.u32[at(group)] + SLACK_BYTES))
    held.forEach((group, index) => (slab.u32[at(group) + 2] = rooms[index]))
    write(counted)
    held.forEach((group, index) => visit(first + group, slab.u32[at(group) + 1], rooms[index], slab.u32[at(group)]))
  }
  slab.free(counted, groups * GROUP_BYTES)
}
