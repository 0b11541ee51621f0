// Nexmark events as a file of JSON lines, for benchmarks and for other engines: blocks of whole lines, made and written one at a time.

import { closeSync, openSync, writeSync } from 'node:fs'
import { ConnectorError, PlanError } from '../../base/errors.ts'
import { Slab } from '../../base/slab.ts'
import { BUFFER_SLACK_BYTES } from '../../kernels/column-layout.ts'
import { compileKernels, instantiateKernels } from '../../kernels/kernels.ts'
import { NexmarkGenerator } from './nexmark-generator.ts'
import type { NexmarkOptions } from './nexmark-options.ts'

const BLOCK_BYTES = 1 << 20

/** All events of a bounded generator as blocks of whole lines. A block is valid until the next one is asked for. */
export function* nexmarkJsonBlocks(slab: Slab, generator: NexmarkGenerator): Generator<Uint8Array, void, undefined> {
  const bytes = Math.max(BLOCK_BYTES, generator.lineBytesMax) + BUFFER_SLACK_BYTES
  const target = slab.allocate(bytes)
  const step = Math.floor((bytes - BUFFER_SLACK_BYTES) / generator.lineBytesMax)
  try {
    for (let first = 0; first < generator.eventCount; first += step) {
      const length = generator.generateJsonLines(first, Math.min(step, generator.eventCount - first), target)
      yield slab.u8.subarray(target, target + length)
    }
  } finally {
    slab.free(target, bytes)
  }
}

const PAUSE_MS = 1

/** Writes all of a block, also to a pipe that takes only so much at a time. */
function writeAll(file: number, block: Uint8Array): void {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (let written = 0; written < block.length;) {
    try {
      written += writeSync(file, block, written)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      // Nobody notifies: this is a sleep until the pipe's reader has caught up a little.
      Atomics.wait(pause, 0, 0, PAUSE_MS)
    }
  }
}

/** What {@link writeNexmarkFile} wrote. */
export interface NexmarkFileSummary {
  readonly events: number
  readonly bytes: number
}

/**
 * Writes the events to a file (replaced if it exists) or to an open file descriptor.
 *
 * @throws {PlanError} `INVALID_OPTION`, also if `eventCount` is 0.
 * @throws {ConnectorError} `FILE_WRITE` if the file cannot be written.
 */
export function writeNexmarkFile(target: string | number, options: NexmarkOptions): NexmarkFileSummary {
  const slab = new Slab()
  const generator = new NexmarkGenerator(slab, instantiateKernels(compileKernels(), slab), options)
  if (generator.settings.eventCount === 0) throw new PlanError('INVALID_OPTION', 'Cannot write Nexmark events without end: eventCount must be above 0')
  let bytes = 0
  try {
    const file = typeof target === 'number' ? target : openSync(target, 'w')
    try {
      for (const block of nexmarkJsonBlocks(slab, generator)) {
        writeAll(file, block)
        bytes += block.length
      }
    } finally {
      if (typeof target !== 'number') closeSync(file)
    }
  } catch (cause) {
    throw new ConnectorError(
      'FILE_WRITE',
      `Cannot write Nexmark events to ${target === 1 ? 'standard output' : typeof target === 'number' ? `file descriptor ${target}` : `"${target}"`}: ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
  return { events: generator.settings.eventCount, bytes }
}
