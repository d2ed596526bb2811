import type { RedirectPolicy } from '../crawl/http-cache.ts'

/**
 * What is known of MCP clients, from their source, their vendors or public reports: how each looks for its authorization
 * server, and what it sends. The doctor judges by it, the tests play it, and docs/clients.md is written from it.
 */
export type ClientFacts = (Profile | { rules?: undefined }) &
  (ClientShape | { shapes: readonly ClientShape[] })

/** One way in which a client shows up: a release of it, or one of its ways of becoming known. */
export type ClientShape = {
  /** With the release or the way of becoming known where those differ. */
  client: string
  /** What it does that an authorization server may trip over, as one sentence. */
  habit: string
  identity: Identity
  /** It registers with the scope that it will ask for. */
  registers_scope?: true
  /** The one it sends, then what other releases, runs or surfaces send as the same client. As in its metadata when absent. */
  redirect_uris?: readonly string[]
  /** It runs in a browser, at this origin. */
  origin?: string
  /** It asks /authorize by itself first, and takes 400 for “not registered any more”. */
  probes_authorize?: true
  /** Its credentials are not form-encoded in HTTP Basic (RFC 6749 §2.3.1). */
  skips_form_encoding?: true
  /** Beside PKCE and state, at a server that calls for notes:read. That scope and the resource, as published, when absent. */
  authorize?: Sent & { prompt?: 'consent' }
  /** With the code, and with a refresh token. The resource of the authorization when absent. */
  token?: Sent
  refresh?: Sent
}

/** URL parsers add a slash to a resource that is named by its origin alone. */
export type Sent = { scope?: string; resource?: 'as published' | 'with a slash' }

export type Metadata = { redirect_uris: readonly string[]; [member: string]: unknown }

/** `document_url`: where its metadata is published, which is its client_id. `secret`: `toolgate clients add` gave it one. */
export type Identity =
  | { by: 'registration'; metadata: Metadata }
  | { by: 'document'; document_url: string; metadata: Metadata }
  | { by: 'operator'; metadata: { redirect_uris: readonly string[] }; is_confidential: boolean }

/** As most register: as a public client with the code flow. */
export function registers(client_name: string, redirect_uris: readonly string[], more: object = {}) {
  return { by: 'registration', metadata: { ...publicClient(client_name, redirect_uris), ...more } } as const
}

export function publishes(
  url: string,
  client_name: string,
  redirect_uris: readonly string[],
  more: object = {},
) {
  const metadata = { ...publicClient(client_name, redirect_uris), ...more }
  return { by: 'document', document_url: url, metadata } as const
}

function publicClient(client_name: string, redirect_uris: readonly string[]) {
  const code_flow = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }
  return { client_name, redirect_uris, ...code_flow, token_endpoint_auth_method: 'none' }
}

/** On what a rule stands. A client of which little is known is judged by the specification, and the report says so. */
export type Ground =
  /** The project's own tests run this very package. */
  | 'run'
  /** Read in its source. */
  | 'source'
  /** Its vendor says so. */
  | 'documented'
  /** Public reports of people say so. */
  | 'reported'
  /** Not known; what the MCP specification asks of a client is taken. */
  | 'assumed'

export type Rule<Value> = { is: Value; ground: Ground; where: string }

export type ClientRules = {
  /** With a `resource_metadata` in the challenge: asks only there, or there before the well-known places. */
  challenged_metadata: Rule<'alone' | 'first'>
  /** Without metadata of the MCP server: gives up, or takes the server's origin for the authorization server. */
  without_resource_metadata: Rule<'gives up' | 'takes the origin'>
  redirects: Rule<RedirectPolicy>
  /** How `resource` has to equal the URL that was typed. */
  resource: Rule<'same text' | 'same URL' | 'same or parent' | 'same or parent, slash aside'>
  /** Where metadata of the authorization server is looked for, beside the places of the specification. */
  server_metadata: Rule<'as specified' | 'at the root too'>
  /** After a status of 500 and more, other than 502: looks on, or stops. */
  server_error: Rule<'looks on' | 'stops'>
  /** Without metadata of the authorization server: gives up, or takes /authorize, /token and /register. */
  without_server_metadata: Rule<'gives up' | 'takes the defaults'>
  issuer: Rule<'same text' | 'but for the slash' | 'not compared'>
  pkce: Rule<'must be advertised' | 'must not be excluded'>
  registers_by: Rule<readonly ('document' | 'dynamic')[]>
  token_endpoint: Rule<'https only' | 'not checked'>
  /** Where the scope that it asks for comes from, first wins. */
  scope: Rule<readonly ('challenge' | 'resource' | 'server')[]>
}

/** How one client looks for its authorization server and what it insists on. */
type Profile = {
  /** For `--client`. */
  name: string
  /** As the shape is called when absent. */
  title?: string
  /** What is not known is taken from the specification. */
  rules: Partial<ClientRules>
  /** Its document is used only where the server lists `none` among the ways to authenticate. */
  document_needs_none?: boolean
  /** It asks from its vendor's network, not from the person's machine. */
  hosted?: boolean
}

/** With what it sends there. A scope in `registration` does not depend on the server. */
export type ClientProfile = Profile & {
  title: string
  rules: ClientRules
  redirect_uri: string
  document_url: string | undefined
  registration: Metadata | undefined
  in_browser: boolean
  probes_authorize: boolean
}

export function shapesOf(client: ClientFacts): readonly ClientShape[] {
  return 'shapes' in client ? client.shapes : [client]
}

/** The URIs that a client sends; the first is the usual one. */
export function redirectUrisOf({ redirect_uris, identity }: ClientShape): readonly string[] {
  return redirect_uris ?? identity.metadata.redirect_uris
}

/** None where too little is known of a client to judge a deployment as it would. */
export function profilesOf(client: ClientFacts): ClientProfile[] {
  const shapes = shapesOf(client)
  const [first] = shapes
  if (!first || client.rules === undefined) return []
  const identities = shapes.map(({ identity }) => identity)
  const { name, title = first.client, rules, document_needs_none = false, hosted = false } = client
  return [
    {
      ...{ name, title, rules: { ...AS_SPECIFIED, ...rules }, document_needs_none, hosted },
      redirect_uri: redirectUrisOf(first)[0] ?? '',
      document_url: identities.find((identity) => 'document_url' in identity)?.document_url,
      registration: identities.find(({ by }) => by === 'registration')?.metadata,
      in_browser: first.origin !== undefined,
      probes_authorize: first.probes_authorize === true,
    },
  ]
}

/** What the specification asks of every client. */
const AS_SPECIFIED = known('assumed', 'MCP 2026-07-28, basic/authorization', {
  challenged_metadata: 'first',
  without_resource_metadata: 'takes the origin',
  redirects: 'anywhere',
  resource: 'same or parent, slash aside',
  server_metadata: 'as specified',
  server_error: 'looks on',
  without_server_metadata: 'gives up',
  issuer: 'same text',
  pkce: 'must be advertised',
  registers_by: ['document', 'dynamic'],
  token_endpoint: 'not checked',
  scope: ['challenge', 'resource'],
}) satisfies ClientRules

/** Rules that stand on one ground. */
export function known<const Values extends Partial<{ [Name in keyof ClientRules]: ClientRules[Name]['is'] }>>(
  ground: Ground,
  where: string,
  values: Values,
): { [Name in keyof Values]: Rule<Values[Name]> } {
  const rules = Object.entries(values).map(([name, is]) => [name, { is, ground, where }])
  return Object.fromEntries(rules) as { [Name in keyof Values]: Rule<Values[Name]> }
}
