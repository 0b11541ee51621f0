// Doubles what is pushed by an asynchronous function, so that its worker keeps its event loop.
import { AsyncDataStream, defineJob } from 'millrace'

export default defineJob(import.meta, (env) => {
  AsyncDataStream.orderedWait(env.input('numbers'), async (number) => number * 2).output('doubled')
})
