import { type Exchange, exchange, type ProbeRequest } from './probe/exchange.ts'

/** One request with the redirects after it, kept hop by hop: clients differ in how far they follow. */
export type Visit = {
  hops: readonly [Exchange, ...Exchange[]]
  /** It came back to where it had been, or went on for too long. */
  circles: boolean
}

/** How far a client goes after redirects. */
export type RedirectPolicy = 'never' | 'within the origin' | 'anywhere'

const MAX_HOPS = 6
const REDIRECTS = new Set([301, 302, 303, 307, 308])

export function redirectTarget(from: Exchange): URL | undefined {
  if (from.outcome !== 'answered' || !REDIRECTS.has(from.status)) return undefined
  const target = URL.parse(from.headers.get('location') ?? '', from.url)
  return target && /^https?:$/.test(target.protocol) ? target : undefined
}

/** Asks once; after a GET it follows where `may_ask` lets it. */
export async function visit(
  url: string,
  request: ProbeRequest,
  may_ask: (url: URL) => boolean,
): Promise<Visit> {
  const hops: [Exchange, ...Exchange[]] = [await exchange(url, request)]
  const seen = new Set([new URL(url).href])
  if ((request.method ?? 'GET') !== 'GET') return { hops, circles: false }
  for (;;) {
    const target = redirectTarget(hops.at(-1) ?? hops[0])
    if (!target || !may_ask(target)) return { hops, circles: false }
    if (seen.has(target.href) || hops.length === MAX_HOPS) return { hops, circles: true }
    seen.add(target.href)
    hops.push(await exchange(target.href, request))
  }
}

/** The answer that a client with this policy takes for the answer. */
export function arrivalOf({ hops }: Visit, policy: RedirectPolicy): Exchange {
  const [first, ...others] = hops
  if (policy === 'never') return first
  let arrived: Exchange = first
  for (const next of others) {
    if (policy === 'within the origin' && new URL(next.url).origin !== new URL(arrived.url).origin) break
    arrived = next
  }
  return arrived
}
