// Which backend keeps the keyed state of an operator, or its tables: what the configuration says. Runs on the worker's thread.

import { tmpdir } from 'node:os'
import type { Slab } from '../base/slab.ts'
import type { KeyStore } from './key-store.ts'
import { LmdbStateBackend } from './lmdb-backend.ts'
import type { LmdbOptions } from './lmdb-rows.ts'
import { LmdbTables, type LmdbTablesOptions } from './lmdb-tables.ts'
import { MemoryStateBackend } from './memory-backend.ts'
import type { KeyedStateBackend } from './state.ts'

/** Part of a worker's memory that the cache of `lmdb` takes. */
const CACHE_SHARE = 0.25

/** Opens the backend that the configuration asks for: without a word of it, memory. */
export function openStateBackend(store: KeyStore, isCheckpointed: boolean, option: (key: string) => string | undefined): KeyedStateBackend {
  const lmdb = lmdbOptions(store.slab, option)
  return lmdb === undefined ? new MemoryStateBackend(store) : new LmdbStateBackend(store, { ...lmdb, isCheckpointed })
}

/** What has tables leave memory, if the configuration asks for it. */
export function openTables(options: Omit<LmdbTablesOptions, keyof LmdbOptions>, option: (key: string) => string | undefined): LmdbTables | undefined {
  const lmdb = lmdbOptions(options.slab, option)
  return lmdb === undefined ? undefined : new LmdbTables({ ...options, ...lmdb })
}

function lmdbOptions(slab: Slab, option: (key: string) => string | undefined): LmdbOptions | undefined {
  if (option('state.backend.type') !== 'lmdb') return undefined
  const cacheSize = option('state.backend.lmdb.cache-size')
  return {
    directory: option('state.backend.lmdb.dir') ?? tmpdir(),
    cacheBytes: cacheSize === undefined ? slab.bytesMax * CACHE_SHARE : Number(cacheSize),
  }
}
