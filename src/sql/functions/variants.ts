// Functions of VARIANTs: what makes them of JSON texts. JSON_STRING, which makes texts of them, stands with the other functions of JSON.

import { isText, type LogicalType } from '../../batch/types.ts'
import { isRefusal, variantElement, VariantError, variantField, variantOf } from '../../batch/variant.ts'
import type { Value } from '../value.ts'
import { BOOLEAN, bySignature, type FunctionTable, type Parameter, type ScalarCode, type ScalarFunction, STRING, withoutNull } from './scalar-function.ts'

const VARIANT: LogicalType = { kind: 'VARIANT', nullable: true }
const text: Parameter = { takes: isText, to: () => STRING, type: STRING }
const flag: Parameter = { takes: ({ kind }) => kind === 'BOOLEAN', to: () => BOOLEAN, type: BOOLEAN }

/** Makes a variant of JSON; what is none is NULL, or ends the job. */
function parser(isTry: boolean): ScalarFunction {
  const resolve = bySignature([text, flag], VARIANT, isTry ? 'nullable' : 'strict', 1)
  return {
    // Of a bare NULL only one of both can tell its type.
    resolve: isTry ? withoutNull(resolve) : resolve,
    make: () => (json, allowsDuplicates) => {
      try {
        return variantOf(json as string, allowsDuplicates === true)
      } catch (error) {
        if (!isRefusal(error)) throw error
        if (isTry) return null
        throw new RangeError(error.message, { cause: error })
      }
    },
  }
}

/** The code of `variant['field']` and `variant[1]`. */
export function variantItem(index: LogicalType): ScalarCode {
  const find = isText(index)
    ? (variant: Value, key: Value) => variantField(variant as Uint8Array, key as string)
    : (variant: Value, place: Value) => variantElement(variant as Uint8Array, Number(place) - 1)
  return (variant, at) => {
    try {
      return find(variant, at)
    } catch (error) {
      throw error instanceof VariantError ? new RangeError(error.message) : error
    }
  }
}

export const VARIANT_FUNCTIONS: FunctionTable = {
  PARSE_JSON: parser(false),
  TRY_PARSE_JSON: parser(true),
}
