// Builds another graph on every thread.
import { threadId } from 'node:worker_threads'
import { defineJob } from 'millrace'

export default defineJob(import.meta, (env) => {
  env
    .fromElements(1)
    .map((record) => record)
    .name(`on ${threadId}`)
    .forEach(() => {})
})
