import { displayText } from '../crawl/display-text.ts'
import type { Evidence, Finding } from '../finding.ts'

const AS_TYPED = 'Set resource to the URL that people type, {typed}, or give people the URL that it names.'
const AS_REGISTERED = 'Answer with what was registered (RFC 7591 §3.2.1), without members that have no value.'
const SAME_ISSUER =
  'Let the MCP server name the authorization server exactly as the authorization server spells its issuer.'

/** What can stop or hinder a client: what is wrong, and what to change. */
const TEXTS = {
  name_not_found: [
    '{what} cannot be reached: its name is not found in DNS ({url}).',
    'Check the spelling; a name that only an internal network knows has to be published, or the client has to be in that network.',
  ],
  connection_refused: [
    '{what} cannot be reached: the connection is refused: nothing listens there ({url}).',
    'Start what should listen there, and check host and port.',
  ],
  tls: [
    '{what} cannot be reached: the TLS handshake fails ({url}).',
    'Install a certificate that is in date, is for this name, and has its whole chain, from an authority that clients trust; where the port speaks plain http, put TLS in front of it.',
  ],
  no_answer: [
    '{what} cannot be reached: no answer comes in time ({url}).',
    'Look for a firewall that drops packets, or a server that hangs; clients wait for about ten seconds.',
  ],
  too_large: [
    '{what} cannot be reached: the answer is far too large ({url}).',
    'Check that the URL is the right one.',
  ],
  connection_failed: [
    '{what} cannot be reached: the connection breaks off ({url}).',
    'Look whether it speaks HTTP at this port, and into the log of what listens there.',
  ],
  proxy_cannot_reach_server: [
    '{what} is answered by a proxy with status {status}: the proxy cannot reach what stands behind it.',
    'Start the server behind the proxy, and check the address to which the proxy passes requests.',
  ],
  server_error: ['{what} is answered with status {status}: the server fails.', 'Look into its log.'],
  redirect_loop: [
    '{what} redirects in a circle.',
    'Let it be answered without a redirect; often a proxy and the server each insist on another scheme, host or slash.',
  ],
  redirected: [
    '{what} is redirected to {target}, and clients do not follow there.',
    'Answer at the URL that people type, or give them the one it leads to, and let the metadata name that.',
  ],
  login_page: [
    '{what} leads to the login page of something in front of it, such as a VPN or a single sign-on.',
    'Let the MCP endpoint and the /.well-known paths pass it without its login; the bearer token protects them.',
  ],
  html_instead_of_json: [
    '{what} is answered with an HTML page instead of JSON: another program, such as a website, answers at this path.',
    'Let the proxy pass this path to the server that has the data, ahead of the rule that answers everything with a page.',
  ],
  not_json: ['{what} is not a JSON object.', 'Serve it as application/json.'],
  metadata_protected: [
    '{what} is itself protected: status {status} to a client that has no token yet.',
    'Let the /.well-known paths pass without a token or login.',
  ],
  metadata_not_found: [
    '{what} is not there: status {status}.',
    'Serve it there; where the server does, let the proxy pass the /.well-known path on to it.',
  ],
  internal_address: [
    '{what} is {url}, which clients elsewhere cannot reach.',
    'Configure the public URL; behind a proxy the program often takes the address at which the proxy reaches it.',
  ],
  cors_missing: [
    '{what} may not be read by a page in a browser: CORS headers are missing.',
    'Send Access-Control-Allow-Origin: * there; these documents are public.',
  ],
  cors_preflight: [
    '{what} may not be called by a page in a browser: OPTIONS is answered with status {status} and {without}CORS headers.',
    'Answer OPTIONS there with Access-Control-Allow-Origin: * and allow Content-Type; look whether a proxy answers OPTIONS by itself.',
  ],
  no_mcp_endpoint: [
    'At this URL is no MCP endpoint: a POST is answered with status {status}.',
    'Type the whole URL with its path, such as /mcp; where that is right, let the proxy pass the path and POST on.',
  ],
  not_public: [
    'The MCP URL is local to this machine or network, and this client asks from the network of its vendor.',
    'Give it a public URL before you connect this client.',
  ],
  http: [
    'The MCP URL is plain http, so that anyone on the way can read tokens, and many clients refuse it.',
    'Serve it with https.',
  ],
  mcp_cors_missing: [
    'The MCP URL has no CORS headers, so that a page in a browser cannot call it; the Inspector then needs its proxy.',
    'Answer OPTIONS with Access-Control-Allow-Origin and allow Authorization, Content-Type and Mcp-Protocol-Version.',
  ],
  no_sign_in: [
    'The MCP server answers without a token, so that no client ever asks people to sign in.',
    'Where it should be protected, answer every request without a valid token with 401.',
  ],
  forbidden_instead_of_unauthorized: [
    'A request without a token is answered with 403 instead of 401, which clients take for a final no.',
    'Answer 401 with WWW-Authenticate; where the server does, let the firewall or proxy in front pass the request.',
  ],
  no_unauthorized: [
    'A request without a token is answered with status {status} instead of 401, so that clients do not begin to sign in.',
    'Look for a token before anything else in the request, and answer 401 with WWW-Authenticate where there is none.',
  ],
  challenge_missing: [
    'The 401 has no WWW-Authenticate header, so that clients have to guess where the metadata is.',
    'Send WWW-Authenticate: Bearer resource_metadata="…" with every 401.',
  ],
  challenge_stripped: [
    'The 401 has no WWW-Authenticate header although the server has metadata: a proxy in front seems to strip it.',
    'Let the proxy pass WWW-Authenticate on; where there is no proxy, send Bearer resource_metadata="…" with every 401.',
  ],
  challenge_not_bearer: [
    'The challenge is not of the scheme Bearer: something in front, such as a password of the proxy, asks first.',
    'Take that away from the MCP endpoint, or let the MCP server answer 401 itself.',
  ],
  challenge_malformed: [
    'The WWW-Authenticate header is malformed, and each client makes something else of it.',
    'Write it as Bearer name="value", name="value", with quotes and backslashes in values escaped (RFC 9110 §11.6.1).',
  ],
  challenge_without_metadata: [
    'The challenge does not name the metadata, so that clients have to guess where it is.',
    'Add resource_metadata="…" with the absolute URL of the metadata (RFC 9728 §5.1).',
  ],
  metadata_url_invalid: [
    'The resource_metadata of the challenge is not an absolute http or https URL, so that clients ignore it.',
    'Write resource_metadata="…" with the absolute URL of the metadata (RFC 9728 §5.1).',
  ],
  resource_missing: ['The metadata of the MCP server has no resource that is a URL.', AS_TYPED],
  resource_slash: [
    'The metadata of the MCP server spells the URL with another trailing slash than people do.',
    AS_TYPED,
  ],
  resource_scheme: [
    'The metadata of the MCP server says {named} where people type {asked}: behind a proxy that ends TLS the program takes its own scheme.',
    AS_TYPED,
  ],
  resource_host: [
    'The metadata of the MCP server is for another host, {host}: an internal name, or that of another installation.',
    AS_TYPED,
  ],
  resource_path: ['The metadata of the MCP server is for another path, {path}.', AS_TYPED],
  no_authorization_server: [
    'The metadata of the MCP server names no authorization server.',
    'Put its issuer, as the authorization server spells it, into authorization_servers.',
  ],
  header_not_offered: [
    'The metadata of the MCP server does not list “header” among bearer_methods_supported, and clients send tokens in no other way.',
    'List it, and take tokens from the Authorization header.',
  ],
  no_authorization_server_found: [
    'Neither metadata of the MCP server nor, at its origin, of an authorization server is there: nothing says where to sign in.',
    'Serve the metadata of the MCP server at /.well-known/oauth-protected-resource followed by its path, and name it in the challenge.',
  ],
  issuer_http: [
    'The authorization server is named with http, and clients refuse to send codes and tokens over it.',
    'Serve it with https, and let it and the MCP server name it so; behind a proxy configure the public URL.',
  ],
  issuer_missing: [
    'The metadata of the authorization server has no issuer.',
    'Set issuer to the URL of the authorization server.',
  ],
  issuer_slash: [
    'The issuer and the name that the MCP server has for it differ by a trailing slash, and clients compare letter by letter.',
    SAME_ISSUER,
  ],
  issuer_mismatch: [
    'The authorization server calls itself {said}, and the MCP server calls it {expected}: clients take that for a forgery.',
    SAME_ISSUER,
  ],
  endpoint_missing: [
    'The metadata of the authorization server has no {name} that is a URL.',
    'Set {name} to an absolute URL.',
  ],
  pkce_not_advertised: [
    'The metadata of the authorization server does not say that it supports PKCE with S256, without which clients must not go on.',
    'Support it, and list S256 in code_challenge_methods_supported.',
  ],
  code_not_supported: [
    'The metadata of the authorization server does not list the response type “code”.',
    'Support the authorization code grant, and list “code” in response_types_supported.',
  ],
  no_registration: [
    'The authorization server offers no way of becoming known that this client has: it has to be registered by hand.',
    'Offer client ID metadata documents or dynamic registration, or register the client beforehand and give people its client_id.',
  ],
  authentication_not_listed: [
    'The client registers with {method}, which the authorization server does not list among its token_endpoint_auth_methods_supported.',
    'Support {method}, or answer the registration with the method to use instead.',
  ],
  registration_refused: [
    'The registration is refused with status {status}.',
    'Accept what the client sends and leave out what is not supported, or register it beforehand.',
  ],
  registration_without_client_id: ['The registration is answered without a client_id.', AS_REGISTERED],
  registration_with_null: [
    'The registration is answered with members that are null, at which clients stop.',
    AS_REGISTERED,
  ],
  redirect_not_registered: [
    'The registration is answered without the redirect address that the client uses.',
    AS_REGISTERED,
  ],
  endpoint_not_found: [
    'The authorization endpoint that the metadata names answers with status {status}: the page to sign in is not there.',
    'Correct authorization_endpoint, or let the proxy pass its path on.',
  ],
  unknown_client_not_400: [
    'An unknown client is not answered with 400 at the authorization endpoint, so that a client whose registration is gone does not notice.',
    'Answer an unknown client_id with status 400, and without a redirect (RFC 6749 §4.1.2.1).',
  ],
  authorization_refused: [
    'The sign-in page refuses what this client asks: {error}.',
    'See what the page says; most often the redirect address, the scope or the resource is not accepted.',
  ],
  token_endpoint_http: [
    'The token endpoint is plain http, and clients do not send codes over it.',
    'Serve it with https; behind a proxy configure the public URL of the authorization server.',
  ],
  no_refresh: [
    'The authorization server does not offer refresh tokens, so that people sign in again whenever a token expires.',
    'Offer the grant refresh_token, and list it in grant_types_supported.',
  ],
  bad_token_let_in: [
    'A token that was never issued is let in.',
    'Answer 401 with error="invalid_token" to every token that is unknown, expired or revoked.',
  ],
  bad_token_not_401: [
    'A token that was never issued is answered with status {status} instead of 401, so that clients do not fetch a new one when theirs expires.',
    'Answer 401 with error="invalid_token" to every token that is unknown, expired or revoked, and 503 only while that cannot be asked.',
  ],
} as const satisfies Record<string, readonly [title: string, remediation: string]>

export type ClientFindingId = keyof typeof TEXTS

/** The same mistake seen by several clients is the same value, so that it is said once. */
export function finding(
  id: ClientFindingId,
  evidence: Evidence,
  values: Readonly<Record<string, string | number>> = {},
): Finding {
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (name) => displayText(String(values[name.slice(1, -1)] ?? name)))
  const [title, remediation] = TEXTS[id]
  return { id, title: fill(title), remediation: fill(remediation), evidence }
}
