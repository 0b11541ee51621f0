// Its program takes longer, on the coordinator, than a coordinator that answers nothing is given.
import { workerData } from 'node:worker_threads'
import { defineJob } from 'millrace'

export default defineJob(import.meta, async (env) => {
  if (workerData?.workerUrl !== undefined) await new Promise((resolve) => setTimeout(resolve, 2500))
  env.fromElements(1).forEach(() => {})
})
