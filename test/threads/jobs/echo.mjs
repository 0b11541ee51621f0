// Doubles what is pushed, across an exchange where there are several subtasks.
import { defineJob } from 'millrace'

export default defineJob(import.meta, (env, { fail }) => {
  env
    .input('numbers')
    .rebalance()
    .map((number) => {
      if (number === fail) throw new RangeError(`no ${number} here`)
      return number * 2
    })
    .output('doubled')
})
