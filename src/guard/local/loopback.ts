import { isLoopbackHost } from '../../base/host.ts'
import type { Connection, GuardedRequest } from '../guarded-request.ts'
import { Refusal } from '../refusal.ts'

/**
 * Mode `none` asks nobody who he is. So it serves over stdio, where the one who started the process is the one who asks,
 * or over a loopback socket, and there nobody who comes through a browser's page, a proxy or a tunnel.
 */

/**
 * For whoever is about to listen in mode `none`.
 * @param host what is given to `listen`, or the address that it came to
 * @throws Error that says what to do, when others could reach it
 */
export function requireLoopbackHost(host: string | undefined): void {
  if (host !== undefined && isLoopbackHost(host)) return
  throw new Error(
    `Mode none authenticates nobody, so it listens on this machine only, and not on ${host ?? 'every address'}. ` +
      "Listen on 127.0.0.1, or set the mode to 'token' or 'oauth'.",
  )
}

// What proxies and tunnels add. Behind one of them every connection comes from this machine.
const FORWARDED = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'cf-connecting-ip']

/** @throws Refusal 403 for whatever may come from elsewhere */
export function requireLocal({ connection, headers }: GuardedRequest): void {
  if (connection === 'stdio') return
  if (!isLocalSocket(connection)) throw notLocal('this server answers only on a loopback connection')
  const forwarded = FORWARDED.find((name) => headers.has(name))
  if (forwarded) throw notLocal(`the ${forwarded} header says that it came through a proxy`)
  if (!isLocalName(headers.get('host'))) throw notLocal('its Host is not this machine')
  const origin = headers.get('origin')
  if (origin !== null && !isLocalOrigin(origin)) throw notLocal('its Origin is not this machine')
  // An image or a link of any page is a GET without Origin. `none`: the address was typed.
  const site = headers.get('sec-fetch-site') ?? 'none'
  if (origin === null && site !== 'none' && site !== 'same-origin')
    throw notLocal('a page of another origin sent it')
}

function isLocalSocket(connection: Exclude<Connection, 'stdio'> | undefined): boolean {
  return isLoopbackHost(connection?.local_address ?? '') && isLoopbackHost(connection?.remote_address ?? '')
}

/** MCP: servers MUST validate Origin, and a page that rebinds its own name to this address sends its own Host. */
function isLocalName(host: string | null): boolean {
  const name = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i.exec(host ?? '')?.[1]
  return name !== undefined && isLoopbackHost(name)
}

function isLocalOrigin(origin: string): boolean {
  const url = URL.parse(origin)
  return url !== null && ['http:', 'https:'].includes(url.protocol) && isLocalName(url.host)
}

function notLocal(why: string): Refusal {
  const error_description = `Without authentication only this machine is served, and ${why}`
  return new Refusal(403, {}, { error: 'access_denied', error_description })
}
