// Its program blocks the coordinator's thread: before the job runs, or once the test says so.
import { workerData } from 'node:worker_threads'
import { defineJob } from 'millrace'

export default defineJob(import.meta, (env, { way, flag }) => {
  if (way === 'planning') for (;;);
  // Workers have other data, and no event loop that would run this.
  if (workerData?.workerUrl !== undefined)
    setInterval(() => {
      if (Atomics.load(flag, 0) === 1) for (;;);
    })
  env
    .input('numbers')
    .map((number) => number)
    .output('numbers')
})
