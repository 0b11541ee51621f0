// The engine inside an HTTP server: orders go in by POST, alerts come out by GET, and closing leaves nothing running.
import { mkdtempSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { serve } from '../../examples/http-server/server.ts'
import { root } from '../fixtures/command.ts'

/** The job as a program's own build makes it: JavaScript that imports this checkout's package. */
async function compiled(job: string): Promise<URL> {
  const outfile = join(mkdtempSync(join(tmpdir(), 'millrace-server-')), 'job.mjs')
  const millrace = {
    name: 'millrace',
    setup: (esbuild: Parameters<NonNullable<Parameters<typeof build>[0]['plugins']>[number]['setup']>[0]) =>
      esbuild.onResolve({ filter: /^millrace$/ }, () => ({ path: pathToFileURL(join(root, 'dist/index.js')).href, external: true })),
  }
  await build({ entryPoints: [join(root, job)], outfile, bundle: true, format: 'esm', platform: 'node', plugins: [millrace] })
  return pathToFileURL(outfile)
}

test('a user whose orders pass the limit is told once', async () => {
  const { server, close } = await serve(await compiled('examples/http-server/alerts.ts'))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const order = async (user: string, amount: number): Promise<number> =>
    (await fetch(`${base}/orders`, { method: 'POST', body: JSON.stringify({ user, amount }) })).status
  const alerts = async (): Promise<unknown> => (await fetch(`${base}/alerts`)).json()
  try {
    expect(await order('ada', 600)).toBe(202)
    expect(await order('bob', 999)).toBe(202)
    expect(await order('ada', 500)).toBe(202)
    expect(await order('ada', 100)).toBe(202)
    await expect.poll(alerts, { timeout: 20_000 }).toEqual([{ user: 'ada', total: 1100 }])
    // Requests at once.
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => order('cleo', 21))))).toEqual(new Set([202]))
    await expect.poll(alerts, { timeout: 20_000 }).toEqual([
      { user: 'ada', total: 1100 },
      { user: 'cleo', total: 1008 },
    ])
    expect((await fetch(`${base}/nothing`)).status).toBe(404)
  } finally {
    await close()
  }
  await expect(fetch(`${base}/alerts`)).rejects.toThrow('fetch failed')
})
