// Tells on which thread its records are made, and how many this copy of the module has made there. Leaves something running where it is told to.
import { threadId } from 'node:worker_threads'
import { defineJob } from 'millrace'

let made = 0

export default defineJob(import.meta, (env, { leaves, fails }) => {
  if (leaves === 'program') setInterval(() => {}, 1000)
  env
    .fromElements(1, 2)
    .map(() => {
      if (leaves === 'function') setInterval(() => {}, 1000)
      if (fails) throw new RangeError(import.meta.url)
      return { threadId, made: ++made }
    })
    .output('places')
})
