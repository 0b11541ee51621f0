// The catalogue of bad input, for JSON and CSV: every case under every policy. One line of the file is the case, good records stand around it;
// outcome, message, place and counts are checked, and that records in = rows out + bad records, for blocks of any size.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { BadRecordError } from '../../../src/base/errors.ts'
import { Decimal, type DataType, defineSchema, t } from '../../../src/batch/types.ts'
import { fileSource } from '../../../src/connector/file/file-source.ts'
import type { BadRecordPolicy } from '../../../src/format/bad-records.ts'
import { type CsvFormatOptions, csvFormat } from '../../../src/format/csv/csv-format.ts'
import { type JsonFormatOptions, jsonFormat } from '../../../src/format/json/json-format.ts'
import { scratchFolder, SourceProbe } from './file-probe.ts'

/** What stands before and after the case, and how its text becomes bytes. */
interface Kind {
  readonly name: 'json' | 'csv'
  readonly encoding: 'utf8' | 'latin1'
}
const json: Kind = { name: 'json', encoding: 'utf8' }
const jsonBytes: Kind = { name: 'json', encoding: 'latin1' }
const csv: Kind = { name: 'csv', encoding: 'utf8' }
const csvBytes: Kind = { name: 'csv', encoding: 'latin1' }

/** How many values the policy `null` makes NULL; undefined: it leaves the record out as well. */
type Nulled = number | undefined
type Outcome = { readonly value: unknown } | { readonly bad: string; readonly nulled: Nulled } | 'no row'
const NULLED = 1
/** Nothing was there that could have been converted. */
const MISSING = 0
/** The line is a record whose `v` is this. */
const value = (of: unknown): Outcome => ({ value: of })
/** The line is a bad record for this reason. */
const bad = (reason: string, nulled?: number): Outcome => ({ bad: reason, nulled })
const NO_ROW: Outcome = 'no row'

type Case = readonly [kind: Kind, type: DataType<unknown>, line: string, outcome: Outcome, options?: JsonFormatOptions & CsvFormatOptions]

// prettier-ignore
const CASES: readonly Case[] = [
  [json, t.string(), '{"id":2,"v":"a"', bad('expected JSON, found the end of the line at byte 16')],
  [json, t.string(), '{"id":2,"v":"a","x":1,}', bad('expected JSON, found "}" at byte 23')],
  [json, t.string(), '{"id":2,"v":"a"}{"id":5}', bad('expected one record, found "{" behind it at byte 17')],
  [json, t.string(), '{"id":2}{"id":5}', bad('expected one record, found "{" behind it at byte 9')],
  [json, t.string(), '{"id":2},', bad('expected one record, found "," behind it at byte 9')],
  [json, t.string(), '[{"id":2}]', bad('expected a JSON object, found "["')],
  [json, t.string(), '[]', bad('expected a JSON object, found "["')],
  [json, t.string(), '7', bad('expected a JSON object, found "7"')],
  [json, t.string(), 'null', bad('expected a JSON object, found "null"')],
  [json, t.string(), '"text"', bad('expected a JSON object, found "text"')],
  [json, t.string(), 'true', bad('expected a JSON object, found "true"')],
  [json, t.string(), '{"id":2,"v":"a","v":"b"}', value("b")],
  [json, t.string(), '{"id":2,"v":NaN}', bad('expected JSON, found "NaN" at byte 13')],
  [json, t.string(), '{"id":2,"v":Infinity}', bad('expected JSON, found "Infinity" at byte 13')],
  [json, t.string(), '{"id":2,"v":-Infinity}', bad('expected JSON, found "-Infinity" at byte 13')],
  [json, t.string(), '{"id":2,"v":undefined}', bad('expected JSON, found "undefined" at byte 13')],
  [json, t.string(), String.raw`{"id":2,"v":"\ud800"}`, bad('found half of a surrogate pair, which no UTF-8 text can hold, at byte 14')],
  [json, t.string(), String.raw`{"id":2,"v":"\udc00x"}`, bad('found half of a surrogate pair, which no UTF-8 text can hold, at byte 14')],
  [json, t.string(), String.raw`{"id":2,"v":"\ud83d\ude42"}`, value("🙂")],
  [json, t.string(), '{"id":2,"__proto__":{"v":1},"v":"a"}', value("a")],
  [json, t.string(), '{"__proto__":{"id":2}}', bad('field "id": expected a value, found none')],
  [json, t.string(), String.raw`{"id":2,"v":"a\u0000b"}`, value("a\u0000b")],
  [json, t.string(), `{'id':2}`, bad(`expected JSON, found "'id'" at byte 2`)],
  [json, t.string(), '{id:2}', bad('expected JSON, found "id" at byte 2')],
  [json, t.string(), '{"id":2,"v":"a" "x":1}', bad('expected JSON, found "x" at byte 17')],
  [json, t.string(), '{"id":2,,"v":"a"}', bad('expected JSON, found "," at byte 9')],
  [json, t.string(), '{"id":2 "v":"a"}', bad('expected JSON, found "v" at byte 9')],
  [json, t.string(), '{"id":2,"v":tru}', bad('expected JSON, found "tru" at byte 13')],
  [json, t.string(), '{"id":2,"v":TRUE}', bad('expected JSON, found "TRUE" at byte 13')],
  [json, t.string(), String.raw`{"id":2,"v":"\x41"}`, bad('found an escape that JSON does not have at byte 14')],
  [json, t.string(), '{"id":2,"v":"a\x09b"}', bad('found a control character in a string at byte 15')],
  [json, t.string(), String.raw`{"id":2,"v":"\u12"}`, bad('found an escape that JSON does not have at byte 14')],
  [json, t.string(), '{', bad('expected JSON, found the end of the line at byte 2')],
  [json, t.string(), '}', bad('expected JSON, found "}" at byte 1')],
  [json, t.string(), '{}', bad('field "id": expected a value, found none')],
  [json, t.string(), '{"id":null}', bad('field "id": expected a value, found NULL')],
  [json, t.string(), 'garbage', bad('expected JSON, found "garbage" at byte 1')],
  [json, t.string(), '{"id":2,"v":01}', bad('expected JSON, found "01" at byte 13')],
  [json, t.string(), '{"id":2,"v":+1}', bad('expected JSON, found "+1" at byte 13')],
  [json, t.string(), '{"id":2,"v":.5}', bad('expected JSON, found ".5" at byte 13')],
  [json, t.string(), '{"id":2,"v":1.}', bad('expected JSON, found "1." at byte 13')],
  [json, t.string(), '{"id":2,"v":1e}', bad('expected JSON, found "1e" at byte 13')],
  [json, t.string(), '{"id":2,"v":"a"} // c', bad('expected one record, found "//" behind it at byte 18')],
  [json, t.string(), '/* c */ {"id":2}', bad('expected JSON, found "/*" at byte 1')],
  [json, t.string(), '{"v":"a"}', bad('field "id": expected a value, found none')],
  [json, t.string(), '{"ID":2,"id":2}', value(null)],
  [json, t.string(), '{"id":2,"v":5}', bad('field "v": expected a string, found "5"', NULLED)],
  [json, t.string(), '{"id":2,"v":true}', bad('field "v": expected a string, found "true"', NULLED)],
  [json, t.string(), '{"id":2,"v":{"a":1}}', bad('field "v": expected a string, found "{"', NULLED)],
  [json, t.string(), '{"id":2,"v":[1]}', bad('field "v": expected a string, found "["', NULLED)],
  [json, t.string(), '{"id":2,"v":"open', bad('expected JSON, found the end of the line at byte 18')],
  [json, t.string(), '{"id":2,"v":', bad('expected JSON, found the end of the line at byte 13')],
  [json, t.string(), '{"id":2,"v"}', bad('expected JSON, found "}" at byte 12')],
  [json, t.string(), '{"id":2,"":1}', value(null)],
  [json, t.string(), '{"id":2,"v":""}', value("")],
  [json, t.string(), '{"id":"2"}', bad('field "id": expected an integer of 32 bits, found "2"')],
  [json, t.string(), '{"id":2.5}', bad('field "id": expected an integer of 32 bits, found "2.5", which would lose digits')],
  [json, t.string(), '{"id":3000000000}', bad('field "id": expected an integer of 32 bits, found "3000000000", which is out of range')],
  [json, t.string(), String.raw`{"i\u0064":2}`, value(null)],
  [json, t.string(), String.raw`\u007b"id":2}`, bad('expected JSON, found "\\u007b" at byte 1')],
  [json, t.string(), '{"id":2,"x":1}', bad('found a member that the schema does not have at byte 9'), { rejectUnknownFields: true }],
  [json, t.string(), '{"id":2}', bad('field "v": expected a value, found none', MISSING), { failOnMissingField: true }],
  [json, t.string(), '{"id":2,"v":5}', value("5"), { conversion: 'flink' }],
  [json, t.string(), '{"id":"2","v":{"a":1}}', value("{\"a\":1}"), { conversion: 'flink' }],
  [json, t.string(), `{"id":2,"w":${'['.repeat(200)}${']'.repeat(200)}}`, bad('nested deeper than 128 levels at byte 140')],
  [json, t.string(), `{"id":2,"w":${'['.repeat(100)}${']'.repeat(100)}}`, value(null)],
  [json, t.varchar(3), '{"id":2,"v":"abcdef"}', bad('field "v": expected at most 3 characters for VARCHAR(3), found "abcdef"', NULLED)],
  [json, t.varchar(3), '{"id":2,"v":"äöü"}', value('äöü')],
  [json, t.varchar(3), '{"id":2,"v":"abcdef"}', value('abcdef'), { conversion: 'flink' }],
  [json, t.char(3), '{"id":2,"v":"abcd"}', bad('field "v": expected at most 3 characters for CHAR(3), found "abcd"', NULLED)],
  [json, t.char(3), String.raw`{"id":2,"v":"\u00e4"}`, value('ä  ')],
  [json, t.char(3), '{"id":2,"v":"a"}', value('a'), { conversion: 'flink' }],
  [json, t.varbinary(2), '{"id":2,"v":"AQID"}', bad('field "v": expected at most 2 bytes in base64 for VARBINARY(2), found "AQID"', NULLED)],
  [json, t.binary(2), '{"id":2,"v":"AQ=="}', bad('field "v": expected 2 bytes in base64 for BINARY(2), found "AQ=="', NULLED)],
  [json, t.binary(2), '{"id":2,"v":"AQID"}', value([1, 2, 3]), { conversion: 'flink' }],
  [csv, t.varchar(3), '2,abcdef', bad('column 2 ("v"): expected at most 3 characters for VARCHAR(3), found "abcdef"', NULLED)],
  [csv, t.varchar(1), '2,"ab"', bad('column 2 ("v"): expected at most 1 character for VARCHAR(1), found "ab"', NULLED)],
  [csv, t.varchar(3), '2,abcdef', value('abcdef'), { conversion: 'flink', nullLiteral: '' }],
  [csv, t.char(3), '2,"ä"', value('ä  ')],
  [csv, t.char(3), '2,a', value('a  ')],
  [csv, t.char(3), '2,a', value('a'), { conversion: 'flink', nullLiteral: '' }],
  [jsonBytes, t.string(), `{"id":2,"v":"\xff\xfe"}`, bad('expected UTF-8 text, found other bytes at byte 14')],
  [jsonBytes, t.string(), `{"id":2,"v":"\xc0\x80"}`, bad('expected UTF-8 text, found other bytes at byte 14')],
  [jsonBytes, t.string(), `{"id":2,"v":"\xed\xa0\x80"}`, bad('expected UTF-8 text, found other bytes at byte 14')],
  [jsonBytes, t.string(), `{"id":2,"v":"\xe2\x82"}`, bad('expected UTF-8 text, found other bytes at byte 14')],
  [jsonBytes, t.string(), `{"id":2,"v":"\x80"}`, bad('expected UTF-8 text, found other bytes at byte 14')],
  [jsonBytes, t.string(), `{"id":2,"v":"\x00"}`, bad('found a control character in a string at byte 14')],
  [jsonBytes, t.string(), `{"id":2,"v":"\x01"}`, bad('found a control character in a string at byte 14')],
  [jsonBytes, t.string(), `{"id":2,"v":"\x7f"}`, value("\x7f")],
  [jsonBytes, t.string(), `{"id":2,"w":"\xff"}`, bad('expected UTF-8 text, found other bytes at byte 14')],
  [json, t.string(), `\ufeff{"id":2}`, bad('expected JSON, found "\\xfeff" at byte 1')],
  [json, t.string(), `{"id":2}\r`, value(null)],
  [json, t.string(), `\r{"id":2}`, value(null)],
  [json, t.string(), `\x00`, bad('expected JSON, found "\\x00" at byte 1')],
  [json, t.string(), `{"id":2,"v":"${'x'.repeat(3000)}"}`, bad('the line is longer than 2000 bytes')],
  [json, t.int(), '{"id":2,"v":"5"}', bad('field "v": expected an integer of 32 bits, found "5"', NULLED)],
  [json, t.int(), '{"id":2,"v":1.0}', value(1)],
  [json, t.int(), '{"id":2,"v":1.5}', bad('field "v": expected an integer of 32 bits, found "1.5", which would lose digits', NULLED)],
  [json, t.int(), '{"id":2,"v":2147483647}', value(2147483647)],
  [json, t.int(), '{"id":2,"v":2147483648}', bad('field "v": expected an integer of 32 bits, found "2147483648", which is out of range', NULLED)],
  [json, t.int(), '{"id":2,"v":-2147483648}', value(-2147483648)],
  [json, t.int(), '{"id":2,"v":1e3}', value(1000)],
  [json, t.int(), '{"id":2,"v":1e-3}', bad('field "v": expected an integer of 32 bits, found "1e-3", which would lose digits', NULLED)],
  [json, t.int(), '{"id":2,"v":-0}', value(0)],
  [json, t.int(), '{"id":2,"v":""}', bad('field "v": expected an integer of 32 bits, found ""', NULLED)],
  [json, t.int(), '{"id":2,"v":true}', bad('field "v": expected an integer of 32 bits, found "true"', NULLED)],
  [json, t.int(), '{"id":2,"v":[]}', bad('field "v": expected an integer of 32 bits, found "["', NULLED)],
  [json, t.int(), '{"id":2,"v":99999999999999999999999999}', bad('field "v": expected an integer of 32 bits, found "99999999999999999999999999", which is out of range', NULLED)],
  [json, t.tinyint(), '{"id":2,"v":127}', value(127)],
  [json, t.tinyint(), '{"id":2,"v":128}', bad('field "v": expected an integer in -128..127, found "128", which is out of range', NULLED)],
  [json, t.smallint(), '{"id":2,"v":-32769}', bad('field "v": expected an integer in -32768..32767, found "-32769", which is out of range', NULLED)],
  [json, t.bigint(), '{"id":2,"v":9223372036854775807}', value(9223372036854775807n)],
  [json, t.bigint(), '{"id":2,"v":9223372036854775808}', bad('field "v": expected an integer of 64 bits, found "9223372036854775808", which is out of range', NULLED)],
  [json, t.bigint(), '{"id":2,"v":-9223372036854775808}', value(-9223372036854775808n)],
  [json, t.bigint(), '{"id":2,"v":-9223372036854775809}', bad('field "v": expected an integer of 64 bits, found "-9223372036854775809", which is out of range', NULLED)],
  [json, t.bigint(), '{"id":2,"v":1e30}', bad('field "v": expected an integer of 64 bits, found "1e30", which is out of range', NULLED)],
  [json, t.safeInt(), '{"id":2,"v":9007199254740991}', value(9007199254740991)],
  [json, t.safeInt(), '{"id":2,"v":9007199254740992}', bad('field "v": expected an integer within ±(2^53 - 1), found "9007199254740992", which is out of range', NULLED)],
  [json, t.safeInt(), '{"id":2,"v":-9007199254740992}', bad('field "v": expected an integer within ±(2^53 - 1), found "-9007199254740992", which is out of range', NULLED)],
  [json, t.double(), '{"id":2,"v":1e400}', bad('field "v": expected a number, found "1e400", which is out of range', NULLED)],
  [json, t.double(), '{"id":2,"v":-0}', value(-0)],
  [json, t.double(), '{"id":2,"v":1e-400}', value(0)],
  [json, t.double(), '{"id":2,"v":"NaN"}', bad('field "v": expected a number, found "NaN"', NULLED)],
  [json, t.double(), '{"id":2,"v":123456789012345678901234567890}', value(1.2345678901234568e+29)],
  [json, t.double(), '{"id":2,"v":1}', value(1)],
  [json, t.float(), '{"id":2,"v":1e39}', bad('field "v": expected a number, found "1e39", which is out of range', NULLED)],
  [json, t.float(), '{"id":2,"v":0.5}', value(0.5)],
  [json, t.boolean(), '{"id":2,"v":"true"}', bad('field "v": expected true or false, found "true"', NULLED)],
  [json, t.boolean(), '{"id":2,"v":1}', bad('field "v": expected true or false, found "1"', NULLED)],
  [json, t.boolean(), '{"id":2,"v":false}', value(false)],
  [json, t.boolean(), '{"id":2,"v":"yes"}', bad('field "v": expected true or false, found "yes"', NULLED)],
  [json, t.decimal(5, 2), '{"id":2,"v":123.45}', value("123.45")],
  [json, t.decimal(5, 2), '{"id":2,"v":123.456}', bad('field "v": expected a DECIMAL(5, 2), found "123.456", which would lose digits', NULLED)],
  [json, t.decimal(5, 2), '{"id":2,"v":1234.5}', bad('field "v": expected a DECIMAL(5, 2), found "1234.5", which is out of range', NULLED)],
  [json, t.decimal(5, 2), '{"id":2,"v":1.50}', value("1.50")],
  [json, t.decimal(5, 2), '{"id":2,"v":"1.5"}', bad('field "v": expected a DECIMAL(5, 2), found "1.5"', NULLED)],
  [json, t.decimal(5, 2), '{"id":2,"v":1e2}', value("100.00")],
  [json, t.decimal(38), '{"id":2,"v":99999999999999999999999999999999999999}', value("99999999999999999999999999999999999999")],
  [json, t.decimal(38), '{"id":2,"v":999999999999999999999999999999999999999}', bad('field "v": expected a DECIMAL(38, 0), found "999999999999999999999999999999999999999", which is out of range', NULLED)],
  [json, t.date(), '{"id":2,"v":"2001-02-03"}', value(11356)],
  [json, t.date(), '{"id":2,"v":"2001-02-30"}', bad('field "v": expected a date (2001-02-03), found "2001-02-30"', NULLED)],
  [json, t.date(), '{"id":2,"v":"2000-02-29"}', value(11016)],
  [json, t.date(), '{"id":2,"v":"1900-02-29"}', bad('field "v": expected a date (2001-02-03), found "1900-02-29"', NULLED)],
  [json, t.date(), '{"id":2,"v":"0000-01-01"}', value(-719528)],
  [json, t.date(), '{"id":2,"v":"10000-01-01"}', bad('field "v": expected a date (2001-02-03), found "10000-01-01"', NULLED)],
  [json, t.date(), '{"id":2,"v":"2001-2-3"}', bad('field "v": expected a date (2001-02-03), found "2001-2-3"', NULLED)],
  [json, t.date(), '{"id":2,"v":"03/02/2001"}', bad('field "v": expected a date (2001-02-03), found "03/02/2001"', NULLED)],
  [json, t.date(), '{"id":2,"v":""}', bad('field "v": expected a date (2001-02-03), found ""', NULLED)],
  [json, t.date(), '{"id":2,"v":5}', bad('field "v": expected a date (2001-02-03), found "5"', NULLED)],
  [json, t.time(3), '{"id":2,"v":"12:34:56.789"}', value(45296789)],
  [json, t.time(3), '{"id":2,"v":"24:00:00"}', bad('field "v": expected a time (12:34:56), found "24:00:00"', NULLED)],
  [json, t.time(3), '{"id":2,"v":"12:34:60"}', bad('field "v": expected a time (12:34:56), found "12:34:60"', NULLED)],
  [json, t.time(3), '{"id":2,"v":"25:00:00"}', bad('field "v": expected a time (12:34:56), found "25:00:00"', NULLED)],
  [json, t.timestamp(3), '{"id":2,"v":"2001-02-03 04:05:06.789"}', value(981173106789)],
  [json, t.timestamp(3), '{"id":2,"v":"2001-02-03T04:05:06.789"}', value(981173106789)],
  [json, t.timestamp(3), '{"id":2,"v":"2016-12-31 23:59:60"}', bad('field "v": expected a timestamp (2001-02-03 12:34:56), found "2016-12-31 23:59:60"', NULLED)],
  [json, t.timestamp(3), '{"id":2,"v":"2001-02-03"}', bad('field "v": expected a timestamp (2001-02-03 12:34:56), found "2001-02-03"', NULLED)],
  [json, t.timestamp(3), '{"id":2,"v":"2001-13-01 00:00:00"}', bad('field "v": expected a timestamp (2001-02-03 12:34:56), found "2001-13-01 00:00:00"', NULLED)],
  [json, t.timestamp(3), '{"id":2,"v":981173106789}', bad('field "v": expected a timestamp (2001-02-03 12:34:56), found "981173106789"', NULLED)],
  [json, t.timestamp(3), '{"id":2,"v":"now"}', bad('field "v": expected a timestamp (2001-02-03 12:34:56), found "now"', NULLED)],
  [json, t.timestamp(9), '{"id":2,"v":"2001-02-03 04:05:06.123456789"}', value(981173106123456789n)],
  [json, t.timestampLtz(3), '{"id":2,"v":"2001-02-03T04:05:06Z"}', value(981173106000)],
  [json, t.timestampLtz(3), '{"id":2,"v":"2001-02-03T04:05:06+25:00"}', bad('field "v": expected a timestamp with a zone (2001-02-03 12:34:56Z), found "2001-02-03T04:05:06+25:00"', NULLED)],
  [json, t.timestampLtz(3), '{"id":2,"v":"2001-02-03 04:05:06"}', bad('field "v": expected a timestamp with a zone (2001-02-03 12:34:56Z), found "2001-02-03 04:05:06"', NULLED)],
  [json, t.bytes(), '{"id":2,"v":"AQID"}', value([1,2,3])],
  [json, t.bytes(), '{"id":2,"v":"A*"}', bad('field "v": expected bytes in base64, found "A*"', NULLED)],
  [json, t.bytes(), '{"id":2,"v":"AQI"}', bad('field "v": expected bytes in base64, found "AQI"', NULLED)],
  [json, t.array(t.int()), '{"id":2,"v":[1,"2"]}', bad('field "v.element": expected an integer of 32 bits, found "2"', NULLED)],
  [json, t.array(t.int()), '{"id":2,"v":[1,null]}', bad('field "v.element": expected a value, found NULL', NULLED)],
  [json, t.array(t.int()), '{"id":2,"v":{}}', bad('field "v": expected an array, found "{"', NULLED)],
  [json, t.array(t.int()), '{"id":2,"v":[]}', value([])],
  [json, t.array(t.int().nullable()), '{"id":2,"v":[1,null]}', value([1,null])],
  [json, t.map(t.string(), t.int()), '{"id":2,"v":{"a":1,"a":2}}', value([["a",2]])],
  [json, t.map(t.string(), t.int()), '{"id":2,"v":{"a":null}}', bad('field "v.value": expected a value, found NULL', NULLED)],
  [json, t.map(t.string(), t.int()), '{"id":2,"v":[]}', bad('field "v": expected an object, found "["', NULLED)],
  [json, t.row({ a: t.int() }), '{"id":2,"v":{"a":1,"b":2}}', value({"a":1})],
  [json, t.row({ a: t.int() }), '{"id":2,"v":{}}', bad('field "v.a": expected a value, found none', NULLED)],
  [json, t.row({ a: t.int() }), '{"id":2,"v":[]}', bad('field "v": expected an object, found "["', NULLED)],
  [json, t.row({ a: t.int() }), '{"id":2,"v":{"a":"x"}}', bad('field "v.a": expected an integer of 32 bits, found "x"', NULLED)],
  [csv, t.string(), '2,a', value("a")],
  [csv, t.string(), '2,"a"', value("a")],
  [csv, t.string(), '2,"a""b"', value("a\"b")],
  [csv, t.string(), '2,"a,b"', value("a,b")],
  [csv, t.string(), `2,"a\nb"`, value("a\nb")],
  [csv, t.string(), `2,"a\r\nb"`, value("a\r\nb")],
  [csv, t.string(), '2,"a', bad('found a quote that is not closed')],
  [csv, t.string(), '2,a"b', bad('found a quote where none may stand, or text behind a closing quote, at byte 4')],
  [csv, t.string(), '2,"a"b', bad('found a quote where none may stand, or text behind a closing quote, at byte 6')],
  [csv, t.string(), '2,""a""', bad('found a quote where none may stand, or text behind a closing quote, at byte 5')],
  [csv, t.string(), '2,"a""', bad('found a quote that is not closed')],
  [csv, t.string(), '2', bad('expected 2 columns, found fewer', MISSING)],
  [csv, t.string(), '2,a,b', bad('expected 2 columns, found more')],
  [csv, t.string(), '2,', value(null)],
  [csv, t.string(), '2,""', value("")],
  [csv, t.string(), '"2",a', value("a")],
  [csv, t.string(), ' 2,a', bad('column 1 ("id"): expected an integer of 32 bits, found " 2"')],
  [csv, t.string(), '2;a', bad('column 1 ("id"): expected an integer of 32 bits, found "2;a"')],
  [csv, t.string(), '2, a ', value(" a ")],
  [csv, t.string(), '2,NULL', value("NULL")],
  [csv, t.string(), '#2,a', bad('column 1 ("id"): expected an integer of 32 bits, found "#2"')],
  [csv, t.string(), 'x,a', bad('column 1 ("id"): expected an integer of 32 bits, found "x"')],
  [csv, t.string(), '', NO_ROW],
  [csv, t.string(), `\r`, NO_ROW],
  [csv, t.string(), ',a', bad('column 1 ("id"): expected a value, found NULL')],
  [csv, t.string(), ',', bad('column 1 ("id"): expected a value, found NULL')],
  [csv, t.string(), '"",a', bad('column 1 ("id"): expected an integer of 32 bits, found ""')],
  [csv, t.string(), '2.5,a', bad('column 1 ("id"): expected an integer of 32 bits, found "2.5", which would lose digits')],
  [csv, t.string(), `2,\x00`, value("\u0000")],
  [csv, t.string(), '3000000000,a', bad('column 1 ("id"): expected an integer of 32 bits, found "3000000000", which is out of range')],
  [csv, t.string(), `2,a\r`, value("a")],
  [csv, t.string(), `2,\ta`, value("\ta")],
  [csv, t.string(), `2,a\\,b`, value("a,b"), { escape: '\\' }],
  [csv, t.string(), `2,"a\\"b"`, value("a\"b"), { escape: '\\' }],
  [csv, t.string(), '2,NULL', value(null), { nullLiteral: 'NULL' }],
  [csv, t.string(), '2,"NULL"', value("NULL"), { nullLiteral: 'NULL' }],
  [csv, t.string(), '2,', value(""), { nullLiteral: 'NULL' }],
  [csv, t.string(), '#x', NO_ROW, { allowComments: true }],
  [csv, t.string(), '2,a"b', value("a\"b"), { quote: '' }],
  [csv, t.string(), `2,'a,b'`, value("a,b"), { quote: "'" }],
  [csv, t.string(), '2,a,b', bad('expected 2 columns, found more'), { lineFeedsInQuotes: false }],
  [csv, t.string(), `2,${'x'.repeat(3000)}`, bad('the line is longer than 2000 bytes')],
  [csv, t.string(), `2${','.repeat(900)}`, bad('expected 2 columns, found more')],
  [csvBytes, t.string(), `2,\xff`, bad('column 2 ("v"): expected UTF-8 text, found other bytes at byte 3')],
  [csvBytes, t.string(), `2,\xe2\x82`, bad('column 2 ("v"): expected UTF-8 text, found other bytes at byte 3')],
  [csvBytes, t.string(), `2,\xf4\x90\x80\x80`, bad('column 2 ("v"): expected UTF-8 text, found other bytes at byte 3')],
  [csv, t.int(), '2,5', value(5)],
  [csv, t.int(), '2, 5', bad('column 2 ("v"): expected an integer of 32 bits, found " 5"', NULLED)],
  [csv, t.int(), '2,5 ', bad('column 2 ("v"): expected an integer of 32 bits, found "5 "', NULLED)],
  [csv, t.int(), '2,5.0', value(5)],
  [csv, t.int(), '2,5.5', bad('column 2 ("v"): expected an integer of 32 bits, found "5.5", which would lose digits', NULLED)],
  [csv, t.int(), '2,1e2', value(100)],
  [csv, t.int(), '2,abc', bad('column 2 ("v"): expected an integer of 32 bits, found "abc"', NULLED)],
  [csv, t.int(), '2,-', bad('column 2 ("v"): expected an integer of 32 bits, found "-"', NULLED)],
  [csv, t.int(), '2,0x10', bad('column 2 ("v"): expected an integer of 32 bits, found "0x10"', NULLED)],
  [csv, t.int(), '2,+5', value(5)],
  [csv, t.int(), '2,007', value(7)],
  [csv, t.int(), '2,"5"', value(5)],
  [csv, t.int(), '2,2147483648', bad('column 2 ("v"): expected an integer of 32 bits, found "2147483648", which is out of range', NULLED)],
  [csv, t.int(), '2,1_000', bad('column 2 ("v"): expected an integer of 32 bits, found "1_000"', NULLED)],
  [csv, t.bigint(), '2,9223372036854775808', bad('column 2 ("v"): expected an integer of 64 bits, found "9223372036854775808", which is out of range', NULLED)],
  [csv, t.double(), '2,1e400', bad('column 2 ("v"): expected a number, found "1e400", which is out of range', NULLED)],
  [csv, t.double(), '2,.5', value(0.5)],
  [csv, t.double(), '2,1e5', value(100000)],
  [csv, t.double(), '2,1.5.2', bad('column 2 ("v"): expected a number, found "1.5.2"', NULLED)],
  [csv, t.double(), '2,--1', bad('column 2 ("v"): expected a number, found "--1"', NULLED)],
  [csv, t.boolean(), '2,TRUE', value(true)],
  [csv, t.boolean(), '2,yes', bad('column 2 ("v"): expected true or false, found "yes"', NULLED)],
  [csv, t.boolean(), '2,1', bad('column 2 ("v"): expected true or false, found "1"', NULLED)],
  [csv, t.boolean(), '2,0', bad('column 2 ("v"): expected true or false, found "0"', NULLED)],
  [csv, t.decimal(5, 2), '2,1.234', bad('column 2 ("v"): expected a DECIMAL(5, 2), found "1.234", which would lose digits', NULLED)],
  [csv, t.decimal(5, 2), '2,-0.01', value("-0.01")],
  [csv, t.decimal(5, 2), '2,1000', bad('column 2 ("v"): expected a DECIMAL(5, 2), found "1000", which is out of range', NULLED)],
  [csv, t.date(), '2,03/02/2001', bad('column 2 ("v"): expected a date (2001-02-03), found "03/02/2001"', NULLED)],
  [csv, t.date(), '2,2001-02-29', bad('column 2 ("v"): expected a date (2001-02-03), found "2001-02-29"', NULLED)],
  [csv, t.date(), '2,2001-02-28', value(11381)],
  [csv, t.time(0), '2,12:00:00', value(43200000)],
  [csv, t.time(0), '2,12', bad('column 2 ("v"): expected a time (12:34:56), found "12"', NULLED)],
  [csv, t.timestamp(3), '2,2001-02-03 04:05:06', value(981173106000)],
  [csv, t.timestamp(3), '2,2001-02-03 4:5', bad('column 2 ("v"): expected a timestamp (2001-02-03 12:34:56), found "2001-02-03 4:5"', NULLED)],
  [csv, t.timestamp(3), '2,x', bad('column 2 ("v"): expected a timestamp (2001-02-03 12:34:56), found "x"', NULLED)],
  [csv, t.timestampLtz(3), '2,2001-02-03 04:05:06Z', value(981173106000)],
  [csv, t.timestampLtz(3), '2,2001-02-03 04:05:06', bad('column 2 ("v"): expected a timestamp with a zone (2001-02-03 12:34:56Z), found "2001-02-03 04:05:06"', NULLED)],
  [csv, t.array(t.int()), '2,1;2;3', value([1,2,3])],
  [csv, t.array(t.int()), '2,1;x', bad('column 2 ("v"): expected an array, found "1;x"', NULLED)],
  [csv, t.array(t.int()), '2,1,2', bad('expected 2 columns, found more')],
  [csv, t.bytes(), '2,AQ==', value([1])],
  [csv, t.bytes(), '2,=', bad('column 2 ("v"): expected bytes in base64, found "="', NULLED)],
]

const LINE_BYTES_MAX = 2000
const AROUND = {
  json: { before: '{"id":1,"v":null}\n', after: '\n{"id":3,"v":null}\n', line: 2 },
  csv: { before: 'id,v\n1,NULL\n', after: '\n3,NULL\n', line: 3 },
}
const folder = scratchFolder()

/** The byte that a message names; a problem of the record as a whole may stand at its first. */
function columnIn(message: string, reason: string): unknown {
  const byte = / at byte (\d+)/.exec(message)?.[1]
  if (byte !== undefined) return Number(byte)
  return /found none|longer than/.test(reason) ? undefined : expect.any(Number)
}

function plain(of: unknown): unknown {
  if (of instanceof Decimal) return of.toString()
  if (of instanceof Uint8Array) return [...of]
  if (of instanceof Map) return [...of]
  return of
}

describe.each(['fail', 'skip', 'null', 'dead-letter'] as const)('policy %s', (policy: BadRecordPolicy) => {
  test.each(CASES.map((each, index) => [index, each[0].name, each[2].slice(0, 60), each] as const))(
    'case %d: %s %s',
    (index, _name, _line, [kind, type, line, outcome, options]) => {
      const nullLiteral = options?.nullLiteral ?? ''
      const { line: lineNumber } = AROUND[kind.name]
      const before = AROUND[kind.name].before.replace('NULL', nullLiteral)
      const after = AROUND[kind.name].after.replace('NULL', nullLiteral)
      const path = join(folder, `${policy}-${index}.txt`)
      const raw = Buffer.from(line, kind.encoding)
      writeFileSync(path, Buffer.concat([Buffer.from(before), raw, Buffer.from(after)]))
      const schema = defineSchema({ id: t.int(), v: type.nullable() })
      const format = kind.name === 'json' ? jsonFormat(options) : csvFormat(options)
      const isBad = typeof outcome === 'object' && 'bad' in outcome

      for (const readBytes of [1, 7, 1 << 20]) {
        const probe = new SourceProbe(fileSource({ path, format, schema, onBadRecord: policy, lineBytesMax: LINE_BYTES_MAX, readBytes }))
        const isForgiven = isBad && policy === 'null' && outcome.nulled !== undefined
        const expected: unknown[] = [[1, null]]
        if (typeof outcome === 'object' && 'value' in outcome) expected.push([2, outcome.value])
        if (isForgiven) expected.push([2, null])
        let error: BadRecordError | undefined
        try {
          probe.drain()
        } catch (thrown) {
          error = thrown as BadRecordError
        }
        const rows = probe.rows.map((row) => [row.id, plain(row.v)])
        const fails = isBad && policy === 'fail'
        if (!fails) expected.push([3, null])
        // Under `fail` rows before the bad one may or may not have left already.
        const emitted = fails ? expected.slice(0, rows.length) : expected
        expect(rows).toEqual(emitted)
        const where = isBad && !/^(field|column)/.test(outcome.bad) ? ': ' : ', '
        const text = isBad ? `Cannot read record: ${path} line ${lineNumber}${where}${outcome.bad}` : ''
        // Cases tell where a value stands only if that is all they are about.
        const withoutByte = (message: string): string => (isBad && outcome.bad.includes(' at byte ') ? message : message.replace(/ at byte \d+/, ''))
        expect(error && withoutByte(error.message.split('\n')[0])).toBe(fails ? text : undefined)
        if (error !== undefined && isBad) {
          const field = /^(?:field|column)[^"]*"([^"]*)"/.exec(outcome.bad)?.[1]
          expect(error.position).toMatchObject({ file: path, line: lineNumber, offset: before.length, field })
          expect(error.position!.column).toEqual(columnIn(error.message, outcome.bad))
        }

        const { metrics, counters } = probe.context
        const isCounted = isBad && !isForgiven && policy !== 'fail'
        expect(metrics.badRecords).toBe(isCounted ? 1 : 0)
        expect(counters.get('nulledValues')?.value ?? 0).toBe(isForgiven ? outcome.nulled : 0)
        const isLong = raw.length > LINE_BYTES_MAX
        const letter = {
          raw: Uint8Array.from(isLong ? raw.subarray(0, 1024) : raw),
          reason: isBad ? outcome.bad + (isLong ? '; its first 1024 are kept' : '') : '',
          truncated: isLong,
          file: path,
          line: lineNumber,
          offset: before.length,
        }
        expect(probe.sides.letters.map((each) => ({ ...each, reason: withoutByte(String(each.reason)) }))).toEqual(
          isCounted && policy === 'dead-letter' ? [letter] : [],
        )
        probe.close()
        expect(probe.context.slab.allocatedBytes).toBe(0)
      }
    },
  )
})

test.each([
  ['[', "jq -c '.[]' makes such lines of an array"],
  ['[{"id":1},', 'JSON must have one object a line'],
  ['{', 'jq -c . of objects over several lines'],
  ['{"id":', 'Correct the data or the schema'],
])('a file that begins with %s says what helps', (line, hint) => {
  const path = join(scratchFolder(), 'spread.json')
  writeFileSync(path, `${line}\n{"id":1}\n]\n`)
  const probe = new SourceProbe(fileSource({ path, format: jsonFormat(), schema: defineSchema({ id: t.int() }) }))
  expect(() => probe.poll()).toThrow(expect.objectContaining({ hint: expect.stringContaining(hint) as string }) as Error)
  probe.close()
})

test('the catalogue is as large as promised', () => {
  expect(CASES.length).toBeGreaterThan(240)
})
