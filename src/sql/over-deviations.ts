// How far values around a row lie apart. Where Flink groups rows it goes from value to value, and here it squares sums: in the type of the values, which
// rounds and wraps as that type does.

import type { LogicalType } from '../batch/types.ts'
import type { Call, Expression, OverCall } from './syntax-tree.ts'

/** Whether an aggregate, by its name in upper case, is one of these. */
export function isDeviation(name: string): boolean {
  return /^(?:STDDEV|VAR_|VARIANCE)/.test(name)
}

/** What a call of VAR_POP and its like with OVER stands for: sums and counts with the same OVER. @param type That of its results */
export function deviationOf({ call, window, start, end }: OverCall, type: LogicalType): Expression {
  const name = call.name[0].text.toUpperCase()
  const span = { start, end }
  const called = (syntax: Call['syntax'], text: string, ...operands: Expression[]): Call => ({
    ...call,
    syntax,
    name: [{ ...call.name[0], text }],
    operands,
    quantifier: undefined,
    ...span,
  })
  const infix = (left: Expression, operator: string, right: Expression): Expression => called('infix', operator, left, right)
  const cast = (operand: Expression): Expression => ({
    kind: 'cast',
    isTry: false,
    operand,
    type: { kind: 'type', type, saysNullable: false, ...span },
    ...span,
  })
  const over = (text: string, operand: Expression): Expression => ({
    kind: 'over',
    call: { ...called('function', text, operand), quantifier: call.quantifier },
    window,
    ...span,
  })
  const number = (text: string): Expression => ({ kind: 'literal', type: text.includes('.') ? 'decimal' : 'integer', text, ...span })
  const value = cast(call.operands[0])
  const sum = cast(over('SUM', value))
  const squares = cast(over('SUM', cast(infix(value, '*', value))))
  const count = over('COUNT', value)
  const mean = cast(infix(cast(infix(sum, '*', sum)), '/', cast(count)))
  const apart = cast(infix(squares, '-', mean))
  const ofAll = name.endsWith('_POP')
  // Of one row there is no sample.
  const others: Expression = {
    kind: 'case',
    value: undefined,
    branches: [{ when: [infix(count, '=', number('1'))], result: { kind: 'literal', type: 'null', text: 'NULL', ...span } }],
    otherwise: infix(count, '-', number('1')),
    ...span,
  }
  const variance = cast(infix(apart, '/', ofAll ? cast(count) : others))
  const result = name.startsWith('STDDEV') ? cast(called('function', 'POWER', variance, number('0.5'))) : variance
  // The NULL of a single row becomes -1 where no row is NULL: Flink's type says that there is none.
  return ofAll || type.nullable || type.kind === 'DECIMAL' ? result : called('function', 'COALESCE', result, cast(number('-1')))
}
