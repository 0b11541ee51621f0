import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../src/base/clock.ts'
import { IdleStrategy, spinMicrosFor } from '../../../src/ring/idle-strategy.ts'
import { Doorbell, DOORBELL_BYTES } from '../../../src/ring/parking.ts'

function newDoorbell(timeoutMsMax?: number): Doorbell {
  return new Doorbell(new SharedArrayBuffer(DOORBELL_BYTES), 0, timeoutMsMax)
}

const never = (): boolean => false

describe('Doorbell', () => {
  test('Doorbell.park() does not sleep when the check after declaring sleep finds work', () => {
    const doorbell = newDoorbell()
    let wasParked = false
    const slept = doorbell.park(() => {
      wasParked = doorbell.isParked()
      return true
    }, 1_000)
    expect([slept, wasParked, doorbell.isParked(), doorbell.parkCount]).toEqual([false, true, false, 0])
  })

  test('Doorbell.park() returns at once when somebody rings between the check and the wait', () => {
    const doorbell = newDoorbell(60_000)
    const slept = doorbell.park(() => {
      expect(doorbell.ring()).toBe(true)
      return false
    }, 60_000)
    expect([slept, doorbell.isParked(), doorbell.lateWakeCount]).toEqual([true, false, 0])
  })

  test('Doorbell.park() ends with its timeout, and counts a late wake only if there was work and no ring', () => {
    const doorbell = newDoorbell()
    doorbell.park(never, 1)
    expect([doorbell.parkCount, doorbell.lateWakeCount]).toEqual([1, 0])
    let checks = 0
    doorbell.park(() => checks++ > 0, 1)
    expect([doorbell.parkCount, doorbell.lateWakeCount]).toEqual([2, 1])
  })

  test('Doorbell.ring() does nothing when the owner is awake', () => {
    const doorbell = newDoorbell()
    expect(doorbell.ring()).toBe(false)
    expect(doorbell.isParked()).toBe(false)
  })

  test('Doorbell.post() to an awake owner keeps it from sleeping until it has taken its mail', async () => {
    const doorbell = newDoorbell(60_000)
    expect([doorbell.post(), doorbell.hasMail()]).toEqual([false, true])
    expect([doorbell.park(never, 60_000), await doorbell.parkAsync(never, 60_000)]).toEqual([false, false])
    doorbell.takeMail()
    expect([doorbell.hasMail(), doorbell.park(never, 1), doorbell.parkCount]).toEqual([false, true, 1])
    doorbell.close()
  })

  test('Doorbell.post() between the check and the wait ends the park, and stays until the owner takes it', () => {
    const doorbell = newDoorbell(60_000)
    const slept = doorbell.park(() => {
      expect(doorbell.post()).toBe(true)
      return false
    }, 60_000)
    expect([slept, doorbell.hasMail(), doorbell.lateWakeCount]).toEqual([true, true, 0])
    expect(doorbell.park(never, 60_000)).toBe(false)
  })

  test('mail is counted across the wrap of its word', () => {
    const buffer = new SharedArrayBuffer(DOORBELL_BYTES)
    const doorbell = new Doorbell(buffer, 0)
    // Every word but the state: parks, late wakes and mail.
    new Int32Array(buffer).fill(2 ** 31 - 1, 1)
    doorbell.takeMail()
    doorbell.post()
    expect(doorbell.hasMail()).toBe(true)
    doorbell.takeMail()
    expect(doorbell.hasMail()).toBe(false)
  })

  test('Doorbell.parkAsync() lets the event loop run, and a ring from a callback ends it', async () => {
    const doorbell = newDoorbell(60_000)
    let hasWork = false
    const parked = doorbell.parkAsync(() => hasWork, 60_000)
    expect(doorbell.isParked()).toBe(true)
    setImmediate(() => {
      hasWork = true
      doorbell.ring()
    })
    expect(await parked).toBe(true)
    expect([doorbell.isParked(), doorbell.lateWakeCount, doorbell.parkCount]).toEqual([false, 0, 1])
    doorbell.close()
  })

  test('Doorbell.parkAsync() resolves at once when there is work, when somebody was quicker, and when its timeout ends', async () => {
    const doorbell = newDoorbell(60_000)
    expect(await doorbell.parkAsync(() => true, 60_000)).toBe(false)
    expect(
      await doorbell.parkAsync(() => {
        doorbell.ring()
        return false
      }, 60_000),
    ).toBe(true)
    expect(await doorbell.parkAsync(never, 1)).toBe(true)
    expect(doorbell.lateWakeCount).toBe(0)
    doorbell.close()
  })
})

describe('IdleStrategy', () => {
  test('spinMicrosFor() parks at once when threads outnumber cores and spins longer when cores are to spare', () => {
    expect(spinMicrosFor(3, 2)).toBe(0)
    expect(spinMicrosFor(2, 2)).toBe(5)
    expect(spinMicrosFor(1, 2)).toBeGreaterThan(5)
  })

  test('IdleStrategy.idle() spins until the clock says so, then parks', () => {
    const clock = new VirtualClock(1)
    const doorbell = newDoorbell()
    const strategy = new IdleStrategy(doorbell, { clock, spinMicros: 5 })
    let checks = 0
    let checksAwake = 0
    const hasWork = (): boolean => {
      checks++
      if (!doorbell.isParked()) checksAwake++
      clock.advanceMs(0.001)
      return false
    }
    expect(strategy.idle(hasWork, 1)).toBe(true)
    expect(checksAwake).toBeGreaterThanOrEqual(5)
    expect(checksAwake).toBeLessThan(20)
    expect(doorbell.parkCount).toBe(1)
    expect(checks).toBeGreaterThan(checksAwake)
  })

  test('IdleStrategy.idle() returns without sleeping when work appears while it spins, or when there is no time to wait', () => {
    const doorbell = newDoorbell()
    const strategy = new IdleStrategy(doorbell, { clock: new VirtualClock(), spinMicros: 5 })
    let checks = 0
    expect(strategy.idle(() => ++checks === 3, 1_000)).toBe(false)
    expect(checks).toBe(3)
    expect(strategy.idle(never, 0)).toBe(false)
    expect(doorbell.parkCount).toBe(0)
  })

  test('IdleStrategy.idle() stops spinning and does not sleep when mail comes', () => {
    const doorbell = newDoorbell(60_000)
    const strategy = new IdleStrategy(doorbell, { clock: new VirtualClock(), spinMicros: 5 })
    let checks = 0
    const slept = strategy.idle(() => {
      if (++checks === 3) doorbell.post()
      return false
    }, 60_000)
    expect([slept, checks, doorbell.parkCount]).toEqual([false, 3, 0])
  })

  test('IdleStrategy.idle() parks at once when told not to spin', () => {
    const doorbell = newDoorbell()
    const strategy = new IdleStrategy(doorbell, { clock: new VirtualClock(), spinMicros: 0 })
    const states: boolean[] = []
    strategy.idle(() => states.push(doorbell.isParked()) < 0, 1)
    expect(states[0]).toBe(true)
  })

  test('IdleStrategy.idleAsync() sleeps like idle() while the event loop runs', async () => {
    const doorbell = newDoorbell(60_000)
    const strategy = new IdleStrategy(doorbell, { clock: new VirtualClock(), spinMicros: 0 })
    let hasWork = false
    setImmediate(() => {
      hasWork = true
      doorbell.ring()
    })
    expect(await strategy.idleAsync(() => hasWork, 60_000)).toBe(true)
    strategy.spinMicros = 5
    expect(await strategy.idleAsync(() => hasWork, 60_000)).toBe(false)
    doorbell.close()
  })
})
