import { expect, test } from 'vitest'
import { Millrace } from 'millrace'

const module = new URL('../../examples/http-server/alerts.ts', import.meta.url)

test('a TypeScript module is bundled when it is submitted', async () => {
  const engine = await Millrace.start()
  const handle = engine.submit(module, { params: { limit: 10 } })
  const orders = handle.input('orders')
  await orders.push({ user: 'ada', amount: 11 })
  await orders.end()
  const alerts: unknown[] = []
  for await (const alert of handle.output('alerts')) alerts.push(alert)
  expect(alerts).toEqual([{ user: 'ada', total: 11 }])
  expect((await handle.result).state).toBe('finished')
  await engine.close()
})

test('a TypeScript module that does not exist fails its job by name, one that is cancelled at once ends', async () => {
  const engine = await Millrace.start()
  const missing = engine.submit(new URL('missing.ts', module))
  await expect(missing.result).rejects.toMatchObject({ code: 'JOB_NOT_FOUND', message: expect.stringContaining('missing.ts') as string })
  const cancelled = engine.submit(module)
  await cancelled.cancel()
  expect((await cancelled.result).state).toBe('cancelled')
  await engine.close()
})
