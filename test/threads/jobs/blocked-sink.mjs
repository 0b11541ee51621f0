// A sink that takes some rows and then none, until a checkpoint is complete that was taken while it took none: that fails the job, if it is to. It keeps
// how many rows it has taken and their sum as state, and writes both into a file at the end.
import { writeFileSync } from 'node:fs'
import { defineJob, t, valueState } from 'millrace'

/** Rows that each writer takes before it is blocked. */
const ROWS_BEFORE = 10

const seen = valueState('seen', t.int())

export default defineJob(import.meta, (env, { rows, out, fails }) => {
  const sink = {
    name: 'Blocked',
    needsEventLoop: false,
    parallelismMax: Infinity,
    describe: () => 'a sink that waits for a checkpoint',
    createWriter: (_schema, { subtaskIndex }) => {
      let [count, sum] = [0, 0]
      // Behind a restore nothing is waited for.
      let isOpen = false
      const isBlocked = () => !isOpen && count >= ROWS_BEFORE
      return {
        hasCapacity: () => !isBlocked(),
        write: (batch) => {
          const { slab } = batch
          for (; batch.begin < batch.end; batch.begin++) {
            if (isBlocked()) return false
            count++
            sum += Number(slab.i64[(batch.columns[0].values >>> 3) + batch.physicalRow(batch.begin)])
          }
          return true
        },
        flush: () => true,
        finish: () => {
          writeFileSync(`${String(out)}/${subtaskIndex}`, JSON.stringify({ count, sum }))
          return true
        },
        prepareCommit: () => (isBlocked() ? [Uint8Array.of(1)] : []),
        commit: () => {
          if (!isOpen && fails) throw new Error('complete while blocked')
          isOpen = true
        },
        snapshot: (writer) => writer.element('taken', Buffer.from(JSON.stringify({ count, sum }))),
        restore: (reader) => {
          isOpen = true
          reader.elements('taken', (bytes) => {
            const taken = JSON.parse(Buffer.from(bytes).toString())
            count += taken.count
            sum += taken.sum
          })
        },
        close: () => {},
      }
    },
  }
  env
    .fromSequence(1, rows)
    .keyBy((value) => value % 64)
    .process({
      processElement(value, context, collect) {
        const state = context.getState(seen)
        state.update((state.value() ?? 0) + 1)
        collect.collect({ value: BigInt(value), number: state.value() })
      },
    })
    .returns({ value: t.bigint(), number: t.int() })
    .rebalance()
    .sinkTo(sink)
})
