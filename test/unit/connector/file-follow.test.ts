// Following a file through everything that happens to log files. Time is virtual and nothing sleeps: a test writes, then polls.
import { appendFileSync, copyFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { type FileSourceOptions, fileSource } from '../../../src/connector/file/file-source.ts'
import { csvFormat } from '../../../src/format/csv/csv-format.ts'
import { jsonFormat } from '../../../src/format/json/json-format.ts'
import { PollResult } from '../../../src/operator/source.ts'
import { scratchFolder, type Snapshot, SourceProbe } from './file-probe.ts'

const folder = scratchFolder()
const schema = defineSchema({ id: t.int() })
let files = 0

/** A file with a first line, and a probe that follows it. */
function follow(
  content: string,
  options: Partial<FileSourceOptions> = {},
): { path: string; probe: SourceProbe; ids(): unknown[]; restart(snapshot?: Snapshot): SourceProbe } {
  const path = join(folder, `log-${files++}`)
  writeFileSync(path, content)
  const source = fileSource({ path, format: jsonFormat(), schema, follow: true, ...options })
  const probe = new SourceProbe(source)
  return {
    path,
    probe,
    /** Polls until nothing is left; what came since the last time. */
    ids: () => drain(probe),
    restart: (snapshot = probe.snapshot()) => new SourceProbe(source, { snapshot, next: probe.next }),
  }
}

function drain(probe: SourceProbe): unknown[] {
  const before = probe.rows.length
  probe.context.clock.advanceMs(100)
  probe.drain()
  return probe.rows.slice(before).map(({ id }) => id)
}

/** Returns when the clock of the file system has moved since a file was changed. */
function tick(path: string): void {
  const before = statSync(path, { bigint: true }).ctimeNs
  const other = `${path}.tick`
  do writeFileSync(other, '')
  while (statSync(other, { bigint: true }).ctimeNs === before)
  rmSync(other)
}

const line = (...ids: number[]): string => ids.map((id) => `{"id":${id}}\n`).join('')

describe('a file that grows', () => {
  test('rows come as they are written, and the reader says when to ask again', () => {
    const { path, probe, ids } = follow(line(1))
    expect(ids()).toEqual([1])
    expect([probe.poll(), probe.reader.retryAtMs]).toEqual([PollResult.NOTHING, probe.context.clock.nowMs() + 100])
    appendFileSync(path, line(2, 3))
    expect(ids()).toEqual([2, 3])
    expect(ids()).toEqual([])
    probe.close()
  })

  test('a line that is not finished waits for its end, however it is cut', () => {
    const { path, probe, ids } = follow('')
    for (const [piece, expected] of [
      ['{"id"', []],
      [':1', []],
      ['}', []],
      ['\n{"id":2}\n{', [1, 2]],
      ['"id":3}\n', [3]],
    ] as const) {
      appendFileSync(path, piece)
      expect(ids()).toEqual(expected)
    }
    probe.close()
  })

  test('a byte order mark and a header that come in pieces', () => {
    const { path, probe, ids } = follow('', { format: csvFormat() })
    for (const piece of ['\ufeff'.slice(0, 1), 'x,i', 'd\n', '0,1\n0,', '2\n']) appendFileSync(path, piece)
    expect(ids()).toEqual([1, 2])
    probe.close()
  })

  test('a line that is too long is passed over while it grows', () => {
    const { path, probe, ids } = follow(line(1), { lineBytesMax: 50, onBadRecord: 'dead-letter' })
    appendFileSync(path, 'x'.repeat(40))
    expect(ids()).toEqual([1])
    appendFileSync(path, 'x'.repeat(40))
    expect(ids()).toEqual([])
    appendFileSync(path, `${'x'.repeat(400)}\n${line(2)}`)
    expect(ids()).toEqual([2])
    expect(probe.sides.letters).toMatchObject([{ line: 2, offset: 9, reason: 'the line is longer than 50 bytes; its first 50 are kept' }])
    probe.close()
  })

  test('several files are followed by one reader', () => {
    const paths = [join(folder, 'many-1'), join(folder, 'many-2')]
    for (const path of paths) writeFileSync(path, '')
    const probe = new SourceProbe(fileSource({ path: paths, format: jsonFormat(), schema, follow: true }))
    appendFileSync(paths[1], line(1))
    expect(drain(probe)).toEqual([1])
    appendFileSync(paths[0], line(2))
    expect(drain(probe)).toEqual([2])
    expect(probe.rowSplits).toEqual([2, 1])
    expect(probe.openSplits).toEqual([1, 2])
    probe.close()
    expect(probe.context.slab.allocatedBytes).toBe(0)
  })
})

describe('a file that is rotated', () => {
  test('what was written to the old one after the rename is read first', () => {
    const { path, probe, ids } = follow(line(1))
    expect(ids()).toEqual([1])
    renameSync(path, `${path}.1`)
    appendFileSync(`${path}.1`, line(2))
    expect(ids()).toEqual([2])
    appendFileSync(`${path}.1`, line(3))
    writeFileSync(path, line(4))
    expect(ids()).toEqual([3, 4])
    appendFileSync(path, line(5))
    expect(ids()).toEqual([5])
    probe.close()
  })

  test('the last line of the old file needs no line feed', () => {
    const { path, probe, ids } = follow('{"id":1}\n{"id":2}')
    expect(ids()).toEqual([1])
    renameSync(path, `${path}.1`)
    writeFileSync(path, line(3))
    expect(ids()).toEqual([2, 3])
    probe.close()
  })

  test('a file that is deleted and made again', () => {
    const { path, probe, ids } = follow(line(1))
    expect(ids()).toEqual([1])
    rmSync(path)
    expect(ids()).toEqual([])
    writeFileSync(path, line(2))
    expect(ids()).toEqual([2])
    probe.close()
  })

  test.each(['seen', 'not seen'])('rotated once after it was copied and truncated, and that was %s: the copy is no file in between', (how) => {
    const { path, probe, ids } = follow(line(1, 2))
    expect(ids()).toEqual([1, 2])
    tick(path)
    copyFileSync(path, `${path}.2`)
    truncateSync(path)
    if (how === 'seen') expect(ids()).toEqual([])
    writeFileSync(path, line(3))
    if (how === 'seen') expect(ids()).toEqual([3])
    renameSync(path, `${path}.1`)
    writeFileSync(path, line(4))
    expect(ids()).toEqual(how === 'seen' ? [4] : [3, 4])
    expect(probe.context.counters.get('truncatedFiles')?.value).toBe(1)
    expect(probe.context.counters.get('lostFiles')).toBeUndefined()
    probe.close()
  })

  test('rotated twice between two looks: the file in between is counted and named', () => {
    const { path, probe, ids } = follow(line(1))
    expect(ids()).toEqual([1])
    renameSync(path, `${path}.2`)
    appendFileSync(`${path}.2`, line(2))
    writeFileSync(path, line(3))
    renameSync(path, `${path}.1`)
    writeFileSync(path, line(4))
    expect(ids()).toEqual([2, 4])
    expect(probe.context.counters.get('lostFiles')?.value).toBe(1)
    expect(probe.context.lines).toEqual([`"${path}" was rotated more than once since it was last looked at: "${path}.1" is not read`])
    probe.close()
  })

  test('files of rotations that were read, compressed ones and neighbours do not count as lost', () => {
    const { path, probe, ids } = follow(line(1))
    expect(ids()).toEqual([1])
    for (let turn = 2; turn < 5; turn++) {
      if (turn > 2) renameSync(`${path}.1`, `${path}.${turn}`)
      writeFileSync(`${path}.${turn}.gz`, gzipSync(line(0)))
      renameSync(path, `${path}.1`)
      writeFileSync(path, line(turn))
      expect(ids()).toEqual([turn])
    }
    expect(probe.context.counters.size).toBe(0)
    probe.close()
  })

  test('a link that is moved to another file', () => {
    const files = [1, 2].map((id) => {
      const file = join(folder, `target-${id}`)
      writeFileSync(file, line(id))
      return file
    })
    const path = join(folder, 'link')
    symlinkSync(files[0], path)
    const probe = new SourceProbe(fileSource({ path, format: jsonFormat(), schema, follow: true }))
    expect(drain(probe)).toEqual([1])
    symlinkSync(files[1], `${path}.new`)
    appendFileSync(files[0], line(3))
    renameSync(`${path}.new`, path)
    expect(drain(probe)).toEqual([3, 2])
    appendFileSync(files[1], line(4))
    expect(drain(probe)).toEqual([4])
    probe.close()
  })
})

describe('a file that is truncated', () => {
  test('to nothing, and written again shorter', () => {
    const { path, probe, ids } = follow(line(1, 2, 3))
    expect(ids()).toEqual([1, 2, 3])
    truncateSync(path, 0)
    expect(ids()).toEqual([])
    appendFileSync(path, line(4))
    expect(ids()).toEqual([4])
    expect(probe.context.counters.get('truncatedFiles')!.value).toBe(1)
    expect(probe.context.lines).toEqual([`"${path}" was truncated after 27 bytes had been read: reading it from its start`])
    probe.close()
  })

  test('and written again past the old offset before the next look', () => {
    const { path, probe, ids } = follow(line(1, 2))
    expect(ids()).toEqual([1, 2])
    writeFileSync(path, line(5, 6, 7, 8))
    expect(ids()).toEqual([5, 6, 7, 8])
    expect(probe.context.counters.get('truncatedFiles')!.value).toBe(1)
    probe.close()
  })

  test('and written again to the same size', () => {
    const { path, probe, ids } = follow(line(1, 2))
    expect(ids()).toEqual([1, 2])
    tick(path)
    writeFileSync(path, line(7, 8))
    expect(ids()).toEqual([7, 8])
    expect(probe.context.counters.get('truncatedFiles')!.value).toBe(1)
    probe.close()
  })

  test('and written again past the old offset, with the same beginning', () => {
    const beginning = line(...Array.from({ length: 200 }, () => 0))
    const { path, probe, ids } = follow(beginning + line(1, 2))
    expect(ids()).toHaveLength(202)
    writeFileSync(path, beginning + line(5, 6, 7))
    expect(ids().slice(-3)).toEqual([5, 6, 7])
    expect(probe.context.counters.get('truncatedFiles')!.value).toBe(1)
    probe.close()
  })

  test('a file that is only touched, or written as it was, is not', () => {
    const { path, probe, ids } = follow(line(1, 2))
    expect(ids()).toEqual([1, 2])
    utimesSync(path, 1, 1)
    expect(ids()).toEqual([])
    appendFileSync(path, line(3))
    utimesSync(path, 1, 1)
    expect(ids()).toEqual([3])
    expect(probe.context.counters.size).toBe(0)
    probe.close()
  })

  test('in the middle of a line: the beginning that was read is forgotten', () => {
    const { path, probe, ids } = follow(`${line(1)}{"id":`)
    expect(ids()).toEqual([1])
    writeFileSync(path, line(7))
    expect(ids()).toEqual([7])
    expect(probe.context.metrics.badRecords).toBe(0)
    probe.close()
  })

  test('by copytruncate: what was copied and read is not read again', () => {
    const { path, probe, ids } = follow(line(1, 2))
    expect(ids()).toEqual([1, 2])
    copyFileSync(path, `${path}.1`)
    truncateSync(path, 0)
    appendFileSync(path, line(3))
    expect(ids()).toEqual([3])
    probe.close()
  })
})

describe('restored', () => {
  test('in the same file, within a line', () => {
    const { path, probe, ids, restart } = follow(`${line(1, 2)}{"id":3`)
    expect(ids()).toEqual([1, 2])
    const again = restart()
    probe.close()
    appendFileSync(path, '}\n')
    expect(drain(again)).toEqual([3])
    again.close()
  })

  test('after the file has been rotated: it is found under its new name, then the new one is read', () => {
    const { path, probe, ids, restart } = follow(line(1))
    expect(ids()).toEqual([1])
    const snapshot = probe.snapshot()
    probe.close()
    appendFileSync(path, line(2))
    renameSync(path, `${path}.1`)
    writeFileSync(path, line(3))
    const again = restart(snapshot)
    expect(drain(again)).toEqual([2, 3])
    expect(again.context.counters.size).toBe(0)
    again.close()
  })

  test('after the file has been replaced: the new one is read from its start, and that is counted', () => {
    const { path, probe, ids, restart } = follow(line(1, 2))
    expect(ids()).toEqual([1, 2])
    const snapshot = probe.snapshot()
    probe.close()
    writeFileSync(path, line(9))
    const again = restart(snapshot)
    expect(drain(again)).toEqual([9])
    expect(again.context.counters.get('lostFiles')!.value).toBe(1)
    again.close()
  })

  test('after its inode has been given to another file', () => {
    const { path, probe, ids, restart } = follow(line(1, 2))
    expect(ids()).toEqual([1, 2])
    const snapshot = probe.snapshot()
    probe.close()
    // The same inode, more bytes than were read, other ones.
    writeFileSync(path, line(7, 8, 9))
    const again = restart(snapshot)
    expect(drain(again)).toEqual([7, 8, 9])
    expect(again.context.counters.get('lostFiles')!.value).toBe(1)
    again.close()
  })

  test('in the middle of a line that is too long', () => {
    const { path, probe, ids, restart } = follow(`${line(1)}${'x'.repeat(100)}`, { lineBytesMax: 50, onBadRecord: 'skip' })
    expect(ids()).toEqual([1])
    const again = restart()
    probe.close()
    appendFileSync(path, `xx\n${line(2)}`)
    expect(drain(again)).toEqual([2])
    expect([probe.context.metrics.badRecords, again.context.metrics.badRecords]).toEqual([1, 0])
    again.close()
  })

  test('with a header, behind it', () => {
    const { path, probe, ids, restart } = follow('x,id\n0,1\n', { format: csvFormat() })
    expect(ids()).toEqual([1])
    const again = restart()
    probe.close()
    appendFileSync(path, '0,2\n')
    expect(drain(again)).toEqual([2])
    again.close()
  })
})

test('dead letters that the output has not taken are in the snapshot', () => {
  const { path, probe } = follow('', { onBadRecord: 'dead-letter' })
  appendFileSync(path, `garbage\n${line(1)}`)
  probe.sides.refusals = 1
  expect(probe.poll()).toBe(PollResult.BATCH)
  expect(probe.sides.letters).toEqual([])
  const again = new SourceProbe(fileSource({ path, format: jsonFormat(), schema, follow: true, onBadRecord: 'dead-letter' }), {
    snapshot: probe.snapshot(),
    next: probe.next,
  })
  expect(drain(again)).toEqual([])
  expect(again.sides.letters).toMatchObject([{ raw: Uint8Array.from(Buffer.from('garbage')), line: 1, offset: 0 }])
  expect(drain(probe)).toEqual([])
  expect(probe.sides.letters).toHaveLength(1)
  probe.close()
  again.close()
})

test('compressed files are not followed, whether they are there at first, come later or by rotation', () => {
  const path = join(folder, 'app.log')
  writeFileSync(path, gzipSync(line(1)))
  const source = fileSource({ path, format: jsonFormat(), schema, follow: true })
  expect(() => source.enumerate()).toThrow(`Cannot follow "${path}": it is compressed with gzip`)
  for (const first of ['', line(1)]) {
    const { path, probe, ids } = follow(first)
    ids()
    if (first !== '') renameSync(path, `${path}.1`)
    writeFileSync(path, gzipSync(line(2)))
    expect(() => ids()).toThrow(`Cannot follow "${path}": it is compressed with gzip`)
    probe.close()
  }
})
