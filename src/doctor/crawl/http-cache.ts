import { type Exchange, exchange, type ProbeRequest } from './exchange.ts'
import { mayLeadTo } from './local-address.ts'
import { INITIALIZE_REQUEST, SESSION_REVISION } from './mcp-session.ts'
import { type JsonObject, jsonObject, redirectTarget, webUrl } from './response.ts'

/** What a crawl collected of one deployment. */
export type Crawl = {
  /** As people type it. */
  url: string
  /** By the kind of the request and its URL. */
  responses: ReadonlyMap<string, Exchange>
}

/** Where MCP Inspector runs, which is the browser client that is known. */
export const BROWSER_ORIGIN = 'http://localhost:6274'
/** A website that no server knows. */
export const UNKNOWN_ORIGIN = 'https://review.invalid'

const preflight = (origin: string, headers: string): ProbeRequest => ({
  method: 'OPTIONS',
  headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': headers },
})

/** The requests of a crawl. `initialize` is the one POST, and has no token. */
const REQUESTS = {
  GET: { headers: { 'mcp-protocol-version': SESSION_REVISION } },
  initialize: INITIALIZE_REQUEST,
  'unknown token': {
    headers: { accept: 'text/event-stream', authorization: 'Bearer this-token-was-never-issued' },
  },
  preflight: preflight(BROWSER_ORIGIN, 'content-type'),
  'preflight of an unknown origin': preflight(UNKNOWN_ORIGIN, 'authorization, content-type'),
  'cross-origin GET': { headers: { origin: BROWSER_ORIGIN } },
} as const satisfies Record<string, ProbeRequest>

export type RequestKind = keyof typeof REQUESTS

const MAX_HOPS = 6

/** Sends each request once and keeps the response. A GET is followed where redirects lead. */
export class HttpCache implements Crawl {
  readonly url: string
  readonly responses = new Map<string, Exchange>()
  readonly #sent = new Set<string>()
  readonly #timeout_ms: number | undefined

  constructor(url: string, timeout_ms?: number) {
    this.url = url
    this.#timeout_ms = timeout_ms
  }

  async send(kinds: readonly RequestKind[], urls: readonly (string | undefined)[]): Promise<void> {
    await Promise.all(kinds.flatMap((kind) => urls.map((url) => this.#send(kind, url, MAX_HOPS))))
  }

  async #send(kind: RequestKind, url: string | undefined, hops_left: number): Promise<void> {
    const key = `${kind} ${url}`
    const parsed = webUrl(url)
    // A public server that points at this machine or network must not make this program look there.
    if (url === undefined || !parsed || this.#sent.has(key) || !mayLeadTo(new URL(this.url), parsed)) return
    this.#sent.add(key)
    const response = await exchange(url, { ...REQUESTS[kind], timeout_ms: this.#timeout_ms })
    this.responses.set(key, response)
    const target = kind === 'GET' && hops_left > 1 ? redirectTarget(response) : undefined
    if (target) await this.#send(kind, target.href, hops_left - 1)
  }
}

export function responseTo({ responses }: Crawl, kind: RequestKind, url: string): Exchange | undefined {
  return responses.get(`${kind} ${url}`)
}

/** How far a client goes after redirects. */
export type RedirectPolicy = 'never' | 'within the origin' | 'anywhere'

/** What a client with this policy takes for the answer. `loop`: the redirects from here on do not end. */
export type Arrival = { response: Exchange; loop?: string[] }

/** Undefined for a URL that was not asked. */
export function arrivalAt(crawl: Crawl, url: string, policy: RedirectPolicy): Arrival | undefined {
  const visited = new Set<string>()
  let arrived: Exchange | undefined
  let goes_on = true
  for (let at: string | undefined = url; at !== undefined; ) {
    const response = responseTo(crawl, 'GET', at)
    if (!response) break
    if (arrived) goes_on &&= policy === 'anywhere' || (policy !== 'never' && isSameOrigin(arrived, response))
    if (!arrived || goes_on) arrived = response
    visited.add(new URL(at).href)
    at = redirectTarget(response)?.href
    if (at !== undefined && (visited.has(at) || visited.size === MAX_HOPS))
      return { response: arrived, loop: [...visited, at] }
  }
  return arrived && { response: arrived }
}

function isSameOrigin(one: Exchange, other: Exchange): boolean {
  return new URL(one.url).origin === new URL(other.url).origin
}

/** The JSON object to which a URL leads, whatever its status. */
export function documentAt(crawl: Crawl, url: string): JsonObject | undefined {
  const response = arrivalAt(crawl, url, 'anywhere')?.response
  return response?.outcome === 'answered' ? jsonObject(response.json) : undefined
}
