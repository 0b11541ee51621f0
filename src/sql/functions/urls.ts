// URLs as Java takes them apart and writes them: looser, and stricter, than JavaScript's URL.

import { isIPv6 } from 'node:net'
import { wellFormed } from './texts.ts'

/** The parts of a URL; undefined: it has none of that. */
interface UrlParts {
  readonly protocol: string
  readonly host: string
  readonly authority: string | undefined
  readonly userInfo: string | undefined
  readonly path: string
  readonly query: string | undefined
  readonly reference: string | undefined
}

type Spec = Pick<UrlParts, 'protocol' | 'reference'>

const PROTOCOLS = new Set(['file', 'ftp', 'http', 'https', 'jar', 'jmod', 'jrt', 'mailto'])

/** A part of a URL, or the value of a key of its query; NULL if it has none, or is no URL. */
export function parseUrl(url: string, part: string, key?: string): string | null {
  if (key !== undefined && part !== 'QUERY') return null
  const parts = partsOf(url)
  if (parts === undefined) return null
  if (key !== undefined) return parts.query === undefined ? null : valueOf(parts.query, key)
  switch (part) {
    case 'HOST':
      return parts.host
    case 'PATH':
      return parts.path
    case 'QUERY':
      return parts.query ?? null
    case 'REF':
      return parts.reference ?? null
    case 'PROTOCOL':
      return parts.protocol
    case 'FILE':
      return parts.query === undefined ? parts.path : `${parts.path}?${parts.query}`
    case 'AUTHORITY':
      return parts.authority ?? null
    case 'USERINFO':
      return parts.userInfo ?? null
    default:
      return null
  }
}

/** Of the first `key=`. */
function valueOf(query: string, key: string): string | null {
  for (let at = 0; at >= 0;) {
    if (query.startsWith(`${key}=`, at)) {
      const from = at + key.length + 1
      const end = query.indexOf('&', from)
      return query.slice(from, end < 0 ? undefined : end)
    }
    const next = query.indexOf('&', at)
    at = next < 0 ? -1 : next + 1
  }
  return null
}

function partsOf(text: string): UrlParts | undefined {
  const url = text.replaceAll(/^[\0- ]+|[\0- ]+$/g, '').replace(/^url:/i, '')
  const [, written, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):([^]*)$/.exec(url) ?? []
  const protocol = written?.toLowerCase()
  if (protocol === undefined || !PROTOCOLS.has(protocol)) return undefined
  const hash = rest.indexOf('#')
  const spec: Spec = { protocol, reference: hash < 0 ? undefined : rest.slice(hash + 1) }
  const body = hash < 0 ? rest : rest.slice(0, hash)
  if (protocol === 'mailto') return /[^\s]/.test(body) ? opaque(spec, body) : undefined
  if (protocol === 'jar') {
    const end = body.lastIndexOf('!/')
    return end < 0 || partsOf(body.slice(0, end)) === undefined ? undefined : opaque(spec, body)
  }
  return hierarchical(spec, body)
}

function opaque(spec: Spec, body: string): UrlParts {
  const mark = body.lastIndexOf('?')
  return {
    ...spec,
    host: '',
    authority: undefined,
    userInfo: undefined,
    path: mark < 0 ? body : body.slice(0, mark),
    query: mark < 0 ? undefined : body.slice(mark + 1),
  }
}

function hierarchical(spec: Spec, body: string): UrlParts | undefined {
  const mark = body.indexOf('?')
  const query = mark < 0 ? undefined : body.slice(mark + 1)
  const rest = mark < 0 ? body : body.slice(0, mark)
  if (!rest.startsWith('//') || rest.startsWith('////')) return { ...spec, host: '', authority: undefined, userInfo: undefined, path: rest, query }
  const slash = rest.indexOf('/', 2)
  const authority = rest.slice(2, slash < 0 ? undefined : slash)
  const path = slash < 0 ? '' : rest.slice(slash)
  const at = authority.indexOf('@')
  // More than one @: not that of a server.
  if (at !== authority.lastIndexOf('@')) return { ...spec, host: '', authority, userInfo: undefined, path, query }
  const host = hostOf(authority.slice(at + 1))
  if (host === undefined) return undefined
  return { ...spec, host, authority, userInfo: at < 0 ? undefined : authority.slice(0, at), path, query }
}

/** Without the port; undefined if that is none. */
function hostOf(text: string): string | undefined {
  const match = /^(\[[^\]]*\]|[^[:][^:]*|)(?::([^]*))?$/.exec(text)
  if (match === null) return undefined
  const [, host, port] = match as readonly (string | undefined)[]
  if (host!.startsWith('[') && !isIPv6(host!.slice(1, -1))) return undefined
  return port === undefined || port === '' || port === '-1' || (/^\+?[0-9]+$/.test(port) && Number(port) < 2 ** 31) ? host : undefined
}

/** As a form sends it. */
export function urlEncoded(text: string): string {
  return encodeURIComponent(wellFormed(text))
    .replaceAll('%20', '+')
    .replaceAll(/[!'()~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** NULL if a percent sign is not followed by two digits; the first one may be a plus sign. */
export function urlDecoded(text: string): string | null {
  let isBroken = false
  const decoded = text.replaceAll(/(?:%(?:[0-9A-Fa-f]{2}|\+[0-9A-Fa-f]))+|[%+]/g, (found) => {
    if (found === '+') return ' '
    if (found === '%') isBroken = true
    const codes = found.split('%').slice(1)
    return Buffer.from(codes.map((code) => Number.parseInt(code, 16))).toString()
  })
  return isBroken ? null : decoded
}
