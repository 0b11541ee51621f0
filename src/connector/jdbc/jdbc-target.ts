// Where a JDBC URL points to: which database there, and as whom. The URLs are those of the drivers that Flink uses.

import { PlanError } from '../../base/errors.ts'
import { suggest } from '../../base/suggest.ts'
import type { PostgresConnection } from '../postgres/postgres-session.ts'

/** A database. */
export type JdbcTarget =
  | { readonly kind: 'sqlite'; readonly path: string }
  /** `schemaName`: where tables are whose names say no schema; undefined: the `search_path` decides. */
  | { readonly kind: 'postgresql'; readonly connection: PostgresConnection; readonly schemaName: string | undefined }

const SQLITE = 'jdbc:sqlite:'
const POSTGRES = 'jdbc:postgresql:'
/** Of those of the driver what means something here. `host` is libpq's: a folder with a socket. */
const PARAMETERS = ['user', 'password', 'ssl', 'sslmode', 'currentSchema', 'host']
const SSL_MODES: Readonly<Record<string, boolean | object>> = {
  disable: false,
  require: { rejectUnauthorized: false },
  'verify-ca': { checkServerIdentity: () => {} },
  'verify-full': true,
}

/**
 * Reads a URL: `jdbc:sqlite:PATH`, `jdbc:postgresql://host:port/database?user=...`.
 *
 * @param user Comes before what the URL says, as the password does.
 * @throws {PlanError} `INVALID_OPTION`, never with a password in it.
 */
export function jdbcTarget(url: string, user: string | undefined, password: string | undefined): JdbcTarget {
  if (url.startsWith(SQLITE)) {
    const path = url.slice(SQLITE.length)
    if (path === '' || path === ':memory:') refuse('it names no file', 'Nobody else could read a database in memory: write jdbc:sqlite:PATH.')
    if (user !== undefined || password !== undefined) refuse('SQLite knows no users', "Leave 'username' and 'password' out.")
    return { kind: 'sqlite', path }
  }
  if (!url.startsWith(POSTGRES)) refuse(`it begins with neither ${SQLITE} nor ${POSTGRES}`, 'SQLite and PostgreSQL are there.')
  return postgresTarget(url, user, password)
}

function postgresTarget(url: string, user: string | undefined, password: string | undefined): JdbcTarget {
  const rest = url.slice(POSTGRES.length)
  // The driver takes a database alone too.
  const text = rest.startsWith('//') ? rest : `///${rest}`
  let parsed: URL
  try {
    parsed = new URL(`postgresql:${text}`)
  } catch {
    return refuse('it is no URL', 'Write jdbc:postgresql://host:port/database, with special characters as %XX.')
  }
  if (parsed.username !== '' || parsed.password !== '') refuse('it holds a user in front of the host', "Write 'username' and 'password'.")
  for (const name of parsed.searchParams.keys()) {
    if (PARAMETERS.includes(name)) continue
    const near = suggest(name, PARAMETERS)
    refuse(`nothing is known of its parameter ${name}`, near === undefined ? `Known are ${PARAMETERS.join(', ')}.` : `Did you mean ${near}?`)
  }
  const parameter = (name: string): string | undefined => parsed.searchParams.get(name) ?? undefined
  const mode = parameter('sslmode') ?? (parameter('ssl') === 'true' ? 'verify-full' : 'disable')
  if (!(mode in SSL_MODES)) refuse(`its sslmode is ${mode}`, `There are ${Object.keys(SSL_MODES).join(', ')}.`)
  const host = parameter('host') ?? decoded(parsed.hostname)
  const database = decoded(parsed.pathname.slice(1))
  const own = { user: user ?? parameter('user'), password: password ?? parameter('password') }
  return {
    kind: 'postgresql',
    schemaName: parameter('currentSchema'),
    connection: {
      ...(host !== '' && { host }),
      ...(parsed.port !== '' && { port: Number(parsed.port) }),
      ...(database !== '' && { database }),
      ...(own.user !== undefined && { user: own.user }),
      ...(own.password !== undefined && { password: own.password }),
      ...(SSL_MODES[mode] !== false && { ssl: SSL_MODES[mode] }),
    },
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse('it has a % that begins no %XX', 'Write % as %25.')
  }
}

function refuse(reason: string, hint: string): never {
  throw new PlanError('INVALID_OPTION', `Cannot use the 'url' of a JDBC table: ${reason}`, { hint })
}
