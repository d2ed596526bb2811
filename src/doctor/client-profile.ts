import type { RedirectPolicy } from './visit.ts'

/**
 * How one client looks for its authorization server and what it insists on. Every rule says on what ground it stands:
 * a client of which little is known is judged by the specification, and the report says so.
 */
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

export type ClientProfile = {
  /** For `--client`. */
  name: string
  title: string
  rules: ClientRules
  redirect_uri: string
  /** The URL of its metadata document. */
  document_url?: string
  /** What it sends to a registration endpoint. */
  registration?: Readonly<Record<string, unknown>>
  /** Its document is used only where the server lists `none` among the ways to authenticate. */
  document_needs_none?: true
  /** It runs in a browser, so CORS applies. */
  in_browser?: true
  /** It asks from its vendor's network, not from the person's machine. */
  hosted?: true
  /** It asks /authorize by itself first and takes 400 for “not registered any more”. */
  probes_authorize?: true
}

const SPECIFICATION = 'MCP 2026-07-28, basic/authorization'

function assumed<const Value>(is: Value): Rule<Value> {
  return { is, ground: 'assumed', where: SPECIFICATION }
}

/** What the specification asks of every client. */
export const AS_SPECIFIED = {
  challenged_metadata: assumed('first'),
  without_resource_metadata: assumed('takes the origin'),
  redirects: assumed('anywhere'),
  resource: assumed('same or parent, slash aside'),
  server_metadata: assumed('as specified'),
  server_error: assumed('looks on'),
  without_server_metadata: assumed('gives up'),
  issuer: assumed('same text'),
  pkce: assumed('must be advertised'),
  registers_by: assumed(['document', 'dynamic']),
  token_endpoint: assumed('not checked'),
  scope: assumed(['challenge', 'resource']),
} as const satisfies ClientRules

/** Rules that stand on one ground. */
export function known<const Values extends Partial<{ [Name in keyof ClientRules]: ClientRules[Name]['is'] }>>(
  ground: Ground,
  where: string,
  values: Values,
): { [Name in keyof Values]: Rule<Values[Name]> } {
  const rules = Object.entries(values).map(([name, is]) => [name, { is, ground, where }])
  return Object.fromEntries(rules) as { [Name in keyof Values]: Rule<Values[Name]> }
}
