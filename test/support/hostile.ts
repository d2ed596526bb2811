import { expect } from 'vitest'
import type { SendInit } from './send.ts'

/** Requests that nobody should send, made from requests that are fine, and what an answer to them may be. */
export type Endpoint = {
  name: string
  method: 'GET' | 'POST'
  path: string
  carries: 'query' | 'form' | 'json'
  parameters: Record<string, string>
  headers?: Record<string, string>
}

export type Request = { path: string; init: SendInit }

const FORM = 'application/x-www-form-urlencoded'

/** The request that says these pairs; the values are percent-encoded already, or JSON texts for a JSON body. */
export function requestOf(endpoint: Endpoint, pairs: readonly (readonly [string, string])[]): Request {
  const { method, path, carries, headers = {} } = endpoint
  const text = pairs.map(([name, value]) => `${name}=${value}`).join('&')
  if (carries === 'query') return { path: `${path}?${text}`, init: { method, headers } }
  const json = `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
  const type = carries === 'json' ? 'application/json' : FORM
  return {
    path,
    init: { method, headers: { 'content-type': type, ...headers }, body: carries === 'json' ? json : text },
  }
}

/** The pairs of an endpoint's good request, encoded as `requestOf` wants them. */
export function goodPairs({ parameters, carries }: Endpoint): [string, string][] {
  return Object.entries(parameters).map(([name, value]) => [
    name,
    carries === 'json' ? value : encodeURIComponent(value),
  ])
}

/** What is wrong with an answer: a status outside 2xx to 4xx, or a refusal that does not say why. */
export function unclear(status: number, content_type: string, body: string): string | undefined {
  if (status < 200 || status > 499) return `status ${status}: ${body.slice(0, 300)}`
  if (status < 400) return undefined
  if (content_type.includes('html')) return /<h1[\s>]/.test(body) ? undefined : 'a page without a heading'
  if (!content_type.includes('json')) return `a refusal as ${content_type || 'nothing'}`
  const { error, error_description, detail, code } = JSON.parse(body) as Record<string, unknown>
  const says = typeof error === 'string' ? (error_description ?? error) : code && detail
  return typeof says === 'string' && says !== '' ? undefined : `a refusal without a reason: ${body}`
}

/** Fails when the answer is a 5xx, or a 4xx that does not say what is wrong. Returns the status and the body. */
export async function expectClear(
  response: Response,
  sent: unknown,
): Promise<{ status: number; body: string }> {
  const body = await response.text()
  const wrong = unclear(response.status, response.headers.get('content-type') ?? '', body)
  expect(wrong, JSON.stringify(sent)).toBeUndefined()
  return { status: response.status, body }
}

/** True for a 4xx, and for a redirect that takes an error back to the client. */
export function isRefused(response: Response): boolean {
  const location = response.headers.get('location')
  if (response.status === 303 && location) return new URL(location, 'http://x').searchParams.has('error')
  return response.status >= 400 && response.status < 500
}
