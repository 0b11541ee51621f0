// Scatter: rows to targets by key group. A counting sort: rows of one target lie together, in their order. Row `i` of a call is the row at logical
// position `begin + i`.

import { rowAt } from './rows'

// @ts-ignore: decorator
@inline function owner(hash: usize, maxParallelism: u32, owners: usize, isMask: bool): u32 {
  const high = load<u32>(hash, 4)
  return load<u16>(owners + (<usize>(isMask ? high & (maxParallelism - 1) : high % maxParallelism) << 1))
}

// @ts-ignore: decorator
@inline function assign(hashes: usize, n: u32, maxParallelism: u32, owners: usize, isMask: bool, targets: usize): void {
  for (let row: u32 = 0; row < n; row++) store<u16>(targets + (<usize>row << 1), <u16>owner(hashes + (<usize>row << 3), maxParallelism, owners, isMask))
}

/** The target of each row: u16 targets[n] = owners[key group], from u64 hashes[n]. `owners` is u16[maxParallelism]. */
export function scatterTargets(hashes: usize, n: u32, maxParallelism: u32, owners: usize, targets: usize): void {
  if ((maxParallelism & (maxParallelism - 1)) == 0) assign(hashes, n, maxParallelism, owners, true, targets)
  else assign(hashes, n, maxParallelism, owners, false, targets)
}

/**
 * Groups rows by target: physical rows int32 rows[n], those of target t at starts[t]..starts[t + 1] - 1, u32 starts[targetCount + 1]. `targets` is
 * u16[n], each below `targetCount`.
 */
export function scatterRows(targets: usize, n: u32, targetCount: u32, selection: usize, begin: u32, starts: usize, rows: usize): void {
  memory.fill(starts, 0, (<usize>targetCount + 1) << 2)
  for (let row: u32 = 0; row < n; row++) {
    const target = load<u16>(targets + (<usize>row << 1))
    assert(target < targetCount)
    const at = starts + (<usize>target << 2)
    store<u32>(at, load<u32>(at, 4) + 1, 4)
  }
  for (let target: u32 = 1; target <= targetCount; target++) {
    const at = starts + (<usize>target << 2)
    store<u32>(at, load<u32>(at) + load<u32>(at - 4))
  }
  // Each start walks to its target's end, which is the next one's start: shifted back afterwards.
  for (let row: u32 = 0; row < n; row++) {
    const at = starts + (<usize>load<u16>(targets + (<usize>row << 1)) << 2)
    const position = load<u32>(at)
    store<u32>(at, position + 1)
    store<u32>(rows + (<usize>position << 2), rowAt(selection, begin + row))
  }
  memory.copy(starts + 4, starts, <usize>targetCount << 2)
  store<u32>(starts, 0)
}
