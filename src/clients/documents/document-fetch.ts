import { Resolver } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { isPublicAddress } from '../../base/host.ts'

/**
 * Fetches somebody else's JSON without becoming their tool: https on port 443, every resolved address checked
 * before connecting, no redirects, no proxy from the environment, few bytes, 5 s. Client ID Metadata Document
 * draft §6.
 */
export type Fetched =
  | { outcome: 'document'; text: string; fresh_for_seconds: number }
  /** Nothing is known about the document now: try again later, an older copy may serve. */
  | { outcome: 'unavailable'; reason: string }
  /** The answer says that there is no such document. */
  | { outcome: 'refused'; reason: string }

/** The network that documents come from; the tests bring a small one of their own. */
export type DocumentNetwork = {
  /** All addresses of a name. */
  resolve(host: string): Promise<string[]>
  permits(address: string): boolean
  port: number
  timeout_ms: number
  ca?: string
}

/** Asks DNS itself: getaddrinfo would hold one of few threads for as long as a stranger's name server likes. */
async function resolvePublicly(host: string): Promise<string[]> {
  const resolver = new Resolver({ timeout: 1_500, tries: 2 })
  const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
}

const PUBLIC_INTERNET: DocumentNetwork = {
  resolve: resolvePublicly,
  permits: isPublicAddress,
  port: 443,
  timeout_ms: 5_000,
}

const FRESH_MIN_SECONDS = 30
const FRESH_MAX_SECONDS = 900
const USER_AGENT = 'Toolgate (client ID metadata documents)'
// One sentence for all of it: whoever may choose the name must not learn what a private name server knows.
const UNREACHABLE = 'the host could not be reached on the public Internet'

/** Answers only when every address of the name is permitted: one bad address spoils the name. */
function checkedLookup({ resolve, permits }: DocumentNetwork): LookupFunction {
  return (host, options, callback) => {
    const answer = (addresses: string[]) => {
      const [first] = addresses
      if (first === undefined || !addresses.every((address) => permits(address)))
        return callback(new Error(UNREACHABLE), '', 0)
      if (!options.all) return callback(null, first, isIP(first))
      callback(
        null,
        addresses.map((address) => ({ address, family: isIP(address) })),
      )
    }
    resolve(host).then(answer, (error) => callback(error, '', 0))
  }
}

/** RFC 9111 §5.2.2.1 max-age, kept within 30 s and 15 min. */
function freshFor(response: IncomingMessage): number {
  const max_age = /(?:^|,)\s*max-age\s*=\s*"?(\d{1,9})/i.exec(response.headers['cache-control'] ?? '')?.[1]
  return Math.min(Math.max(Number(max_age ?? FRESH_MIN_SECONDS), FRESH_MIN_SECONDS), FRESH_MAX_SECONDS)
}

function judgeStatus(status: number): Fetched | undefined {
  if (status === 200) return undefined
  const reason = `the host answered ${status}`
  const temporary = status === 403 || status === 408 || status === 429 || status >= 500
  return { outcome: temporary ? 'unavailable' : 'refused', reason }
}

const DECODERS: Record<string, (body: Buffer, options: { maxOutputLength: number }) => Buffer> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  identity: (body) => body,
}

/** Some hosts compress although it was not asked for. Undefined when it does not decode to at most `maxOutputLength` bytes. */
function decoded(response: IncomingMessage, body: Buffer, maxOutputLength: number): string | undefined {
  const decode = DECODERS[(response.headers['content-encoding'] ?? 'identity').trim().toLowerCase()]
  try {
    return decode?.(body, { maxOutputLength }).toString('utf8')
  } catch {
    return undefined
  }
}

async function readDocument(response: IncomingMessage, size_max_bytes: number): Promise<Fetched> {
  const refuse = (reason: string): Fetched => ({ outcome: 'refused', reason })
  const type = (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!/^application\/(?:[a-z0-9.-]+\+)?json$/.test(type)) return refuse('the answer is not JSON')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += chunk.length
    if (size > size_max_bytes) return refuse(`the document is larger than ${size_max_bytes / 1024} KB`)
    chunks.push(chunk)
  }
  const text = decoded(response, Buffer.concat(chunks), size_max_bytes)
  if (text === undefined)
    return refuse(`the document does not decode, or to more than ${size_max_bytes / 1024} KB`)
  return { outcome: 'document', text, fresh_for_seconds: freshFor(response) }
}

function send(url: URL, host: string, network: DocumentNetwork, signal: AbortSignal) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request(
      {
        host,
        servername: isIP(host) === 0 ? host : '',
        port: network.port,
        path: url.pathname + url.search,
        // An agent of its own: the global one may be told by the environment to use a proxy, which would not check.
        agent: new Agent({ keepAlive: false }),
        lookup: checkedLookup(network),
        rejectUnauthorized: true,
        headers: {
          host: url.host,
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': USER_AGENT,
        },
        signal,
        ...(network.ca ? { ca: network.ca } : {}),
      },
      resolve,
    )
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** What may be fetched at all, whatever its host is. */
export function isFetchable(url: URL): boolean {
  return url.protocol === 'https:' && url.port === '' && url.username === '' && url.password === ''
}

/** Fetches at most `size_max_bytes` of JSON. Never throws: whatever goes wrong is an outcome. */
export async function fetchDocument(
  url: URL,
  size_max_bytes: number,
  network: DocumentNetwork = PUBLIC_INTERNET,
): Promise<Fetched> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  // Node asks no lookup for an address literal.
  if (!isFetchable(url) || (isIP(host) !== 0 && !network.permits(host)))
    return { outcome: 'unavailable', reason: UNREACHABLE }
  const signal = AbortSignal.timeout(network.timeout_ms)
  let response: IncomingMessage | undefined
  try {
    response = await send(url, host, network, signal)
    return judgeStatus(response.statusCode ?? 0) ?? (await readDocument(response, size_max_bytes))
  } catch {
    const reason = signal.aborted ? `the host did not answer within ${network.timeout_ms} ms` : UNREACHABLE
    return { outcome: 'unavailable', reason }
  } finally {
    response?.destroy()
  }
}
