import { ByteBuffer } from 'flatbuffers'
import { expect, test } from 'vitest'
import { BarrierKind } from '../../../src/batch/generated/barrier-kind.ts'
import { Barrier } from '../../../src/batch/generated/barrier.ts'
import { EndOfInput } from '../../../src/batch/generated/end-of-input.ts'
import { LatencyMarker } from '../../../src/batch/generated/latency-marker.ts'
import { Watermark } from '../../../src/batch/generated/watermark.ts'
import { WatermarkStatus } from '../../../src/batch/generated/watermark-status.ts'
import { CONTROL_BYTES_MAX, ControlElement } from '../../../src/exchange/control-element.ts'
import { FrameKind } from '../../../src/exchange/frame-kind.ts'

const AT = 8

/** What an element wrote, for the generated code; and read back. */
function written(fill: (element: ControlElement) => void, length: number): { bytes: ByteBuffer; back: ControlElement } {
  const element = new ControlElement()
  fill(element)
  const bytes = new Uint8Array(AT + CONTROL_BYTES_MAX)
  const data = new DataView(bytes.buffer)
  expect(element.write(data, AT)).toBe(length)
  const back = new ControlElement()
  back.read(element.kind, data, AT)
  return { bytes: new ByteBuffer(bytes), back }
}

test('control elements are the structs of the schema', () => {
  for (const watermarkMs of [-Infinity, -1, 1_700_000_000_123, Infinity]) {
    const { bytes, back } = written((element) => Object.assign(element, { kind: FrameKind.WATERMARK, watermarkMs }), Watermark.sizeOf())
    expect(new Watermark().__init(AT, bytes).watermarkMs()).toBe(watermarkMs)
    expect(back.watermarkMs).toBe(watermarkMs)
  }
  for (const isIdle of [true, false]) {
    const { bytes, back } = written((element) => Object.assign(element, { kind: FrameKind.STATUS, isIdle }), WatermarkStatus.sizeOf())
    expect(new WatermarkStatus().__init(AT, bytes).isIdle()).toBe(isIdle)
    expect(back.isIdle).toBe(isIdle)
  }
  for (const checkpointId of [0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const barrier = { checkpointId, timestampMs: 1.5e12, kind: BarrierKind.STOP_WITH_SAVEPOINT }
    const { bytes, back } = written((element) => Object.assign(element, { kind: FrameKind.BARRIER, barrier }), Barrier.sizeOf())
    const read = new Barrier().__init(AT, bytes)
    expect([read.checkpointId(), read.timestampMs(), read.kind()]).toEqual([BigInt(checkpointId), 1.5e12, BarrierKind.STOP_WITH_SAVEPOINT])
    expect(back.barrier).toEqual(barrier)
  }
  const marker = { markedMs: 12.25, taskIndex: 3, subtaskIndex: 7 }
  const latency = written((element) => Object.assign(element, { kind: FrameKind.LATENCY, marker }), LatencyMarker.sizeOf())
  const read = new LatencyMarker().__init(AT, latency.bytes)
  expect([read.markedMs(), read.taskIndex(), read.subtaskIndex()]).toEqual([12.25, 3, 7])
  expect(latency.back.marker).toEqual(marker)
  const end = written((element) => (element.kind = FrameKind.END), EndOfInput.sizeOf())
  expect(new EndOfInput().__init(AT, end.bytes).isDrained()).toBe(true)
})
