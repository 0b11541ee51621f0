// The part of the WebAssembly JavaScript interface that the engine uses. Declared in this module only: neither lib es2023 nor @types/node 20
// has it, and a global declaration of ours would meet the one of a user who compiles with lib.dom.

/** A shared memory. Growing makes a new, longer buffer over the same bytes; older ones keep their length. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer
  grow(pages: number): number
}

declare const compiled: unique symbol

/** Compiled code; may be posted to other threads. */
export interface WasmModule {
  readonly [compiled]?: never
}

declare const WebAssembly: {
  readonly Memory: new (descriptor: { initial: number; maximum: number; shared: true }) => WasmMemory
  readonly Module: new (bytes: Uint8Array) => WasmModule
  readonly Instance: new (module: WasmModule, imports: Record<string, Record<string, unknown>>) => { readonly exports: Record<string, unknown> }
}

/** The class of memories, for checks by `instanceof`. */
export const WasmMemory = WebAssembly.Memory

/** A shared memory of `initial` pages that may grow to `maximum`. */
export function createMemory(initial: number, maximum: number): WasmMemory {
  return new WebAssembly.Memory({ initial, maximum, shared: true })
}

/** Compiles a module; throws if the bytes are none. */
export function compileModule(bytes: Uint8Array): WasmModule {
  return new WebAssembly.Module(bytes)
}

/** Instantiates a module over its imports and returns what it exports. */
export function instantiateModule(module: WasmModule, imports: Record<string, Record<string, unknown>>): Record<string, unknown> {
  return new WebAssembly.Instance(module, imports).exports
}
