// The part of the WebAssembly JavaScript interface that the engine uses: @types/node declares none, and lib.dom would bring a browser along.

declare namespace WebAssembly {
  type ImportValue = Memory | Global | ((...args: never[]) => unknown) | number | bigint
  type Imports = Record<string, Record<string, ImportValue>>
  // oxlint-disable-next-line typescript/no-explicit-any -- exports are typed where they are bound
  type Exports = Record<string, any>

  interface MemoryDescriptor {
    initial: number
    maximum?: number
    shared?: boolean
  }
  class Memory {
    constructor(descriptor: MemoryDescriptor)
    readonly buffer: ArrayBuffer | SharedArrayBuffer
    grow(deltaPages: number): number
  }

  class Global {
    constructor(descriptor: { value: 'i32' | 'i64' | 'f32' | 'f64'; mutable?: boolean }, value?: number | bigint)
    value: number | bigint
  }

  class Module {
    constructor(bytes: ArrayBufferView | ArrayBuffer)
    static imports(module: Module): { module: string; name: string; kind: string }[]
    static exports(module: Module): { name: string; kind: string }[]
  }

  class Instance {
    constructor(module: Module, imports?: Imports)
    readonly exports: Exports
  }

  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  function compile(bytes: ArrayBufferView | ArrayBuffer): Promise<Module>
  function instantiate(module: Module, imports?: Imports): Promise<Instance>
  function validate(bytes: ArrayBufferView | ArrayBuffer): boolean
}
