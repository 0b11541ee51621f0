// Millrace inside an HTTP server: POST /orders pushes a record into a running job (and waits while the job is behind), GET /alerts lists what
// the job has found.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Millrace } from 'millrace'

/** Starts the job in `alerts.ts` (or another that speaks of orders and alerts) and a server in front of it. */
export async function serve(job: URL, port: number = 0): Promise<{ server: Server; close(): Promise<void> }> {
  const engine = await Millrace.start()
  const handle = engine.submit(job, { name: 'alerts' })
  const orders = handle.input<{ user: string; amount: number }>('orders')
  const alerts: unknown[] = []
  const collecting = (async () => {
    for await (const alert of handle.output('alerts')) alerts.push(alert)
  })()

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      if (request.method === 'POST' && request.url === '/orders') {
        let body = ''
        for await (const chunk of request) body += String(chunk)
        await orders.push(JSON.parse(body) as { user: string; amount: number })
        response.writeHead(202).end()
      } else if (request.method === 'GET' && request.url === '/alerts') {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(alerts))
      } else response.writeHead(404).end()
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    server,
    async close() {
      await orders.end()
      await collecting
      await engine.close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
