// The whole way of stream elements through an exchange, against a list: whatever the sizes of batches and rings, and however slowly somebody
// reads, each channel brings its rows in order, each row behind the watermark that stood before it, and control elements where they were.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Slab } from '../../src/base/slab.ts'
import { batchFromObjects, batchToObjects } from '../../src/batch/batch-rows.ts'
import { BarrierKind } from '../../src/batch/generated/barrier-kind.ts'
import { RecordBatch } from '../../src/batch/record-batch.ts'
import { defineSchema, t } from '../../src/batch/types.ts'
import { STAGE_ROWS_MAX } from '../../src/exchange/channel-stage.ts'
import { ChannelWriter } from '../../src/exchange/channel-writer.ts'
import { ExchangeWriter } from '../../src/exchange/exchange-writer.ts'
import { FrameKind } from '../../src/exchange/frame-kind.ts'
import { HashRouter } from '../../src/exchange/hash-router.ts'
import { InputChannel, NO_ELEMENT } from '../../src/exchange/input-channel.ts'
import { BatchRouter, type Router, TurnRouter } from '../../src/exchange/partition.ts'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { RING_ALIGNMENT_BYTES, ringRegionBytes } from '../../src/ring/ring-layout.ts'
import { SpscRing } from '../../src/ring/spsc-ring.ts'

const SCHEMA = defineSchema({ id: t.int(), text: t.string().nullable(), at: t.timestamp(3) })
const CHANNELS = 3
const module = compileKernels()

interface Exchange {
  readonly slab: Slab
  readonly writer: ExchangeWriter
  readonly inputs: readonly InputChannel[]
}

function newExchange(capacityBytes: number, router: 'hash' | 'every' | 'first' | 'turn'): Exchange {
  const slab = new Slab()
  const kernels = instantiateKernels(module, slab)
  const rings = Array.from({ length: CHANNELS }, () => {
    const block = slab.allocateZeroed(ringRegionBytes(capacityBytes) + RING_ALIGNMENT_BYTES)
    const address = Math.ceil(block / RING_ALIGNMENT_BYTES) * RING_ALIGNMENT_BYTES
    SpscRing.initialize(slab.memory.buffer, address, capacityBytes)
    return { address, buffer: slab.memory.buffer }
  })
  const channels = rings.map(({ address, buffer }) => new ChannelWriter(new SpscRing(buffer, address, capacityBytes), buffer))
  const routers: Record<typeof router, () => Router> = {
    hash: () => new HashRouter(slab, kernels, SCHEMA, { kind: 'columns', columns: [0] }, CHANNELS, 128),
    every: () => new BatchRouter('every'),
    first: () => new BatchRouter('first'),
    turn: () => new TurnRouter(slab, CHANNELS, 1),
  }
  return {
    slab,
    writer: new ExchangeWriter(slab, kernels, SCHEMA, channels, routers[router]()),
    inputs: rings.map(({ address, buffer }) => new InputChannel(new SpscRing(buffer, address, capacityBytes), 0, slab, SCHEMA)),
  }
}

type Element =
  | {
      readonly kind: 'batch'
      readonly rows: number
      readonly crossings: readonly number[]
      readonly kinds: boolean
      readonly aliased: boolean
      readonly cut: number
    }
  | { readonly kind: 'watermark' | 'status' | 'barrier' }

const elementArbitrary: fc.Arbitrary<Element> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      rows: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 40 }) }, { weight: 1, arbitrary: fc.integer({ min: 500, max: 1200 }) }),
      crossings: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 3 }),
      kinds: fc.boolean(),
      aliased: fc.boolean(),
      // Where it is parted, as slow operators part what they emit.
      cut: fc.double({ min: 0, max: 2, noNaN: true }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('watermark' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('status' as const, 'barrier' as const) }) },
)

/** What a channel has brought: rows with the watermark before them, control elements; watermarks count where something follows them. */
class Received {
  readonly rows: string[] = []
  watermarkMs = -Infinity

  add(batch: RecordBatch): void {
    const { crossings } = batch
    let crossing = 0
    batchToObjects(batch).forEach(({ row, timestamp, kind }, index) => {
      for (; crossing < crossings.count && crossings.positions[crossing] <= index; crossing++)
        this.watermarkMs = Math.max(this.watermarkMs, crossings.watermarks[crossing])
      this.rows.push(`${this.watermarkMs} ${kind ?? 0} ${timestamp} ${JSON.stringify(row)}`)
    })
    for (; crossing < crossings.count; crossing++) this.watermarkMs = Math.max(this.watermarkMs, crossings.watermarks[crossing])
  }

  control(name: string): void {
    this.rows.push(`${this.watermarkMs} ${name}`)
  }
}

/** Takes up to `most` elements of a channel. */
function take(input: InputChannel, received: Received, most: number): number {
  let taken = 0
  for (; taken < most; taken++) {
    const kind = input.poll()
    if (kind === NO_ELEMENT) break
    if (kind === FrameKind.BATCH) {
      received.add(input.batch)
      input.release()
    } else if (kind === FrameKind.WATERMARK) received.watermarkMs = Math.max(received.watermarkMs, input.control.watermarkMs)
    else if (kind === FrameKind.BARRIER) received.control(`barrier ${input.control.barrier!.checkpointId}`)
    else if (kind === FrameKind.STATUS) received.control(`idle ${input.control.isIdle}`)
    else if (kind === FrameKind.END) received.control('end 0')
  }
  return taken
}

test('an exchange brings every row in order, behind its watermark, whatever is staged', () => {
  fc.assert(
    fc.property(
      fc.array(elementArbitrary, { minLength: 1, maxLength: 30 }),
      fc.constantFrom(1024, 4096, 65_536),
      fc.constantFrom('hash' as const, 'every' as const, 'first' as const, 'turn' as const),
      fc.infiniteStream(fc.integer({ min: 0, max: 4 })),
      (elements, capacityBytes, routing, dice) => {
        const { slab, writer, inputs } = newExchange(capacityBytes, routing)
        const received = inputs.map(() => new Received())
        const all = new Received()
        const roll = (): number => dice.next().value
        const readSome = (): void => inputs.forEach((input, channel) => take(input, received[channel], roll()))
        const untilFree = (): void => {
          for (let tries = 0; !writer.hasCapacity(); tries++) {
            readSome()
            if (tries > 100_000) throw new Error('the exchange is stuck')
          }
        }
        let id = 0
        let nowMs = 0
        for (const element of elements) {
          untilFree()
          if (element.kind === 'batch') {
            const rows = Array.from({ length: element.rows }, () => {
              id++
              return {
                timestamp: id * 10,
                ...(element.kinds && { kind: (id % 4) as 0 | 1 | 2 | 3 }),
                row: { id, text: id % 7 === 0 ? null : `t${id % 50}`, at: id * 10 },
              }
            })
            const batch = batchFromObjects(slab, SCHEMA, rows)
            if (element.aliased) batch.timestamps = batch.columns[2].values
            for (const position of element.crossings.map((share) => Math.floor(share * (element.rows + 1))).sort((a, b) => a - b))
              batch.crossings.add(position, (nowMs += 5))
            all.add(batch)
            const cut = Math.min(element.rows, Math.floor(element.cut * element.rows))
            for (const [begin, end] of [
              [0, cut],
              [cut, element.rows],
            ]) {
              if (begin === end) continue
              const part = new RecordBatch(slab, SCHEMA, []).viewOf(batch)
              part.begin = begin
              part.end = end
              const { positions, watermarks, count } = batch.crossings
              for (let index = 0; index < count; index++)
                if (positions[index] <= end && (positions[index] > begin || begin === 0)) part.crossings.add(positions[index], watermarks[index])
              writer.offerBatch(part)
              // The batch may change only once the exchange has taken it.
              untilFree()
            }
          } else if (element.kind === 'watermark') {
            all.watermarkMs = nowMs += 5
            writer.offerWatermark(nowMs)
          } else {
            all.control(element.kind === 'status' ? 'idle true' : `barrier ${id}`)
            if (element.kind === 'status') writer.offerStatus(true)
            else writer.offerBarrier({ checkpointId: id, timestampMs: 0, kind: BarrierKind.CHECKPOINT })
          }
          readSome()
          if (roll() === 0) writer.run()
          if (roll() === 0) writer.flush()
        }
        untilFree()
        writer.offerEnd()
        all.control('end 0')
        untilFree()
        inputs.forEach((input, channel) => take(input, received[channel], Infinity))
        // Every channel sees all control elements; of the rows each sees its own, and every row is seen by one channel or by all.
        const isControl = (line: string): boolean => line.split(' ').length === 3
        const seen = new Map<string, number>()
        received.forEach(({ rows, watermarkMs }) => {
          const own = new Set(rows)
          expect(rows).toEqual(all.rows.filter((line) => own.has(line)))
          expect(rows.filter(isControl)).toEqual(all.rows.filter(isControl))
          expect(watermarkMs).toBe(all.watermarkMs)
          for (const line of rows) if (!isControl(line)) seen.set(line, (seen.get(line) ?? 0) + 1)
        })
        const rowLines = all.rows.filter((line) => !isControl(line))
        expect(seen.size).toBe(rowLines.length)
        for (const line of rowLines) expect(seen.get(line)).toBe(routing === 'every' ? CHANNELS : 1)
        if (routing !== 'turn') return
        const counts = received.map(({ rows }) => rows.filter((line) => !isControl(line)).length)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      },
    ),
    { numRuns: 60 },
  )
})

test('small batches for a busy consumer travel together, for an idle one at once', () => {
  const { slab, writer, inputs } = newExchange(1 << 20, 'every')
  const offer = (first: number, count: number): void => {
    const rows = Array.from({ length: count }, (_, index) => ({ timestamp: 0, row: { id: first + index, text: 'x'.repeat(20), at: 0 } }))
    writer.offerBatch(batchFromObjects(slab, SCHEMA, rows))
    writer.offerWatermark(first)
    expect(writer.hasCapacity()).toBe(true)
  }
  const frames = (input: InputChannel): number[] => {
    const counts: number[] = []
    for (let kind = input.poll(); kind !== NO_ELEMENT; kind = input.poll()) {
      if (kind !== FrameKind.BATCH) continue
      counts.push(input.batch.rowCount)
      input.release()
    }
    return counts
  }
  offer(0, 1)
  expect(inputs.map(frames)).toEqual([[1], [1], [1]])
  const batches = 400
  for (let index = 1; index <= batches; index++) offer(index * 10, 10)
  writer.flush()
  for (const input of inputs) {
    const counts = frames(input)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(batches * 10)
    // A few leave at once, until there is enough to do; the rest in frames as full as a stage may be.
    expect(Math.max(...counts)).toBeGreaterThan(STAGE_ROWS_MAX * 0.9)
    expect(counts.length).toBeLessThan(30)
  }
})

test('of a batch that comes in parts each brings the crossing behind its last row', () => {
  const { slab, writer, inputs } = newExchange(65_536, 'every')
  const batch = batchFromObjects(
    slab,
    SCHEMA,
    [1, 2, 3, 4].map((id) => ({ timestamp: id, row: { id, text: null, at: id } })),
  )
  const received = new Received()
  for (const [begin, end] of [
    [0, 2],
    [2, 4],
  ]) {
    const part = new RecordBatch(slab, SCHEMA, []).viewOf(batch)
    part.begin = begin
    part.end = end
    part.crossings.add(end, end * 10)
    writer.offerBatch(part)
    expect(writer.hasCapacity()).toBe(true)
    take(inputs[0], received, Infinity)
    expect(received.watermarkMs).toBe(end * 10)
  }
  expect(received.rows.map((line) => line.split(' ')[0])).toEqual(['-Infinity', '-Infinity', '20', '20'])
})
