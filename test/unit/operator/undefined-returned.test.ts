import { expect, test } from 'vitest'
import { Millrace } from '../../../src/api/datastream/millrace.ts'

test('a map that returns nothing is told at the line where it was given, before and behind other functions', async () => {
  for (const before of [0, 2]) {
    const env = Millrace.local().set('millrace.dev', true)
    let stream = env.fromElements(1)
    for (let index = 0; index < before; index++) stream = stream.map((value) => value)
    stream
      .map((value) => {
        void (value * 2)
      })
      .forEach(() => {})
    const error = await env.execute().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'UNDEFINED_RETURNED', hint: expect.stringContaining('Return a value') as string })
    expect((error as Error).stack!.split('\n')[1]).toContain('undefined-returned.test.ts')
  }
})

test('without the option what a map does not return is null', async () => {
  const env = Millrace.local({ dev: false })
  expect(await env.executeAndCollect(env.fromElements(1).map(() => undefined))).toEqual([null])
})
