// Aligned windows as slices: the widest pieces of time that every window is made of. A slice begins where a window begins or ends, so that a
// slide has at most two, whatever its size. Pure arithmetic, all in epoch ms.

import type { WatermarkView } from '../../time/watermark-view.ts'

/** Windows whose borders lie on a grid. */
export type AlignedWindows =
  | { readonly kind: 'tumbling'; readonly sizeMs: number; readonly offsetMs: number }
  /** `sizeMs` is a multiple of nothing in particular; below `slideMs` it leaves gaps, slices that are in no window. */
  | { readonly kind: 'sliding'; readonly sizeMs: number; readonly slideMs: number; readonly offsetMs: number }
  /** Windows [S, S + step), [S, S + 2 step) … [S, S + size). */
  | { readonly kind: 'cumulative'; readonly sizeMs: number; readonly stepMs: number; readonly offsetMs: number }

/** Windows in words: "sliding, 20000 ms every 10000 ms". */
export function formatWindows(windows: AlignedWindows): string {
  const offset = windows.offsetMs === 0 ? '' : `, shifted by ${windows.offsetMs} ms`
  const every = windows.kind === 'sliding' ? ` every ${windows.slideMs} ms` : windows.kind === 'cumulative' ? ` in steps of ${windows.stepMs} ms` : ''
  return `${windows.kind}, ${windows.sizeMs} ms${every}${offset}`
}

/** Windows end every so often. */
function periodMsOf(windows: AlignedWindows): number {
  switch (windows.kind) {
    case 'tumbling':
      return windows.sizeMs
    case 'sliding':
      return windows.slideMs
    case 'cumulative':
      return windows.stepMs
  }
}

/** Start of the piece of width `widthMs` that holds `timestampMs`. */
function startOf(timestampMs: number, widthMs: number, offsetMs: number): number {
  return Math.floor((timestampMs - offsetMs) / widthMs) * widthMs + offsetMs
}

/** Start of the slice that holds `timestampMs`. */
export function sliceStartMs(windows: AlignedWindows, timestampMs: number): number {
  const startMs = startOf(timestampMs, periodMsOf(windows), windows.offsetMs)
  if (windows.kind !== 'sliding') return startMs
  // Where the windows end that end between two starts: on the start itself if the slide divides the size.
  const splitMs = startMs + (windows.sizeMs % windows.slideMs)
  return timestampMs < splitMs ? startMs : splitMs
}

/** End of the slice that begins at `startMs`. */
export function sliceEndMs(windows: AlignedWindows, startMs: number): number {
  const periodMs = periodMsOf(windows)
  const periodStartMs = startOf(startMs, periodMs, windows.offsetMs)
  const splitMs = windows.kind === 'sliding' ? windows.sizeMs % windows.slideMs : 0
  return startMs < periodStartMs + splitMs ? periodStartMs + splitMs : periodStartMs + periodMs
}

/** End of the last window that holds the slice: its records are late once the watermark has reached that - 1. -Infinity if no window does. */
export function lastWindowEndMs(windows: AlignedWindows, startMs: number): number {
  switch (windows.kind) {
    case 'tumbling':
      return startMs + windows.sizeMs
    case 'sliding': {
      const endMs = startOf(startMs, windows.slideMs, windows.offsetMs) + windows.sizeMs
      return endMs > startMs ? endMs : -Infinity
    }
    case 'cumulative':
      return startOf(startMs, windows.sizeMs, windows.offsetMs) + windows.sizeMs
  }
}

/** End of the first window that holds the slice and ends after `afterMs`; Infinity if there is none. */
export function nextWindowEndMs(windows: AlignedWindows, startMs: number, afterMs: number): number {
  const lastMs = lastWindowEndMs(windows, startMs)
  const leastMs = Math.max(sliceEndMs(windows, startMs), afterMs + 1)
  if (leastMs > lastMs) return Infinity
  const periodMs = periodMsOf(windows)
  return lastMs - Math.floor((lastMs - leastMs) / periodMs) * periodMs
}

/** The least watermark above `watermarkMs` at which a window ends. */
export function nextFiringMs(windows: AlignedWindows, watermarkMs: number): number {
  const periodMs = periodMsOf(windows)
  return startOf(watermarkMs + 1, periodMs, firstEndMs(windows)) + periodMs - 1
}

/** Start of the window that ends at `endMs`. */
export function windowStartMs(windows: AlignedWindows, endMs: number): number {
  return windows.kind === 'cumulative' ? startOf(endMs - 1, windows.sizeMs, windows.offsetMs) : endMs - windows.sizeMs
}

/** What of passing time changes these windows: their ends; where there are gaps every millisecond, since a record in one has no other measure of late. */
export function watermarkViewOf(windows: AlignedWindows): WatermarkView {
  if (windows.kind === 'sliding' && windows.sizeMs < windows.slideMs) return { kind: 'every' }
  const periodMs = periodMsOf(windows)
  return { kind: 'grid', periodMs, offsetMs: firstEndMs(windows) % periodMs }
}

/** A time at which a window ends. */
function firstEndMs(windows: AlignedWindows): number {
  return windows.offsetMs + windows.sizeMs
}
