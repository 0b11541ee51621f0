// `millrace options`: the registry of configuration options.

import { type ConfigOption, configOptions } from '../engine/options.ts'
import { ExitCode } from './error-text.ts'
import { styleOf, type Terminal } from './terminal.ts'

const COLUMNS_MAX = 100
const INDENT = '    '

/** Prints all options, or those whose key holds a text, on standard output. */
export function optionsCommand(filter: string | undefined, isJson: boolean, terminal: Terminal): number {
  const options = configOptions().filter(({ key }) => filter === undefined || key.includes(filter))
  if (isJson) terminal.print(`${JSON.stringify(options.map(jsonOf), undefined, 2)}\n`)
  else terminal.print(options.map((option) => describe(option, terminal)).join('\n'))
  return options.length > 0 ? ExitCode.OK : ExitCode.USAGE
}

function jsonOf({ key, type, unit, default: value, documentation }: ConfigOption): object {
  return { key, type, unit: unit ?? null, default: value ?? null, documentation }
}

function describe({ key, type, default: value, documentation }: ConfigOption, terminal: Terminal): string {
  const head = `${styleOf(terminal, 'print').bold(key)}  ${type}${value === undefined ? '' : `, default ${value}`}`
  return `${head}\n${wrap(documentation, Math.min(terminal.columns, COLUMNS_MAX))}\n`
}

function wrap(text: string, columns: number): string {
  const lines: string[] = []
  let line = INDENT
  for (const word of text.split(' ')) {
    if (line.length > INDENT.length && line.length + word.length + 1 > columns) {
      lines.push(line)
      line = INDENT
    }
    line += `${line.length > INDENT.length ? ' ' : ''}${word}`
  }
  return [...lines, line].join('\n')
}
