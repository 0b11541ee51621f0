// `millrace options`: the registry of configuration options.

import { PlanError } from '../base/errors.ts'
import { suggest } from '../base/suggest.ts'
import { type ConfigOption, configOptions } from '../engine/options.ts'
import { ExitCode } from './error-text.ts'
import { styleOf, type Terminal } from './terminal.ts'

const COLUMNS_MAX = 100
const INDENT = '    '

/**
 * Prints all options, or those whose key holds a text in whatever case, on standard output.
 *
 * @throws {PlanError} `UNKNOWN_OPTION` if there are none.
 */
export function optionsCommand(filter: string | undefined, isJson: boolean, terminal: Terminal): number {
  const all = configOptions()
  const wanted = filter?.toLowerCase() ?? ''
  const options = all.filter(({ key }) => key.includes(wanted))
  if (options.length === 0) throw noneHolds(filter!, all)
  if (isJson) terminal.print(`${JSON.stringify(options.map(jsonOf), undefined, 2)}\n`)
  else terminal.print(options.map((option) => describe(option, terminal)).join('\n'))
  return ExitCode.OK
}

function noneHolds(filter: string, options: readonly ConfigOption[]): PlanError {
  const keys = options.map(({ key }) => key)
  const near = suggest(filter, [...keys, ...keys.flatMap((key) => key.split(/[.-]/))])
  return new PlanError('UNKNOWN_OPTION', `Cannot list options: no key holds "${filter}"`, {
    hint: near === undefined ? '`millrace options` lists all.' : `Did you mean "${near}"? \`millrace options\` lists all.`,
  })
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
