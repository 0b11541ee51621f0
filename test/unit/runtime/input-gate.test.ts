import { expect, test } from 'vitest'
import { BarrierKind } from '../../../src/batch/generated/barrier-kind.ts'
import type { CheckpointBarrier } from '../../../src/exchange/control-element.ts'
import { FrameKind } from '../../../src/exchange/frame-kind.ts'
import { type InputChannel, NO_ELEMENT } from '../../../src/exchange/input-channel.ts'
import { InputGate } from '../../../src/runtime/input-gate.ts'
import type { OperatorDriver } from '../../../src/runtime/operator-driver.ts'

type Sent = { readonly kind: FrameKind; readonly watermarkMs?: number; readonly barrier?: CheckpointBarrier }

/** A channel that brings what a list says. */
class ScriptedChannel {
  readonly input = 0
  readonly control = { watermarkMs: 0, barrier: undefined as CheckpointBarrier | undefined }
  readonly ring = { hasFrame: (): boolean => this.elements.length > 0 }
  held = false
  readonly elements: Sent[]

  constructor(elements: readonly Sent[]) {
    this.elements = [...elements]
  }

  poll(): FrameKind | typeof NO_ELEMENT {
    const next = this.elements.shift()
    if (next === undefined) return NO_ELEMENT
    Object.assign(this.control, next)
    return next.kind
  }
}

const watermark = (watermarkMs: number): Sent => ({ kind: FrameKind.WATERMARK, watermarkMs })
const barrier = (checkpointId: number): Sent => ({ kind: FrameKind.BARRIER, barrier: { checkpointId, timestampMs: 0, kind: BarrierKind.CHECKPOINT } })
const END: Sent = { kind: FrameKind.END }

function gateOver(...scripts: (readonly Sent[])[]): { gate: InputGate; channels: ScriptedChannel[]; seen: string[] } {
  const seen: string[] = []
  const channels = scripts.map((script) => new ScriptedChannel(script))
  const driver = {
    hasCapacity: () => true,
    offerWatermark: (ms: number) => void seen.push(`watermark ${ms}`),
    offerStatus: (idle: boolean) => void seen.push(`idle ${idle}`),
    offerBarrier: ({ checkpointId }: CheckpointBarrier) => void seen.push(`barrier ${checkpointId}`),
    offerInputEnd: (input: number) => void seen.push(`end ${input}`),
  }
  return { gate: new InputGate(channels as unknown as InputChannel[], driver as unknown as OperatorDriver, 1), channels, seen }
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
