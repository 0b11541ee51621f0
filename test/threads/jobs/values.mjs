// Gives back what is pushed: values of any kind, but for `function` a function, and rows.
import { defineJob, defineSchema, t } from 'millrace'

export default defineJob(import.meta, (env) => {
  env
    .input('values')
    .map((value) => (value === 'function' ? { call: () => value } : value))
    .output('values')
  env.input('prices', defineSchema({ price: t.decimal(10, 2), parts: t.array(t.decimal(5, 1)) })).output('prices')
})
