import type { Recorder } from '../reports/call-report.ts'
import type { PrivateKey } from './signing-algorithm.ts'

/** Where the authorization server is, and how this resource server authenticates there. */
export type ServerSettings = {
  issuer: string
  introspection_endpoint: string
  client_id: string
  client_secret: string | undefined
  private_key: PrivateKey | undefined
  fetch: typeof fetch
  timeout_ms: number
  cache: CacheSettings | undefined
}

export type CacheSettings = { max_age_ms: number; lease_ms: number; recorder: Recorder | undefined }

/** How the guard proves to the authorization server which resource server it is: by a secret, or by a private key. */
export type ClientAuthentication = {
  /** What goes into the next request. */
  proof(): Promise<{ headers: Record<string, string>; parameters: Record<string, string> }>
  /** Forgets a proof that was refused, so that the next one is made anew. */
  refused(): void
}
