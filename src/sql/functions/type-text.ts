// What TYPEOF calls types.

import { LENGTH_MAX, type LogicalType } from '../../batch/types.ts'

/** @param isWhole Whether nothing is shortened: `VARCHAR(2147483647)` for `STRING`. */
export function typeText(type: LogicalType, isWhole: boolean): string {
  return bare(type, isWhole) + (type.nullable ? '' : ' NOT NULL')
}

function bare(type: LogicalType, isWhole: boolean): string {
  const of = (child: LogicalType): string => typeText(child, isWhole)
  switch (type.kind) {
    case 'DECIMAL':
      return `DECIMAL(${type.precision}, ${type.scale})`
    case 'VARCHAR':
    case 'VARBINARY':
      if (type.length === LENGTH_MAX && !isWhole) return type.kind === 'VARCHAR' ? 'STRING' : 'BYTES'
      return `${type.kind}(${type.length})`
    case 'CHAR':
    case 'BINARY':
      return `${type.kind}(${type.length})`
    case 'TIMESTAMP_LTZ':
      return isWhole ? `TIMESTAMP(${type.precision}) WITH LOCAL TIME ZONE` : `TIMESTAMP_LTZ(${type.precision})`
    case 'TIME':
    case 'TIMESTAMP':
      return `${type.kind}(${type.precision})`
    case 'INTERVAL_YEAR_MONTH':
      return 'INTERVAL MONTH'
    case 'INTERVAL_DAY_TIME':
      return 'INTERVAL SECOND(3)'
    case 'ARRAY':
    case 'MULTISET':
      return `${type.kind}<${of(type.element)}>`
    case 'MAP':
      return `MAP<${of(type.key)}, ${of(type.value)}>`
    case 'ROW':
      return `ROW<${type.fields.map(({ name, type: field }) => `\`${name.replaceAll('`', '``')}\` ${of(field)}`).join(', ')}>`
    default:
      return type.kind
  }
}
