import { expect, test } from 'vitest'
import { BarrierKind } from '../../../src/batch/generated/barrier-kind.ts'
import type { CheckpointBarrier } from '../../../src/exchange/control-element.ts'
import { FrameKind } from '../../../src/exchange/frame-kind.ts'
import { type InputChannel, NO_ELEMENT } from '../../../src/exchange/input-channel.ts'
import { CheckpointingMode } from '../../../src/runtime/checkpoint-options.ts'
import { InputGate } from '../../../src/runtime/input-gate.ts'
import type { OperatorDriver } from '../../../src/runtime/operator-driver.ts'

type Sent = { readonly kind: FrameKind; readonly watermarkMs?: number; readonly barrier?: CheckpointBarrier }

/** A channel that brings what a list says. */
class ScriptedChannel {
  readonly input = 0
  readonly control = { watermarkMs: 0, barrier: undefined as CheckpointBarrier | undefined }
  held = false
  hasDelivered = false
  hasEnded = false
  readonly elements: Sent[]

  constructor(elements: readonly Sent[]) {
    this.elements = [...elements]
  }

  hasElement(): boolean {
    return this.elements.length > 0
  }

  poll(): FrameKind | typeof NO_ELEMENT {
    const next = this.elements.shift()
    if (next === undefined) return NO_ELEMENT
    Object.assign(this.control, next)
    return next.kind
  }
}

const watermark = (watermarkMs: number): Sent => ({ kind: FrameKind.WATERMARK, watermarkMs })
const barrier = (checkpointId: number, kind: BarrierKind = BarrierKind.CHECKPOINT): Sent => ({
  kind: FrameKind.BARRIER,
  barrier: { checkpointId, timestampMs: 0, kind },
})
const END: Sent = { kind: FrameKind.END }

function gateOver(...scripts: (readonly Sent[])[]): ReturnType<typeof gateIn> {
  return gateIn(CheckpointingMode.EXACTLY_ONCE, ...scripts)
}

function gateIn(mode: CheckpointingMode, ...scripts: (readonly Sent[])[]): { gate: InputGate; channels: ScriptedChannel[]; seen: string[] } {
  const seen: string[] = []
  const channels = scripts.map((script) => new ScriptedChannel(script))
  const driver = {
    isIdle: true,
    hasCapacity: () => true,
    offerWatermark: (ms: number) => void seen.push(`watermark ${ms}`),
    offerStatus: (idle: boolean) => void seen.push(`idle ${idle}`),
    offerBarrier: ({ checkpointId }: CheckpointBarrier) => void seen.push(`barrier ${checkpointId}`),
    offerInputEnd: (input: number) => void seen.push(`end ${input}`),
  }
  return { gate: new InputGate(channels as unknown as InputChannel[], driver as unknown as OperatorDriver, 1, [], undefined, mode), channels, seen }
}

function drain(gate: InputGate): void {
  while (gate.step());
}

test('a channel that has delivered its barrier waits until all have', () => {
  const { gate, channels, seen } = gateOver([watermark(1), barrier(1), watermark(50)], [watermark(2)])
  drain(gate)
  expect(seen).toEqual(['watermark 1'])
  expect(channels[0].held).toBe(true)
  expect(gate.hasInput()).toBe(false)
  channels[1].elements.push(barrier(1), watermark(60))
  expect(gate.hasInput()).toBe(true)
  drain(gate)
  expect(seen).toEqual(['watermark 1', 'barrier 1', 'watermark 2', 'watermark 50'])
})

test('a channel that ends is not waited for', () => {
  const { gate, channels, seen } = gateOver([barrier(7), watermark(5), END], [])
  drain(gate)
  expect(seen).toEqual([])
  channels[1].elements.push(END)
  drain(gate)
  expect(seen).toEqual(['barrier 7', 'watermark 5', 'watermark Infinity', 'end 0'])
  expect(gate.hasEnded).toBe(true)
})

test('an input without channels has ended', () => {
  const { gate, seen } = gateOver()
  expect(gate.hasEnded).toBe(false)
  drain(gate)
  expect(seen).toEqual(['watermark Infinity', 'end 0'])
  expect(gate.hasEnded).toBe(true)
})

test('with AT_LEAST_ONCE no channel is held, and the barrier goes on once all have brought it', () => {
  const { gate, channels, seen } = gateIn(CheckpointingMode.AT_LEAST_ONCE, [watermark(1), barrier(1), watermark(50)], [watermark(60)])
  drain(gate)
  expect(seen).toEqual(['watermark 1', 'watermark 50'])
  expect(channels[0].held).toBe(false)
  channels[1].elements.push(barrier(1))
  drain(gate)
  expect(seen.at(-1)).toBe('barrier 1')
})

test('with AT_LEAST_ONCE a channel that has brought its barrier and ends counts once', () => {
  const { gate, channels, seen } = gateIn(CheckpointingMode.AT_LEAST_ONCE, [barrier(1), END], [], [barrier(1)])
  drain(gate)
  expect(seen).not.toContain('barrier 1')
  channels[1].elements.push(barrier(1))
  drain(gate)
  expect(seen).toContain('barrier 1')
})

test('a newer barrier takes the place of one whose other barriers will not come', () => {
  for (const mode of Object.values(CheckpointingMode)) {
    const { gate, channels, seen } = gateIn(mode, [barrier(1), barrier(2)], [barrier(2)])
    drain(gate)
    expect(seen).toEqual(['barrier 2'])
    // What comes late is nothing any more, and holds nothing.
    channels[1].elements.push(barrier(1), watermark(3))
    channels[0].elements.push(watermark(4))
    drain(gate)
    expect(seen).toEqual(['barrier 2', 'watermark 3'])
  }
})

test.each([BarrierKind.SAVEPOINT, BarrierKind.STOP_WITH_SAVEPOINT])('the barrier of a savepoint is aligned in every mode: kind %i', (kind) => {
  const { gate, channels, seen } = gateIn(CheckpointingMode.AT_LEAST_ONCE, [barrier(1, kind), watermark(9)], [watermark(5)])
  drain(gate)
  expect([seen, channels[0].held]).toEqual([[], true])
  channels[1].elements.push(barrier(1, kind), watermark(7))
  drain(gate)
  expect(seen).toEqual(['barrier 1', 'watermark 5', 'watermark 7'])
})
