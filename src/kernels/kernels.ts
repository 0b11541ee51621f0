// Loads the WebAssembly kernels and binds them to a slab. The module is compiled once a process and sent to the workers; each worker has
// one instance, so that every call site sees one function and stays fast.

import { compileModule, instantiateModule, type WasmModule } from '../base/webassembly.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AssertionError } from '../base/assert.ts'
import { packageRoot } from '../base/platform.ts'
import type { Slab } from '../base/slab.ts'
import type { AggregateKernels } from './aggregate.ts'
import type { DictionaryKernels } from './dictionary.ts'
import type { GatherKernels } from './gather.ts'
import type { GroupKernels } from './groups.ts'
import type { HashKernels } from './hash.ts'
import type { JoinKernels } from './join.ts'
import type { KeepKernels } from './keep.ts'
import type { KeyKernels } from './keys.ts'
import type { RecordKernels } from './records.ts'
import type { ScatterKernels } from './scatter.ts'
import type { SelectKernels } from './select.ts'
import type { SortKernels } from './sort.ts'
import type { TableKernels } from './table.ts'
import type { TextKernels } from './texts.ts'
import type { TimeKernels } from './times.ts'

/** The exported kernels. Arguments and results are byte addresses in the slab and counts; each is described where it is declared. */
export interface Kernels
  extends
    AggregateKernels,
    DictionaryKernels,
    GatherKernels,
    GroupKernels,
    HashKernels,
    JoinKernels,
    KeepKernels,
    KeyKernels,
    RecordKernels,
    ScatterKernels,
    SelectKernels,
    SortKernels,
    TableKernels,
    TextKernels,
    TimeKernels {}

/** `checked` has assertions and canary words and is several times slower: tests run every kernel suite with both. */
export type KernelBuild = 'fast' | 'checked'

/** Compiles the kernels: 5-10 ms, once a process. */
export function compileKernels(build: KernelBuild = 'fast'): WasmModule {
  return compileModule(readFileSync(join(packageRoot(), 'dist', build === 'fast' ? 'kernels.wasm' : 'kernels-checked.wasm')))
}

/** Binds compiled kernels to one slab. Call once per slab and thread. */
export function instantiateKernels(module: WasmModule, slab: Slab): Kernels {
  const abort = (_message: number, _file: number, line: number, column: number): never => {
    throw new AssertionError(`Kernel assertion failed at ${line}:${column}`)
  }
  return instantiateModule(module, { env: { memory: slab.memory, abort } }) as unknown as Kernels
}
