// Texts that would do harm where they became part of a program: they end strings, comments and names of several languages and touch a canary behind.

import type { Draws } from './seeds.ts'

declare global {
  // oxlint-disable-next-line no-var -- a property of the global object
  var canary: unknown
}

let touched = 0

/** Whether somebody has read, called or set the canary since this was asked last. */
export function canaryWasTouched(): boolean {
  const was = touched > 0
  touched = 0
  return was
}

Object.defineProperty(globalThis, 'canary', {
  configurable: true,
  get() {
    touched++
    return () => touched++
  },
  set() {
    touched++
  },
})

const TOUCH = ['canary()', 'canary=1', 'globalThis.canary=1', 'this.constructor.constructor("canary()")()']
const AROUND: readonly (readonly [string, string])[] = [
  ["'+", "+'"],
  ['"+', '+"'],
  ['`+', '+`'],
  ['${', '}'],
  ["';", ';//'],
  ['";', ';//'],
  ['`;', ';//'],
  ["\\';", ';//'],
  ['*/', '/*'],
  ['//\n', '\n//'],
  ['\u2028', '\u2028'],
  ['\r', '\r'],
  [');', ';('],
  ['];', ';['],
  ['};', ';{'],
  ['})();', ';(()=>{'],
  ['/);', ';(/'],
  ['k[0];', ''],
  ['\u0000', '\u0000'],
  ['', ''],
]
/** Names that objects of JavaScript have anyway, and those that generated code has. */
const NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'then', 'length', 'name', 'arguments', 'eval', 'this', 'globalThis'],
  ...['canary', 'k', 'row', 'columns', 'slab', 'c0_', 'v0', 'exact', 'from', 'position', 'values', 'target', 'undefined', 'null', 'NaN', 'await', 'class'],
]
const CHARACTERS = [
  '\u0000',
  '\u0001',
  '\ud800',
  '\udfff',
  '\u202e',
  '\ufeff',
  '\u00a0',
  '\ufffd',
  '😀',
  '\\',
  "'",
  '"',
  '`',
  '$',
  '%',
  '\t',
  '\n',
  '\r\n',
  ';',
  '--',
  '/*',
]

export function hostileText(draws: Draws): string {
  return draws.pick([
    () => {
      const [before, after] = draws.pick(AROUND)
      return `${before}${draws.pick(TOUCH)}${after}`
    },
    () => draws.pick(NAMES),
    () => draws.list(0, 6, () => draws.pick(CHARACTERS)).join(''),
    () => `${draws.pick(NAMES)}${draws.pick(CHARACTERS)}${draws.pick(TOUCH)}`,
  ])()
}

/** As SQL writes it. */
export function stringLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

export function identifier(text: string): string {
  return `\`${text.replaceAll('`', '``')}\``
}

/** What other languages know: patterns that are slow elsewhere, paths, formats. */
export function specialText(draws: Draws): string {
  return draws.pick([
    () =>
      draws.pick([
        '(a+)+$',
        '(a|a)*b',
        '(.*)*x',
        '([a-z]+)*\\d',
        '(?:a?){30}a{30}',
        'a{1,1000}',
        '[^]',
        '(',
        '[',
        '\\',
        '(?<n>a)\\k<n>',
        '(?=a)',
        '\\p{L}',
        '[a-',
      ]),
    () => draws.pick(['$', '$.', '$..a', '$[*]', "$['a']", '$[?(@.a)]', '$.a[0 to 2]', 'lax $.a', 'strict $.b', '$["__proto__"]', '$.constructor']),
    () => draws.pick(['yyyy-MM-dd HH:mm:ss', "yyyy''", 'yyyyyyyyyyyyyyyyyyyyyyy', "'", 'XXX', 'G', '[', 'n', '%s %d %n', '%1$s', '%-99999999s', '%c', '%']),
    () => draws.pick(['{', '[[[[', '{"a":', '{"__proto__": {"canary": 1}}', '"\\ud800"', '1e999', '-', 'nul', '{"a":1}x']),
    () =>
      draws.pick([
        'UTC',
        'Nowhere/Land',
        '+99:99',
        'utf-8',
        'utf-99',
        'http://[::1',
        'a=b&c',
        '%zz',
        '-1',
        '1e400',
        '99999999999999999999999999999999999999999',
        'x',
      ]),
    () => 'a'.repeat(draws.pick([1, 30, 3000])),
  ])()
}
