// Run by a test in a process of its own: submits jobs, ends them in one way, and must then exit by itself. Prints what is left running.
import { readdirSync } from 'node:fs'
import { Millrace } from 'millrace'

const [way] = process.argv.slice(2)
const job = (name) => new URL(`jobs/${name}.mjs`, import.meta.url)
const threads = () => readdirSync('/proc/self/task').length
const before = threads()

/** Percent of a core that this process uses: the least of several looks, since collectors and compilers have their moments. */
async function shareOfCore() {
  let least = Infinity
  for (let look = 0; look < 4; look++) {
    const before = process.cpuUsage()
    await new Promise((resolve) => setTimeout(resolve, 600))
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 6000)
  }
  return least
}

async function run() {
  const engine = await Millrace.start()
  switch (way) {
    case 'finished':
      await engine.submit(job('windows'), { params: { rows: 1000 }, parallelism: 2 }).result
      return
    case 'failed':
      await engine.submit(job('failing'), { params: { where: 'map' }, parallelism: 2 }).result.catch(() => {})
      return
    case 'cancelled': {
      const handle = engine.submit(job('echo'), { parallelism: 2 })
      await handle.input('numbers').push(1)
      await handle.cancel()
      return
    }
    case 'cancelled before it ran':
      await engine.submit(job('echo'), { parallelism: 2 }).cancel()
      return
    case 'closed': {
      engine.submit(job('echo'), { parallelism: 2 })
      await engine.submit(job('echo'), { parallelism: 1 }).input('numbers').push(1)
      await engine.close()
      return
    }
    case 'disposed': {
      const handle = engine.submit(job('echo'), { parallelism: 2 })
      await handle.input('numbers').push(1)
      await handle[Symbol.asyncDispose]()
      return
    }
    case 'not planned':
      await engine.submit(job('no-default')).result.catch(() => {})
      return
    case 'lost': {
      const handle = engine.submit(job('leaving'), { params: { how: 'exit' }, parallelism: 2 })
      await handle
        .input('go')
        .push(1)
        .catch(() => {})
      await handle.result.catch((error) => console.log(error.code))
      return
    }
    case 'out of memory': {
      const handle = engine.submit(job('leaving'), { params: { how: 'memory' }, parallelism: 2 })
      await handle
        .input('go')
        .push(1)
        .catch(() => {})
      await handle.result.catch((error) => console.log(error.code))
      return
    }
    case 'idle': {
      const handle = engine.submit(job('echo'), { parallelism: 2 })
      await handle.input('numbers').push(1)
      for await (const _ of handle.output('doubled')) break
      const idle = engine.submit(job('echo'), { parallelism: 2 })
      await idle.input('numbers').push(1)
      await new Promise((resolve) => setTimeout(resolve, 500))
      console.log(await shareOfCore())
      await idle.cancel()
      return
    }
    case 'blocked': {
      // Nobody reads the output: the job stands.
      const handle = engine.submit(job('flood'), { params: { records: 200_000 }, parallelism: 2 })
      await handle.input('start').push(0)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      console.log(await shareOfCore())
      await handle.cancel()
    }
  }
}

await run()
if (way === 'idle' || way === 'blocked') process.exitCode = 0
else
  console.log(
    `${threads() - before} threads, ${
      process
        .getActiveResourcesInfo()
        .filter((name) => /Worker|MessagePort|Timeout|Immediate/.test(name))
        .join() || 'nothing'
    } left`,
  )
