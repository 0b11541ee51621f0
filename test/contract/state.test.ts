import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyStore } from '../../src/state/key-store.ts'
import { LmdbStateBackend } from '../../src/state/lmdb-backend.ts'
import { MemoryStateBackend } from '../../src/state/memory-backend.ts'
import { type BackendShare, KEY_SCHEMAS, stateContract } from './state-contract.ts'

const module = compileKernels()

function newStore({ slab, subtaskIndex, parallelism, keyType }: BackendShare): KeyStore {
  return new KeyStore({
    slab,
    kernels: instantiateKernels(module, slab),
    subtaskIndex,
    parallelism,
    maxParallelism: 128,
    tableSeed: 12345,
    inputs: [{ schema: KEY_SCHEMAS[keyType], key: keyType === 'encoded' ? { kind: 'encoded', column: 1 } : { kind: 'columns', columns: [0] } }],
    timers: false,
  })
}

/** Has nothing in memory but the last key. */
class SpillingBackend extends LmdbStateBackend {
  override resolveKey(keyBytes: Uint8Array): number {
    this.settle()
    return super.resolveKey(keyBytes)
  }
}

const directory = join(tmpdir(), 'millrace-tests')

stateContract('the memory backend', (share) => new MemoryStateBackend(newStore(share)))
stateContract('the lmdb backend', (share) => new LmdbStateBackend(newStore(share), { directory, cacheBytes: 2 ** 20 }))
stateContract('the lmdb backend without a cache', (share) => new SpillingBackend(newStore(share), { directory, cacheBytes: 0 }), {
  skip: [
    {
      reason: 'keys outside of memory are cleaned up by buckets: as many on the average, not behind each batch',
      tests: ['as many keys are cleaned up behind a batch as cleanupIncrementally says'],
    },
  ],
})
