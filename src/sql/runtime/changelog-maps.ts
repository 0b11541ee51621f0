// Changes as rows that only come, with a code for what each is, and rows that tell of changes as these.

import { BadRecordError } from '../../base/errors.ts'
import { RowKind } from '../../batch/record-batch.ts'
import type { ChangelogPlan } from '../logical-plan.ts'
import type { Value } from '../value.ts'
import type { RowMapFactory } from './row-map-operator.ts'

/** Each change as a row: its code, then what it is of. Changes without a code are left out. */
export function toChangelog({ codes, rowtime }: Pick<ChangelogPlan, 'codes' | 'rowtime'>): RowMapFactory {
  const codeOf: (string | undefined)[] = []
  for (const [code, kind] of codes) codeOf[kind] = code
  return () => (kind, row, emit) => {
    const code = codeOf[kind]
    if (code !== undefined) emit(RowKind.INSERT, rowtime === undefined ? [code, ...row] : [code, ...row, row[rowtime]])
  }
}

/** Each row without its code as the change that this says. */
export function fromChangelog({ codes, op }: Pick<ChangelogPlan, 'codes' | 'op'>): RowMapFactory {
  const kinds = new Map<Value, RowKind>(codes)
  return () => (_kind, row, emit) => {
    const kind = kinds.get(row[op])
    if (kind === undefined) throw unknownCode(row[op], codes)
    emit(kind, row.toSpliced(op, 1))
  }
}

function unknownCode(code: Value, codes: ChangelogPlan['codes']): BadRecordError {
  const known = codes.map(([one]) => one).join(', ')
  const message = code === null ? 'Cannot read a change: its code is NULL' : `Cannot read a change: there is no code "${String(code)}", but ${known}`
  return new BadRecordError('BAD_CHANGE', message, {
    hint: 'Map the code to a change in op_mapping, or leave such rows out of the table that FROM_CHANGELOG takes.',
  })
}
