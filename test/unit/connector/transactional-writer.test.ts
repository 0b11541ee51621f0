// The protocol of the write-ahead sink: who may write what, in a store that any number of runs share.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { batchFromObjects } from '../../../src/batch/batch-rows.ts'
import { defineSchema, t } from '../../../src/batch/types.ts'
import { type Decision, decide, type Marker } from '../../../src/connector/transactional/commit-markers.ts'
import { EpochBuffer, openEpoch } from '../../../src/connector/transactional/epoch-buffer.ts'
import { sqliteSink } from '../../../src/connector/sqlite/sqlite-sink.ts'
import { sqliteQuery } from '../../fixtures/sqlite.ts'
import { scratchFolder, testContext } from './file-probe.ts'
import { TableProbe } from './table-probe.ts'

const SCHEMA = defineSchema({ id: t.int() })
const folder = scratchFolder()
let databases = 0

/** A table, the sink that writes to it, and what it holds. */
function table(columns: string = 'id INTEGER', keys?: readonly string[]) {
  const path = join(folder, `${databases++}.db`)
  sqliteQuery(path, `CREATE TABLE numbers (${columns})`)
  return {
    sink: sqliteSink({ path, table: 'numbers', ...(keys && { keys }) }),
    ids: () => sqliteQuery(path, 'SELECT id FROM numbers ORDER BY rowid').map(({ id }) => id),
    markers: () => sqliteQuery(path, 'SELECT epoch, closed FROM millrace_commits ORDER BY epoch, closed'),
    path,
  }
}

describe('decide', () => {
  const open = (epoch: number): Marker => ({ epoch, isClosed: false })
  const closed = (epoch: number): Marker => ({ epoch, isClosed: true })
  it.each<[Marker | undefined, number, own: Decision, restored: Decision]>([
    [open(3), 3, 'skip', 'skip'],
    [open(4), 3, 'skip', 'skip'],
    [closed(3), 3, 'skip', 'skip'],
    [open(2), 3, 'write', 'write'],
    [open(1), 3, 'gap', 'write'],
    [closed(2), 3, 'fenced', 'write'],
    [undefined, 3, 'fenced', 'skip'],
  ])('marker %j, epoch %d: own %s, restored %s', (marker, epoch, own, restored) => {
    expect([decide(marker, epoch, true), decide(marker, epoch, false)]).toEqual([own, restored])
  })
})

describe('EpochBuffer', () => {
  it('gives back what it was given, and begins anew', () => {
    const { slab } = testContext()
    const buffer = new EpochBuffer(SCHEMA)
    expect(buffer.take('w', 1)).toBeUndefined()
    const writer = '00000000-0000-4000-8000-00000000000a'
    for (const count of [1, 100, 3])
      buffer.append(
        batchFromObjects(
          slab,
          SCHEMA,
          Array.from({ length: count }, (_, id) => ({ row: { id } })),
        ),
      )
    const bytes = buffer.take(writer, 7)!
    expect(buffer.byteLength).toBe(0)
    const { frames, ...head } = openEpoch(bytes)
    expect(head).toEqual({ writer, epoch: 7, rowCount: 104, schema: SCHEMA.toString() })
    expect(frames).toHaveLength(3)
    for (let length = 0; length < bytes.length; length += 13)
      expect(() => openEpoch(bytes.subarray(0, length)), String(length)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^SNAPSHOT_/) as string }),
      )
  })
})

describe('TransactionalWriter', () => {
  it('writes an epoch once, however often it is committed, and by whom', async () => {
    const { sink, ids } = table()
    const first = new TableProbe(sink, SCHEMA)
    const epoch = await first.epoch({ id: 1 }, { id: 2 })
    await first.writer.commit(epoch)
    await first.writer.commit(epoch)
    const snapshot = first.snapshot()
    first.close()
    for (let run = 0; run < 2; run++) {
      const next = new TableProbe(sink, SCHEMA, { snapshot })
      await next.writer.commit(epoch)
      next.close()
    }
    expect(ids()).toEqual([1, 2])
  })

  it('commits what a killed run had prepared, and not what it had not', async () => {
    const { sink, ids } = table()
    const killed = new TableProbe(sink, SCHEMA)
    const epoch = await killed.epoch({ id: 1 })
    const snapshot = killed.snapshot()
    await killed.write({ row: { id: 2 } })
    killed.close()
    const next = new TableProbe(sink, SCHEMA, { snapshot })
    await next.writer.commit(epoch)
    next.close()
    expect(ids()).toEqual([1])
  })

  it('shuts out a run that was only asleep: an old epoch is not written again, one behind the checkpoint not at all', async () => {
    const { sink, ids } = table()
    const asleep = new TableProbe(sink, SCHEMA)
    const known = await asleep.epoch({ id: 1 })
    const snapshot = asleep.snapshot()
    const unknown = await asleep.epoch({ id: 2 })
    const next = new TableProbe(sink, SCHEMA, { snapshot })
    await next.writer.commit(known)
    await next.writer.commit(await next.epoch({ id: 2 }))
    await asleep.writer.commit(known)
    await expect(asleep.writer.commit(unknown)).rejects.toMatchObject({ code: 'SINK_FENCED', message: expect.stringContaining('taken over') as string })
    asleep.close()
    next.close()
    expect(ids()).toEqual([1, 2])
  })

  it('shuts it out also if it had committed nothing yet', async () => {
    const { sink, ids } = table()
    const asleep = new TableProbe(sink, SCHEMA)
    await asleep.open()
    const snapshot = asleep.snapshot()
    const epoch = await asleep.epoch({ id: 1 })
    const next = await new TableProbe(sink, SCHEMA, { snapshot }).open()
    await expect(asleep.writer.commit(epoch)).rejects.toMatchObject({ code: 'SINK_FENCED' })
    asleep.close()
    next.close()
    expect(ids()).toEqual([])
  })

  it('refuses to go on in front of what the table holds, unless keys find those rows', async () => {
    for (const keys of [undefined, ['id']]) {
      const { sink, ids } = table('id INTEGER PRIMARY KEY', keys)
      const first = new TableProbe(sink, SCHEMA)
      await first.writer.commit(await first.epoch({ id: 1 }))
      const older = first.snapshot()
      await first.writer.commit(await first.epoch({ id: 2 }))
      first.close()
      const next = new TableProbe(sink, SCHEMA, { snapshot: older })
      if (keys === undefined) await expect(next.open()).rejects.toMatchObject({ code: 'STORE_AHEAD' })
      else {
        await next.writer.commit(await next.epoch({ id: 2 }, { id: 3 }))
        expect(next.context.lines.join()).toContain('written again')
        expect(ids()).toEqual([1, 2, 3])
      }
      next.close()
    }
  })

  it('keeps no more markers than those of two runs', async () => {
    const { sink, ids, markers } = table()
    let snapshot
    for (let run = 0; run < 6; run++) {
      const probe: TableProbe = new TableProbe(sink, SCHEMA, snapshot && { snapshot })
      await probe.writer.commit(await probe.epoch({ id: 2 * run }))
      await probe.writer.commit(await probe.epoch({ id: 2 * run + 1 }))
      snapshot = probe.snapshot()
      probe.close()
    }
    expect(ids()).toEqual([...Array(12).keys()])
    expect(markers()).toEqual([
      { epoch: 2, closed: 0 },
      { epoch: 2, closed: 1 },
    ])
  })

  it('keeps the markers of earlier runs until all has been committed that they had prepared', async () => {
    const { sink, ids } = table()
    const first = new TableProbe(sink, SCHEMA)
    const epoch = await first.epoch({ id: 1 })
    let snapshot = first.snapshot()
    first.close()
    // Runs that take a checkpoint and are killed before they have committed anything of their own.
    for (let run = 0; run < 3; run++) {
      const probe = await new TableProbe(sink, SCHEMA, { snapshot }).open()
      await probe.writer.commit(epoch)
      snapshot = probe.snapshot()
      probe.close()
    }
    expect(ids()).toEqual([1])
  })

  it('says that its marker was changed by somebody else', async () => {
    for (const [statement, reason] of [
      ['DELETE FROM millrace_commits', 'is gone'],
      ['UPDATE millrace_commits SET epoch = 0', 'says 0'],
    ] as const) {
      const { sink, path } = table()
      const probe = new TableProbe(sink, SCHEMA)
      await probe.writer.commit(await probe.epoch({ id: 1 }))
      sqliteQuery(path, statement)
      await expect(probe.writer.commit(await probe.epoch({ id: 2 }))).rejects.toMatchObject({
        code: 'SINK_FENCED',
        message: expect.stringContaining(reason) as string,
      })
      probe.close()
    }
  })

  it('refuses rows of a checkpoint that have other columns', async () => {
    const { sink } = table()
    const first = new TableProbe(sink, SCHEMA)
    const epoch = await first.epoch({ id: 1 })
    const snapshot = first.snapshot()
    first.close()
    const changed = new TableProbe(sink, defineSchema({ id: t.bigint() }), { snapshot })
    await expect(changed.writer.commit(epoch)).rejects.toMatchObject({ code: 'SCHEMA_CHANGED', message: expect.stringContaining('BIGINT') as string })
    changed.close()
  })
})
