import { lookup as dnsLookup } from 'node:dns'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isPublicAddress } from './public-address.ts'

/**
 * Fetches somebody else's document without becoming their tool: https on port 443, every resolved address checked
 * before connecting, no redirects, no proxy from the environment, 5 KB, 5 s. Client ID Metadata Document draft §6.
 */
export type Fetched =
  | { outcome: 'document'; text: string; fresh_for_seconds: number }
  /** Nothing is known about the document now: try again later, an older copy may serve. */
  | { outcome: 'unavailable'; reason: string }
  /** The answer says that there is no such document. */
  | { outcome: 'refused'; reason: string }

/** The network that documents come from; the tests bring a small one of their own. */
export type DocumentNetwork = {
  lookup: LookupFunction
  permits(address: string): boolean
  port: number
  ca?: string
}

export const PUBLIC_INTERNET: DocumentNetwork = {
  lookup: (host, options, callback) => dnsLookup(host, options, callback),
  permits: isPublicAddress,
  port: 443,
}

const SIZE_MAX_BYTES = 5 * 1024
const TIMEOUT_MS = 5_000
const FRESH_MIN_SECONDS = 30
const FRESH_MAX_SECONDS = 900
const USER_AGENT = 'Toolgate (client ID metadata documents)'

class AddressRefused extends Error {}

/** A lookup that answers only when every address of the name is permitted: one bad address spoils the name. */
function checkedLookup({ lookup, permits }: DocumentNetwork): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0)
      const addresses = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }]
      const [first] = addresses
      if (!first || addresses.some(({ address }) => !permits(address)))
        return callback(new AddressRefused('the host is not on the public Internet'), '', 0)
      if (options.all) return callback(null, addresses)
      callback(null, first.address, first.family)
    })
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

async function readDocument(response: IncomingMessage): Promise<Fetched> {
  const type = (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!/^application\/(?:[a-z0-9.-]+\+)?json$/.test(type))
    return { outcome: 'refused', reason: 'the answer is not JSON' }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += chunk.length
    if (size > SIZE_MAX_BYTES) return { outcome: 'refused', reason: 'the document is larger than 5 KB' }
    chunks.push(chunk)
  }
  return {
    outcome: 'document',
    text: Buffer.concat(chunks).toString('utf8'),
    fresh_for_seconds: freshFor(response),
  }
}

function send(url: URL, network: DocumentNetwork, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: url.hostname.replace(/^\[|\]$/g, ''),
        servername: url.hostname,
        port: network.port,
        path: url.pathname + url.search,
        // An agent of its own: the global one may be told by the environment to use a proxy, which would not check.
        agent: new Agent({ keepAlive: false }),
        lookup: checkedLookup(network),
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

/** Never throws: whatever goes wrong is an outcome. */
export async function fetchDocument(url: URL, network: DocumentNetwork = PUBLIC_INTERNET): Promise<Fetched> {
  const literal = url.hostname.replace(/^\[|\]$/g, '')
  // Node asks no lookup for an address literal.
  if (isIP(literal) !== 0 && !network.permits(literal))
    return { outcome: 'refused', reason: 'the host is not on the public Internet' }
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  let response: IncomingMessage | undefined
  try {
    response = await send(url, network, signal)
    return judgeStatus(response.statusCode ?? 0) ?? (await readDocument(response))
  } catch (error) {
    if (error instanceof AddressRefused) return { outcome: 'refused', reason: error.message }
    const reason = signal.aborted ? 'the host did not answer within 5 s' : 'the host could not be reached'
    return { outcome: 'unavailable', reason }
  } finally {
    response?.destroy()
  }
}
