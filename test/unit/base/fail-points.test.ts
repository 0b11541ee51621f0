import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FAIL_POINTS } from '../../../src/base/fail-points.ts'

test('each fail point stands at one place of the sources', () => {
  const source = new URL('../../../src', import.meta.url).pathname
  const found = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...readFileSync(join(source, name), 'utf8').matchAll(/\bfailPoint\('([^']*)'\)/g)].map(([, point]) => point))
  expect(found.toSorted()).toEqual([...FAIL_POINTS].toSorted())
})
