import { afterEach, describe, expect, test, vi } from 'vitest'
import { CoordinatorWatch } from '../../../src/engine/coordinator-watch.ts'

const ask = vi.fn<() => void>()
const onSilence = vi.fn<(timeoutMs: number) => void>()
const started: CoordinatorWatch[] = []

function watchOf(): CoordinatorWatch {
  // Longer than any test: looks are taken by hand.
  const watch = new CoordinatorWatch(180_000, ask, onSilence)
  started.push(watch)
  return watch
}

afterEach(() => {
  for (const watch of started.splice(0)) watch.end()
  vi.clearAllMocks()
})

describe('CoordinatorWatch', () => {
  test('asks at the second silent look, and calls a coordinator silent after the fifth, once', () => {
    const watch = watchOf()
    watch.heard()
    watch.look()
    expect(ask).not.toHaveBeenCalled()
    for (let looks = 0; looks < 3; looks++) watch.look()
    expect(ask).toHaveBeenCalledTimes(3)
    expect(onSilence).not.toHaveBeenCalled()
    watch.look()
    watch.look()
    expect(onSilence.mock.calls).toEqual([[180_000]])
  })

  test('begins anew with whatever it hears: one late look says nothing', () => {
    const watch = watchOf()
    watch.heard()
    for (let looks = 0; looks < 20; looks++) {
      for (let silent = 0; silent < 4; silent++) watch.look()
      watch.heard()
    }
    expect(onSilence).not.toHaveBeenCalled()
  })

  test('says nothing once the job has ended', () => {
    const watch = watchOf()
    watch.heard()
    for (let looks = 0; looks < 4; looks++) watch.look()
    watch.end()
    watch.look()
    expect(onSilence).not.toHaveBeenCalled()
  })

  test('keeps no process alive', () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
    const before = timers()
    watchOf().heard()
    expect(timers()).toBe(before)
  })
})
