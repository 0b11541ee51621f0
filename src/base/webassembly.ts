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

/** Fills and copies ranges of one memory. */
export interface BulkOperations {
  fill(address: number, value: number, bytes: number): void
  /** The ranges may overlap. */
  copy(target: number, source: number, bytes: number): void
}

/** `fill` and `copy` over an imported memory, one instruction each. */
// prettier-ignore
const BULK_OPERATIONS = Uint8Array.of(
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  // One type: (i32, i32, i32) -> ().
  0x01, 0x07, 0x01, 0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x00,
  // Import env.memory: shared, 0 to 65536 pages.
  0x02, 0x12, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x03, 0x00, 0x80, 0x80, 0x04,
  // Two functions of that type, exported as fill and copy.
  0x03, 0x03, 0x02, 0x00, 0x00,
  0x07, 0x0f, 0x02, 0x04, 0x66, 0x69, 0x6c, 0x6c, 0x00, 0x00, 0x04, 0x63, 0x6f, 0x70, 0x79, 0x00, 0x01,
  // Each hands its arguments to memory.fill or memory.copy.
  0x0a, 0x1a, 0x02, 0x0b, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfc, 0x0b, 0x00, 0x0b,
  0x0c, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfc, 0x0a, 0x00, 0x00, 0x0b,
)

let bulkModule: WasmModule | undefined

/**
 * Bulk operations as fast as the processor has them. The methods of typed arrays are not, over shared memory: they go byte by byte, or word by word,
 * so that other threads see no torn words; `fill` of 256 KiB takes 77 us there and 3 us here.
 */
export function bulkOperationsOf(memory: WasmMemory): BulkOperations {
  bulkModule ??= compileModule(BULK_OPERATIONS)
  return instantiateModule(bulkModule, { env: { memory } }) as unknown as BulkOperations
}

/** Compiles a module; throws if the bytes are none. */
export function compileModule(bytes: Uint8Array): WasmModule {
  return new WebAssembly.Module(bytes)
}

/** Instantiates a module over its imports and returns what it exports. */
export function instantiateModule(module: WasmModule, imports: Record<string, Record<string, unknown>>): Record<string, unknown> {
  return new WebAssembly.Instance(module, imports).exports
}
