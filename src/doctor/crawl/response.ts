import { isObject } from '../../base/json.ts'
import { type Challenge, readChallenges } from './challenge.ts'
import type { Answered, Exchange } from './exchange.ts'

/** Reads what came back. Every value is from outside, and may be anything. */
export type JsonObject = Readonly<Record<string, unknown>>

export function jsonObject(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined
}

/** Those of the values that are objects. */
export function jsonObjects(values: unknown): JsonObject[] {
  return [values].flat().filter(isObject)
}

/** The strings of a list; undefined where there is no list. */
export function stringsOf(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined
}

/** What a program may take for an address of the web; undefined for anything else. */
export function webUrl(value: unknown): URL | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null
  return url && /^https?:$/.test(url.protocol) ? url : undefined
}

/** Undefined when there was no answer. */
export function statusOf(response: Exchange | undefined): number | undefined {
  return response?.outcome === 'answered' ? response.status : undefined
}

/** For people: the status, or why there is none. */
export function statusText(response: Exchange): string {
  return response.outcome === 'answered' ? `${response.status}` : `no answer (${response.reason})`
}

export function headerOf(response: Exchange | undefined, name: string): string | undefined {
  return response?.outcome === 'answered' ? (response.headers.get(name) ?? undefined) : undefined
}

/** The JSON object of a success; empty for anything else. */
export function successOf(response: Exchange): JsonObject {
  return (response.outcome === 'answered' && response.status < 300 && jsonObject(response.json)) || {}
}

/** The MCP server did what it was asked to do. */
export function isLetIn(response: Exchange): boolean {
  if (response.outcome === 'failed') return false
  const { status, text } = response
  return status >= 200 && status < 300 && /"result"\s*:/.test(text)
}

export function isHtml({ headers, text }: Answered): boolean {
  return (
    /text\/html/i.test(headers.get('content-type') ?? '') || /^\s*<(!doctype|html|head|body)\b/i.test(text)
  )
}

/** The Bearer challenge; `malformed` when the header is there and cannot be read. */
export function bearerChallengeOf(response: Exchange): Challenge | 'malformed' | undefined {
  const header = headerOf(response, 'www-authenticate')
  if (header === undefined) return undefined
  const challenges = readChallenges(header)
  return challenges ? challenges.find(({ scheme }) => scheme === 'bearer') : 'malformed'
}

/** The parameters of the Bearer challenge, where that can be read. */
export function challengeParameters(response: Exchange): Challenge['parameters'] | undefined {
  const challenge = bearerChallengeOf(response)
  return challenge === 'malformed' ? undefined : challenge?.parameters
}

/** Where the challenge says that the metadata is. In what is malformed for us, clients still find it by a pattern. */
export function challengedMetadataUrl(response: Exchange): string | undefined {
  const is_malformed = bearerChallengeOf(response) === 'malformed'
  const header = is_malformed ? headerOf(response, 'www-authenticate') : undefined
  const found = /resource_metadata="([^"]+)"/.exec(header ?? '')?.[1]
  return webUrl(found ?? challengeParameters(response)?.get('resource_metadata'))?.href
}

const REDIRECTS = [301, 302, 303, 307, 308]

export function redirectTarget(response: Exchange): URL | undefined {
  if (!REDIRECTS.includes(statusOf(response) ?? 0)) return undefined
  return webUrl(URL.parse(headerOf(response, 'location') ?? '', response.url)?.href)
}
