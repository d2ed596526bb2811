/**
 * What one client sends from discovery to revocation, as its source, its vendor's words or public reports tell. The
 * rows are data: `test/flows/interop.test.ts` plays them, and docs/clients.md is written from them.
 */
export type ClientShape = {
  /** Its name, with the release or the way of registering where those differ. */
  client: string
  /** What it does that an authorization server may trip over, as one sentence. */
  habit: string
  identity: Identity
  /** It runs in a browser, at this origin. */
  origin?: string
  /** It asks the authorization endpoint by itself before it opens a browser, to see whether it is still known. */
  probes_authorize?: true
  /** What it sends to /authorize as redirect_uri. */
  redirect_uri: string
  /** What other releases, other runs or other surfaces of it send, as the same client. */
  other_redirect_uris?: string[]
  /** Beside response_type, client_id, redirect_uri, state and PKCE. */
  authorize: Parameters
  /** How it proves itself at /token; not at all when absent. */
  authenticates?: 'basic' | 'basic without form-encoding' | 'post' | 'private_key_jwt'
  /** Beside grant_type, code, code_verifier and redirect_uri. */
  token: Parameters
  /** Beside grant_type and refresh_token. */
  refresh: Parameters
  /** The scope that it ends up with, when the person leaves everything ticked. */
  gets: string
}

export type Parameters = Readonly<Record<string, string>>

export type Identity =
  /** A body for POST /register. */
  | { registration: Readonly<Record<string, unknown>> }
  /** A document at this URL, which is its client_id; the document's own client_id is added. */
  | { document_url: string; document: Readonly<Record<string, unknown>> }
  /** `toolgate clients add`. */
  | { added_by_operator: { redirect_uris: string[]; confidential: boolean } }

/** The only resource, named without a path: that is where clients differ in how they spell it. */
export const RESOURCE = 'https://notes.example'
export const RESOURCE_WITH_SLASH = 'https://notes.example/'

/** A client that no authorization server can connect: it asks to be sent where its registration does not say. */
export type ImpossibleShape = Pick<
  ClientShape,
  'client' | 'habit' | 'identity' | 'redirect_uri' | 'authorize'
>
