// Rings and doorbells between real threads. Goal: no frame lost, doubled, torn, reordered or overwritten, and no sleep without a waker, whatever
// the hardware does with our stores and loads. Method: every frame carries its sequence and a checksum of random contents; rings are small, so
// that they wrap, fill and run empty all the time; both ends park at once. A wake-up that is lost shows as a late wake: parks last a second.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { DOORBELL_BYTES } from '../../src/ring/parking.ts'
import { frameLengthMaxOf, ringRegionBytes } from '../../src/ring/ring-layout.ts'
import { SpscRing } from '../../src/ring/spsc-ring.ts'

const SEED = 20_201
const TEST_TIMEOUT_MS = 60_000
const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'millrace-ring-'))
const bundle = join(folder, 'ring.mjs')

beforeAll(async () => {
  const modules = ['ring/spsc-ring', 'ring/parking', 'ring/idle-strategy', 'ring/ring', 'base/clock', 'base/random']
  const contents = modules.map((name) => `export * from './src/${name}.ts'`).join('\n')
  await build({ stdin: { contents, resolveDir: root }, outfile: bundle, bundle: true, format: 'esm', platform: 'node', target: 'node20' })
})

afterAll(() => rmSync(folder, { recursive: true }))

interface Place {
  readonly offset: number
  readonly capacity: number
}

/** Doorbells first, then the rings. */
function layOut(
  doorbellCount: number,
  capacities: readonly number[],
  startPosition: number,
): { buffer: SharedArrayBuffer; doorbells: number[]; rings: Place[] } {
  const doorbells = Array.from({ length: doorbellCount }, (_, index) => index * DOORBELL_BYTES)
  let offset = doorbellCount * DOORBELL_BYTES
  const rings = capacities.map((capacity) => {
    const place = { offset, capacity }
    offset += ringRegionBytes(capacity)
    return place
  })
  const buffer = new SharedArrayBuffer(offset)
  for (const ring of rings) SpscRing.initialize(buffer, ring.offset, ring.capacity, startPosition)
  return { buffer, doorbells, rings }
}

async function play<Result>(role: string, data: Record<string, unknown>): Promise<Result> {
  const worker = new Worker(new URL('./ring-worker.mjs', import.meta.url), { workerData: { role, seed: SEED, bundleUrl: pathToFileURL(bundle).href, ...data } })
  const result = await new Promise<Result>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`Cannot finish role "${role}": the thread ended with code ${code}`)))
  })
  await worker.terminate()
  return result
}

interface Produced {
  readonly refusedCount: number
  readonly byteCount: number
  readonly parkCount: number
  readonly lateWakeCount: number
}

interface Consumed {
  readonly messageCounts: readonly number[]
  readonly byteCount: number
  readonly parkCount: number
  readonly lateWakeCount: number
}

const SCENARIOS = [
  {
    name: 'one producer, frame after frame, across the wrap of positions',
    messageCount: 2_000_000,
    producerCount: 1,
    capacity: 4096,
    lengthMax: 256,
    publishEvery: 1,
    isAsync: false,
    spinMicros: 5,
  },
  {
    name: 'one producer, published in batches',
    messageCount: 6_000_000,
    producerCount: 1,
    capacity: 65_536,
    lengthMax: 128,
    publishEvery: 64,
    isAsync: false,
    spinMicros: 0,
  },
  {
    name: 'two producers on two rings, one consumer that parks at once',
    messageCount: 1_000_000,
    producerCount: 2,
    capacity: 8192,
    lengthMax: 512,
    publishEvery: 8,
    isAsync: false,
    spinMicros: 0,
  },
  {
    name: 'a consumer that sleeps by waitAsync',
    messageCount: 500_000,
    producerCount: 1,
    capacity: 16_384,
    lengthMax: 512,
    publishEvery: 16,
    isAsync: true,
    spinMicros: 0,
  },
  {
    name: 'frames of the longest length in a tiny ring',
    messageCount: 500_000,
    producerCount: 1,
    capacity: 1024,
    lengthMax: frameLengthMaxOf(1024),
    publishEvery: 2,
    isAsync: false,
    spinMicros: 5,
  },
] as const

test.each(SCENARIOS)(
  'SpscRing delivers every frame once, whole and in order: $name',
  async ({ messageCount, producerCount, capacity, lengthMax, publishEvery, isAsync, spinMicros }) => {
    const capacities = Array.from({ length: producerCount }, () => capacity)
    const { buffer, doorbells, rings } = layOut(1 + producerCount, capacities, -(1 << 20))
    const [consumerDoorbell, ...producerDoorbells] = doorbells
    const shared = { buffer, lengthMax, spinMicros }
    const startMs = systemClock.monotonicMs()
    const [consumed, ...produced] = await Promise.all([
      play<Consumed>('consume', { ...shared, rings, isAsync, doorbells: { consumer: consumerDoorbell, producers: producerDoorbells } }),
      ...rings.map((ring, index) =>
        play<Produced>('produce', {
          ...shared,
          ring,
          messageCount,
          publishEvery,
          seed: SEED + index,
          doorbells: { consumer: consumerDoorbell, producer: producerDoorbells[index] },
        }),
      ),
    ])
    const seconds = (systemClock.monotonicMs() - startMs) / 1000
    expect(consumed.messageCounts).toEqual(rings.map(() => messageCount))
    expect(consumed.byteCount).toBe(produced.reduce((sum, one) => sum + one.byteCount, 0))
    expect([consumed, ...produced].map((one) => one.lateWakeCount)).toEqual([0, ...rings.map(() => 0)])
    expect(consumed.parkCount).toBeGreaterThan(0)
    for (const one of produced) expect(one.refusedCount).toBeGreaterThan(0)
    const parks = `parks ${consumed.parkCount} / ${produced.map((one) => one.parkCount).join(' ')}`
    process.stdout.write(`  ${messageCount * producerCount} frames, ${(consumed.byteCount / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s, ${parks}\n`)
  },
  TEST_TIMEOUT_MS,
)

// The acceptable outcomes of one round. The ringer stores its work and rings; the sleeper declares itself parked and looks for work.
//   seen, not woken      ringer done -> sleeper declares, looks
//   not seen, woken      sleeper declares, looks -> ringer stores, rings
//   seen, woken          sleeper declares -> ringer stores -> sleeper looks, ringer rings
// Forbidden: not seen, not woken. Each would have moved its own store behind its load; the sleeper would sleep while there is work.
test(
  'Doorbell: of a ringer and a sleeper at least one sees the other',
  async () => {
    const { buffer, doorbells } = layOut(8, [], 0)
    const words = { ready: 64, work: 96, woke: 128, done: 129, end: 160 }
    const shared = { buffer, words, doorbells: { consumer: doorbells[0] } }
    const deadlineMs = systemClock.monotonicMs() + 3_000
    const [outcomes] = await Promise.all([play<Record<string, number>>('checkAfterPark', shared), play('ringAfterStore', { ...shared, deadlineMs })])
    process.stdout.write(`  ${JSON.stringify(outcomes)}\n`)
    const { 'not seen, not woken': forbidden, ...acceptable } = outcomes
    expect(forbidden).toBe(0)
    expect(Object.keys(acceptable)).toEqual(['seen, not woken', 'not seen, woken', 'seen, woken'])
    expect(Object.values(acceptable).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(1_000)
  },
  TEST_TIMEOUT_MS,
)

test.each([
  { name: 'spinning', spinMicros: 200, roundCount: 100_000 },
  { name: 'parking', spinMicros: 0, roundCount: 5_000 },
])(
  'SpscRing echoes each frame of a ping-pong between two threads, $name',
  async ({ spinMicros, roundCount }) => {
    const { buffer, doorbells, rings } = layOut(2, [4096, 4096], 0)
    const shared = { buffer, out: rings[0], back: rings[1], doorbells: { producer: doorbells[0], consumer: doorbells[1] }, spinMicros }
    const [ping, pong] = await Promise.all([
      play<{ p50: number; p99: number; lateWakeCount: number }>('ping', { ...shared, roundCount }),
      play<{ lateWakeCount: number }>('pong', shared),
    ])
    process.stdout.write(`  round trip p50 ${ping.p50.toFixed(2)} us, p99 ${ping.p99.toFixed(2)} us\n`)
    expect([ping.lateWakeCount, pong.lateWakeCount]).toEqual([0, 0])
  },
  TEST_TIMEOUT_MS,
)
