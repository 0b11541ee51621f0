// Aligned windows as slices: the widest pieces of time that every window is made of. Pure arithmetic, all in epoch ms.

/** Windows whose borders lie on a grid. */
export type AlignedWindows =
  | { readonly kind: 'tumbling'; readonly sizeMs: number; readonly offsetMs: number }
  /** `sizeMs` is a multiple of nothing in particular: slices are as wide as the greatest common divisor of size and slide. */
  | { readonly kind: 'sliding'; readonly sizeMs: number; readonly slideMs: number; readonly offsetMs: number }
  /** Windows [S, S + step), [S, S + 2 step) … [S, S + size). */
  | { readonly kind: 'cumulative'; readonly sizeMs: number; readonly stepMs: number; readonly offsetMs: number }

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/** Width of the slices. */
export function sliceWidthMs(windows: AlignedWindows): number {
  switch (windows.kind) {
    case 'tumbling':
      return windows.sizeMs
    case 'sliding':
      return greatestCommonDivisor(windows.sizeMs, windows.slideMs)
    case 'cumulative':
      return windows.stepMs
  }
}

/** Start of the piece of width `widthMs` that holds `timestampMs`. */
export function startOf(timestampMs: number, widthMs: number, offsetMs: number): number {
  return Math.floor((timestampMs - offsetMs) / widthMs) * widthMs + offsetMs
}

/** End of the last window that holds the slice: its records are late once the watermark has reached that - 1. 0-width: -Infinity if no window does. */
export function lastWindowEndMs(windows: AlignedWindows, sliceStartMs: number): number {
  switch (windows.kind) {
    case 'tumbling':
      return sliceStartMs + windows.sizeMs
    case 'sliding': {
      const end = startOf(sliceStartMs, windows.slideMs, windows.offsetMs) + windows.sizeMs
      // A slide beyond the size leaves gaps, whose records belong to no window.
      return end > sliceStartMs ? end : -Infinity
    }
    case 'cumulative':
      return startOf(sliceStartMs, windows.sizeMs, windows.offsetMs) + windows.sizeMs
  }
}

/** End of the first window that holds the slice and ends after `afterMs`; Infinity if there is none. */
export function nextWindowEndMs(windows: AlignedWindows, sliceStartMs: number, afterMs: number): number {
  const last = lastWindowEndMs(windows, sliceStartMs)
  const sliceEndMs = sliceStartMs + sliceWidthMs(windows)
  const least = Math.max(sliceEndMs, afterMs + 1)
  if (least > last) return Infinity
  switch (windows.kind) {
    case 'tumbling':
      return last
    case 'sliding':
      return last - Math.floor((last - least) / windows.slideMs) * windows.slideMs
    case 'cumulative':
      return last - Math.floor((last - least) / windows.stepMs) * windows.stepMs
  }
}

/** Start of the window that ends at `endMs`. */
export function windowStartMs(windows: AlignedWindows, endMs: number): number {
  return windows.kind === 'cumulative' ? startOf(endMs - 1, windows.sizeMs, windows.offsetMs) : endMs - windows.sizeMs
}
