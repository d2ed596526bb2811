import { readChallenges } from './probe/challenge.ts'
import type { Answered, ProbeRequest } from './probe/exchange.ts'
import { mayLeadTo } from './probe/local-address.ts'
import { resourceMetadataUrls, serverMetadataUrls } from './probe/well-known.ts'
import { type Visit, visit } from './visit.ts'

/** The walk along the discovery chain: whatever any known client would ask for, asked once, by reading alone. */
export type Walk = {
  /** As people type it. */
  url: string
  visits: ReadonlyMap<string, Visit>
}

/** `initialize` is the one POST, without a token; `stranger` shows a token that nobody issued. */
export type Asked = 'GET' | 'initialize' | 'stranger' | 'preflight' | 'cross-origin GET'

const PROTOCOL_VERSION = '2025-11-25'
/** Where MCP Inspector runs, which is the browser client that is known. */
export const BROWSER_ORIGIN = 'http://localhost:6274'
const MAX_SERVERS = 4

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: PROTOCOL_VERSION,
    capabilities: {},
    clientInfo: { name: 'toolgate-doctor', version: '1.0.0' },
  },
})
const MCP_HEADERS = {
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
  'mcp-protocol-version': PROTOCOL_VERSION,
}

const REQUESTS: Record<Asked, ProbeRequest> = {
  GET: { headers: { 'mcp-protocol-version': PROTOCOL_VERSION } },
  initialize: { method: 'POST', headers: MCP_HEADERS, body: INITIALIZE },
  stranger: { headers: { accept: 'text/event-stream', authorization: 'Bearer nobody-issued-this-token' } },
  preflight: {
    method: 'OPTIONS',
    headers: {
      origin: BROWSER_ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    },
  },
  'cross-origin GET': { headers: { origin: BROWSER_ORIGIN } },
}

/** What a program may take for an address of the web; undefined for anything else. */
export function webUrl(value: unknown): URL | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null
  return url && /^https?:$/.test(url.protocol) ? url : undefined
}

/** A document out of the wild: its members may be anything. */
export type Document = Readonly<Record<string, unknown>>

export function documentOf(value: unknown): Document | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Document)
    : undefined
}

export function visitOf({ visits }: Walk, asked: Asked, url: string): Visit | undefined {
  return visits.get(`${asked} ${url}`)
}

/** The URL that a challenge names for the metadata, as far as a program can read it. */
export function challengedMetadataUrl(answer: Answered): string | undefined {
  const header = answer.headers.get('www-authenticate') ?? ''
  const bearer = readChallenges(header)?.find(({ scheme }) => scheme === 'bearer')
  // What is malformed for us, clients still find by a pattern.
  const found = bearer
    ? bearer.parameters.get('resource_metadata')
    : /resource_metadata="([^"]+)"/.exec(header)?.[1]
  return webUrl(found)?.href
}

/** The authorization server that clients take when the MCP server names none: its own origin. */
export function originOf(url: string): string {
  return new URL(url).origin
}

/** Every place where a client looks for a server's metadata. */
export function allServerMetadataUrls(issuer: string): string[] {
  return [...new Set([...serverMetadataUrls(issuer), ...serverMetadataUrls(new URL(issuer).origin)])]
}

/** The endpoints of MCP 2025-03-26, which clients suppose at a server without metadata. */
export function defaultEndpoints(issuer: string): Document {
  const { origin } = new URL(issuer)
  const names = { authorization: 'authorize', token: 'token', registration: 'register' }
  return Object.fromEntries(
    Object.entries(names).map(([name, path]) => [`${name}_endpoint`, `${origin}/${path}`]),
  )
}

class Notebook {
  readonly visits = new Map<string, Visit>()
  readonly #may_ask: (url: URL) => boolean

  constructor(start: URL) {
    this.#may_ask = (url) => mayLeadTo(start, url)
  }

  async ask(asked: Asked, urls: readonly (string | undefined)[]): Promise<void> {
    const wanted = [...new Set(urls)].filter((url) => url !== undefined)
    await Promise.all(
      wanted.map(async (url) => {
        const key = `${asked} ${url}`
        const parsed = webUrl(url)
        if (this.visits.has(key) || !parsed || !this.#may_ask(parsed)) return
        this.visits.set(key, await visit(url, REQUESTS[asked], this.#may_ask))
      }),
    )
  }

  /** The documents that were found at `urls`, however far redirects led. */
  documents(urls: readonly (string | undefined)[]): Document[] {
    return urls.flatMap((url) => {
      const last = this.visits.get(`GET ${url}`)?.hops.at(-1)
      const document = last?.outcome === 'answered' ? documentOf(last.json) : undefined
      return document ? [document] : []
    })
  }
}

/** Asks what there is to ask at `url` and behind it. Throws for nothing that the other side does. */
export async function walk(url: string): Promise<Walk> {
  const notebook = new Notebook(new URL(url))
  await notebook.ask('initialize', [url])
  await notebook.ask('preflight', [url])
  const first = notebook.visits.get(`initialize ${url}`)?.hops[0]
  const challenged = first?.outcome === 'answered' ? challengedMetadataUrl(first) : undefined
  if (first?.outcome === 'answered' && first.status === 401) await notebook.ask('stranger', [url])
  const metadata_urls = [challenged, ...resourceMetadataUrls(url)]
  await notebook.ask('GET', metadata_urls)
  await notebook.ask('cross-origin GET', metadata_urls)
  await askServers(notebook, [...namedServers(notebook.documents(metadata_urls)), originOf(url)])
  return { url, visits: notebook.visits }
}

function namedServers(documents: readonly Document[]): string[] {
  const first = documents.map(({ authorization_servers: servers }) => Array.isArray(servers) && servers[0])
  return first.filter((server): server is string => webUrl(server) !== undefined)
}

async function askServers(notebook: Notebook, servers: readonly string[]): Promise<void> {
  const asked = [...new Set(servers)].slice(0, MAX_SERVERS)
  const urls = asked.flatMap(allServerMetadataUrls)
  await notebook.ask('GET', urls)
  await notebook.ask('cross-origin GET', urls)
  const documents = [...notebook.documents(urls), ...asked.map(defaultEndpoints)]
  const named = (name: string) => documents.map((document) => webUrl(document[name])?.href)
  await notebook.ask('preflight', [...named('token_endpoint'), ...named('registration_endpoint')])
  await notebook.ask('GET', named('authorization_endpoint').map(asStranger))
}

/** An authorization request of a client that nobody knows: RFC 6749 §4.1.2.1 has it told to the person, never redirected. */
export function asStranger(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined) return undefined
  const url = new URL(endpoint)
  url.searchParams.set('response_type', 'code')
  url.searchParams.set('client_id', 'toolgate-doctor-unknown-client')
  url.searchParams.set('redirect_uri', 'http://127.0.0.1/callback')
  return url.href
}

/** The strings of a member that should be a list of strings; undefined where there is none. */
export function listOf(document: Document | undefined, name: string): string[] | undefined {
  const value = document?.[name]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined
}
