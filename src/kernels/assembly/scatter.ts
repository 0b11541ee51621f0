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
  if (targetCount == 2) return scatterInTwo(targets, n, selection, begin, starts, rows)
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

/** Two targets, without counting first: the second one's rows are written from the end of the list, then turned round. */
function scatterInTwo(targets: usize, n: u32, selection: usize, begin: u32, starts: usize, rows: usize): void {
  let low = rows
  let high = rows + (<usize>n << 2)
  for (let row: u32 = 0; row < n; row++) {
    const target = <usize>load<u16>(targets + (<usize>row << 1))
    assert(target < 2)
    const source = rowAt(selection, begin + row)
    high -= target << 2
    // Both ends are written, so that there is no branch: the wrong one keeps what it had, or is written again by a later row.
    const kept = load<u32>(high)
    store<u32>(low, source)
    store<u32>(high, select<u32>(source, kept, target != 0))
    low += (1 - target) << 2
  }
  const count = <u32>((low - rows) >> 2)
  store<u32>(starts, 0)
  store<u32>(starts, count, 4)
  store<u32>(starts, n, 8)
  for (let end = rows + (<usize>n << 2); low + 4 < end; low += 4) {
    end -= 4
    const row = load<u32>(low)
    store<u32>(low, load<u32>(end))
    store<u32>(end, row)
  }
}
