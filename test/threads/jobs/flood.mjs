// Never ends and never waits: every pushed number starts a flood of records.
import { defineJob } from 'millrace'

export default defineJob(import.meta, (env, { records }) => {
  env
    .input('start')
    .flatMap(function* (start) {
      for (let record = 0; record < records; record++) yield start + record
    })
    .rebalance()
    .output('flood')
})
