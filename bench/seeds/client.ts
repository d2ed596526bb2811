import { createHash, randomBytes } from 'node:crypto'
import { RESOURCE } from './workload.ts'

/** An MCP client as Toolgate sees it: it registers and sends a browser to authorize. */
export const REDIRECT_URI = 'http://127.0.0.1:33418/callback'

export type Authorized = { client_id: string; code: string; code_verifier: string }

export async function registerClient(issuer: string): Promise<string> {
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'The benchmark', redirect_uris: [REDIRECT_URI] }),
  })
  const registered = (await response.json()) as { client_id?: string }
  if (!registered.client_id) throw new Error(`not registered: ${JSON.stringify(registered)}`)
  return registered.client_id
}

export function challengeOf(code_verifier: string): string {
  return createHash('sha256').update(code_verifier).digest('base64url')
}

export function authorizationRequest(issuer: string, client_id: string): { url: URL; code_verifier: string } {
  const code_verifier = randomBytes(32).toString('base64url')
  const url = new URL(`${issuer}/authorize`)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id,
    redirect_uri: REDIRECT_URI,
    code_challenge: challengeOf(code_verifier),
    code_challenge_method: 'S256',
    state: 'state-of-the-client',
    resource: RESOURCE,
    scope: 'notes:read notes:write',
  }).toString()
  return { url, code_verifier }
}
