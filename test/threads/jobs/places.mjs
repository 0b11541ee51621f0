// Tells on which thread its records are made, and how many this copy of the module has made there. Leaves something running where it is told to.
import { threadId } from 'node:worker_threads'
import { AsyncDataStream, defineJob } from 'millrace'

let made = 0

export default defineJob(import.meta, (env, { leaves, fails, tells, asks }) => {
  if (leaves === 'program') setInterval(() => {}, 1000)
  const numbers = env.fromElements(1, 2)
  const answers = asks ? AsyncDataStream.orderedWait(numbers, (number) => new Promise((resolve) => setTimeout(resolve, 5, number))) : numbers
  answers
    .map(() => {
      if (leaves === 'function') setInterval(() => {}, 1000)
      if (leaves === 'function without a reference to it') setInterval(() => {}, 1000).unref()
      if (tells) console.log(import.meta.url)
      if (fails) throw new RangeError(import.meta.url)
      return { threadId, made: ++made }
    })
    .output('places')
})
