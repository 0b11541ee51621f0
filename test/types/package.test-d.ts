// The package as a user's compiler sees it: both entry points resolve to declarations.
import * as millrace from 'millrace'
import * as testing from 'millrace/testing'

export const entryPoints: readonly object[] = [millrace, testing]
