// The suite every sink must pass.
import { describe, expect, it } from 'vitest'
import { batchFromObjects, freeBatch } from '../../src/batch/batch-rows.ts'
import type { RecordBatch } from '../../src/batch/record-batch.ts'
import type { Schema } from '../../src/batch/types.ts'
import type { OperatorContext } from '../../src/operator/operator.ts'
import { isCommitting, type Sink, type SinkWriter } from '../../src/operator/sink.ts'
import { commitAll, Snapshot, testContext } from '../unit/connector/file-probe.ts'

/** One fresh sink and what it has written. */
export interface SinkUnderTest {
  readonly sink: Sink
  /** What of the context it writes to, if it does. */
  readonly context?: Partial<OperatorContext>
  /** What has been written when every writer has finished: one text a record, in order for one writer. */
  written(): readonly string[] | Promise<readonly string[]>
}

export interface SinkContractOptions {
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[]
}

/** More than a server needs on a machine that others use too. */
const CALLS_MAX = 10_000_000

/** Calls until the answer is yes; where the writer needs the event loop it gets turns. */
async function insist(call: () => boolean): Promise<void> {
  for (let calls = 0; calls < CALLS_MAX; calls++) {
    if (call()) return
    await new Promise(setImmediate)
  }
  throw new Error('the writer neither takes more nor says why')
}

/**
 * Runs the suite.
 *
 * @param textOf How the sink shows a record.
 */
export function sinkContract<R>(
  name: string,
  newSink: () => SinkUnderTest | Promise<SinkUnderTest>,
  schema: Schema<R>,
  rows: readonly R[],
  textOf: (row: R) => string,
  options: SinkContractOptions = {},
): void {
  const skipped = new Set(options.skip?.flatMap(({ tests }) => tests))
  const test = (title: string, run: () => Promise<void>): void => {
    const define = skipped.has(title) ? it.skip : it
    define(title, run)
  }

  const open = (under: SinkUnderTest, subtaskIndex: number = 0, parallelism: number = 1): { writer: SinkWriter; context: OperatorContext; before: number } => {
    const context = { ...testContext(64), ...under.context, subtaskIndex, parallelism }
    const before = context.slab.allocatedBytes
    return { writer: under.sink.createWriter(schema, context), context, before }
  }
  const write = async (writer: SinkWriter, batch: RecordBatch): Promise<void> => {
    await insist(() => writer.hasCapacity() && writer.write(batch))
    expect(batch.begin, 'all pending rows are taken').toBe(batch.end)
  }
  const finish = async (writer: SinkWriter): Promise<void> => {
    await insist(() => writer.finish())
    await commitAll(writer)
    writer.close()
  }
  const batchOf = (context: OperatorContext, part: readonly R[]): RecordBatch =>
    batchFromObjects(
      context.slab,
      schema,
      part.map((row) => ({ row })),
    )

  describe(`${name} keeps the sink contract`, () => {
    test('it writes every row once, in order, whatever the batches', async () => {
      for (const size of [1, 7, rows.length]) {
        const under = await newSink()
        const { writer, context } = open(under)
        for (let from = 0; from < rows.length; from += size) {
          const batch = batchOf(context, rows.slice(from, from + size))
          await write(writer, batch)
          freeBatch(batch)
        }
        await finish(writer)
        expect(await under.written(), `batches of ${size}`).toEqual(rows.map(textOf))
      }
    })

    test('it writes the pending rows alone: those of the selection between begin and end', async () => {
      const under = await newSink()
      const { writer, context } = open(under)
      const batch = batchOf(context, rows)
      const chosen = rows.map((_, index) => index).filter((index) => index % 3 !== 1)
      batch.selection = context.slab.allocate(chosen.length * 4)
      chosen.forEach((row, index) => (context.slab.i32[(batch.selection >>> 2) + index] = row))
      batch.selectedCount = chosen.length
      batch.begin = 2
      batch.end = chosen.length - 1
      await write(writer, batch)
      await finish(writer)
      expect(await under.written()).toEqual(chosen.slice(2, -1).map((index) => textOf(rows[index])))
    })

    test('a flush at any time changes nothing', async () => {
      const under = await newSink()
      const { writer, context } = open(under)
      await insist(() => writer.flush())
      for (const row of rows) {
        await write(writer, batchOf(context, [row]))
        await insist(() => writer.flush())
      }
      await insist(() => writer.flush())
      await finish(writer)
      expect(await under.written()).toEqual(rows.map(textOf))
    })

    test('it finishes without a row', async () => {
      const under = await newSink()
      await finish(open(under).writer)
      expect(await under.written()).toEqual([])
    })

    test('what a batch held may change once it is written', async () => {
      const under = await newSink()
      const { writer, context } = open(under)
      const batch = batchOf(context, rows)
      await write(writer, batch)
      for (const column of batch.columns) if (column.values !== 0) context.slab.u8.fill(0xee, column.values, column.values + 16)
      await finish(writer)
      expect(await under.written()).toEqual(rows.map(textOf))
    })

    test('several writers write everything together', async () => {
      const under = await newSink()
      const writers = Math.min(3, under.sink.parallelismMax)
      const open3 = Array.from({ length: writers }, (_, index) => open(under, index, writers))
      for (const [index, row] of rows.entries()) await write(open3[index % writers].writer, batchOf(open3[index % writers].context, [row]))
      for (const { writer } of open3) await finish(writer)
      expect([...(await under.written())].sort()).toEqual(rows.map(textOf).sort())
    })

    test('if it commits: nothing is seen before, whoever commits, and twice is once', async () => {
      const under = await newSink()
      const { writer, context } = open(under)
      if (!isCommitting(writer)) return
      for (const row of rows) await write(writer, batchOf(context, [row]))
      await insist(() => writer.finish())
      expect(await under.written()).toEqual([])
      const committables = writer.prepareCommit()
      expect(writer.prepareCommit(), 'each is handed out once').toEqual([])
      expect(await under.written()).toEqual([])
      const snapshot = new Snapshot()
      writer.snapshot(snapshot)
      writer.close()
      // As after a crash: another writer, which cannot know what was committed.
      const other = open(under).writer
      if (!isCommitting(other)) throw new Error('one writer commits and another does not')
      other.restore(snapshot)
      for (let times = 0; times < 2; times++) for (const committable of committables) await other.commit(committable)
      expect(await under.written()).toEqual(rows.map(textOf))
      other.close()
    })

    test('its memory comes back, finished or not', async () => {
      for (const ending of [finish, async (writer: SinkWriter): Promise<void> => writer.close()]) {
        const { writer, context, before } = open(await newSink())
        const batch = batchOf(context, rows)
        await write(writer, batch)
        freeBatch(batch)
        await ending(writer)
        expect(context.slab.allocatedBytes).toBe(before)
      }
    })
  })
}
