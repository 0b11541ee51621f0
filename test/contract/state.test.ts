import { compileKernels, instantiateKernels } from '../../src/kernels/kernels.ts'
import { KeyStore } from '../../src/state/key-store.ts'
import { MemoryStateBackend } from '../../src/state/memory-backend.ts'
import { KEY_SCHEMAS, stateContract } from './state-contract.ts'

const module = compileKernels()

stateContract(
  'the memory backend',
  ({ slab, subtaskIndex, parallelism, keyType }) =>
    new MemoryStateBackend(
      new KeyStore({
        slab,
        kernels: instantiateKernels(module, slab),
        subtaskIndex,
        parallelism,
        maxParallelism: 128,
        tableSeed: 12345,
        inputs: [{ schema: KEY_SCHEMAS[keyType], key: keyType === 'encoded' ? { kind: 'encoded', column: 1 } : { kind: 'columns', columns: [0] } }],
        timers: false,
      }),
    ),
)
