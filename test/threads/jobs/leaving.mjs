// Ends its thread, stands still, or fills its memory; passes the record `pass`, and throws at `throw`.
import { defineJob } from 'millrace'

const kept = []

export default defineJob(import.meta, (env, { how }) => {
  env
    .input('go')
    .rebalance()
    .map((record) => {
      // What process.exit does, past the engine's own.
      if (how === 'exit') process.reallyExit(3)
      if (record === 'pass') return record
      if (record === 'throw') throw new RangeError('thrown')
      if (how === 'loop') for (;;);
      for (;;) kept.push(Array.from({ length: 1000 }, (_, index) => ({ index })))
      // oxlint-disable-next-line eslint/no-unreachable -- the loop ends with the memory
      return record
    })
    .output('out')
})
