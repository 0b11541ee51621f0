// The job that the server embeds: orders come in by name, alerts go out by name. A user who orders for more than 1,000 in total is told once.
import { defineJob, defineSchema, t, valueState } from 'millrace'

const order = defineSchema({ user: t.string(), amount: t.double() })

export default defineJob(import.meta, (env, params) => {
  const limit = Number(params.limit ?? 1_000)
  const total = valueState('total', t.double())
  env
    .input('orders', order)
    .keyBy('user')
    .process<{ user: string; total: number }>({
      processElement({ user, amount }, context, out) {
        const state = context.getState(total)
        const before = state.value() ?? 0
        state.update(before + amount)
        if (before <= limit && before + amount > limit) out.collect({ user, total: before + amount })
      },
    })
    .output('alerts')
})
