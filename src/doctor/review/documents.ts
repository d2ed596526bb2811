import type { Exchange } from '../probe/exchange.ts'
import { resourceMetadataUrls, serverMetadataUrls } from '../probe/well-known.ts'
import type { Asking } from './asking.ts'
import { bearerChallengeOf, type Seen, type SeenDocument, type SeenServer, textsIn } from './seen.ts'

const SERVERS_MAX = 3
const FROM_BROWSER = { headers: { origin: 'https://review.invalid' } }

/** The RFC 9728 document: where the challenge says, then where the specification has clients look. */
export async function collectMetadata(asking: Asking, anonymous: Seen['anonymous']): Promise<SeenDocument> {
  const named = [anonymous.opened.answer, anonymous.listed.last.answer].flatMap(metadataUrlIn)
  return firstDocument(asking, [...new Set([...named, ...resourceMetadataUrls(asking.options.url)])])
}

function metadataUrlIn(answer: Exchange): string[] {
  const challenge = bearerChallengeOf(answer)
  const named = challenge === 'malformed' ? undefined : challenge?.parameters.get('resource_metadata')
  return named !== undefined && isWeb(named) ? [named] : []
}

/** The RFC 8414 documents of the first three authorization servers that the resource names. */
export async function collectServers(
  asking: Asking,
  document: SeenDocument['document'],
): Promise<SeenServer[]> {
  const issuers = textsIn(document?.authorization_servers).filter(isWeb).slice(0, SERVERS_MAX)
  const servers: SeenServer[] = []
  for (const issuer of issuers)
    servers.push({ issuer, ...(await firstDocument(asking, serverMetadataUrls(issuer))) })
  return servers
}

async function firstDocument(asking: Asking, urls: string[]): Promise<SeenDocument> {
  const exchanges: Exchange[] = []
  for (const url of urls) {
    const answer = await asking.get(url, FROM_BROWSER)
    exchanges.push(answer)
    const document = documentIn(answer)
    if (document) return { exchanges, document }
  }
  return { exchanges, document: undefined }
}

function documentIn(answer: Exchange): Record<string, unknown> | undefined {
  if (answer.outcome === 'failed' || answer.status !== 200) return undefined
  const { json } = answer
  return typeof json === 'object' && json !== null && !Array.isArray(json)
    ? (json as Record<string, unknown>)
    : undefined
}

function isWeb(text: string): boolean {
  return ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? '')
}
