// Programs that never come back: one that computes, and one that waits.
import { defineJob } from 'millrace'

export default defineJob(import.meta, async (env, { way }) => {
  if (way === 'computes') for (;;);
  await new Promise(() => {})
})
