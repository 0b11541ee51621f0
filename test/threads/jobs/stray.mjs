// Fails outside of the call of its function, or ends its thread there.
import { AsyncDataStream, defineJob } from 'millrace'

function fail() {
  throw new RangeError('went astray')
}

const ways = {
  rejection: () => void Promise.resolve().then(fail),
  'rejection of no error': () => void Promise.reject('just words'),
  'immediate timer': () => void setTimeout(fail),
  'later timer': () => void setTimeout(fail, 150),
  exit: () => process.exit(7),
  'exit of a timer': () => void setTimeout(() => process.exit(7)),
  caught: () => void Promise.reject(new Error('handled')).catch(() => {}),
  interval: () => void setInterval(() => {}, 10),
}

export default defineJob(import.meta, (env, { how, endless }) => {
  if (how === 'exit of the program') process.exit(7)
  if (how === 'asynchronous function') {
    AsyncDataStream.orderedWait(env.fromElements(1), async (value) => {
      await Promise.resolve()
      void Promise.reject(new RangeError('went astray'))
      return value
    })
      .name('Ask')
      .forEach(() => {})
    return
  }
  if (endless) env.input('never').forEach(() => {})
  env
    .fromElements(1)
    .map((value) => {
      ways[how]?.()
      return value
    })
    .name('Astray')
    .forEach(() => {})
})
