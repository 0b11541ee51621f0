// One worker has nothing more to do at once, the other waits for input.
import { defineJob } from 'millrace'

export default defineJob(import.meta, (env) => {
  env
    .fromCollection([1, 2, 3])
    .rebalance()
    .map((value) => value)
    .forEach(() => {})
  env.input('numbers').output('numbers')
})
