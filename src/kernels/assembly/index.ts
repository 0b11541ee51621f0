// Everything the kernel module exports: one line a file.
export * from './nexmark'
export * from './hash'
export * from './keys'
export * from './table'
export * from './aggregate'
export * from './json-scan'
export { utf8Check } from './utf8'
