import { CLIENT_PROFILES } from '../../src/doctor/clients/index.ts'
import { freePort } from '../support/free-port.ts'
import { ASM, html, json, type Parts, PRM, PRM_PATH } from './deployment.ts'

/** One mistake for each deployment, and the clients that it stops. */
const unused_port = await freePort()
export const ALL = CLIENT_PROFILES.map(({ name }) => name)
const without = (...names: string[]) => ALL.filter((name) => !names.includes(name))

/** Those that compare `resource` as a whole; the others let a parent pass. */
const WHOLE_RESOURCE = ['claude-code', 'vscode', 'gemini-cli']
const COMPARE_ISSUER = without('claude-code', 'vscode', 'gemini-cli', 'typescript-sdk-1')
const TYPESCRIPT = ['typescript-sdk', 'typescript-sdk-1', 'inspector', 'mcp-remote']
/** They refuse a path that is longer than what was typed, if only by a slash. */
export const SLASH_COUNTS = [...WHOLE_RESOURCE, ...TYPESCRIPT]
/** They suppose no endpoints where there is no metadata. */
const GIVE_UP = ['claude', 'chatgpt', 'codex', 'cursor', 'zed', 'gemini-cli']
/** They ask only where the challenge says. */
const CHALLENGE_ALONE = [...TYPESCRIPT, 'claude-code', 'vscode']

export type Fixture = {
  mistake: string
  /** What the sentence has to name. */
  says: RegExp
  plant(parts: Parts): void
  fails: readonly string[]
  at?: number
}

export const FIXTURES: Record<string, Fixture> = {
  'metadata for another host': {
    mistake: 'resource_mismatch',
    says: /another host, internal:3000/,
    plant: (parts) => {
      parts.resource_metadata.resource = 'http://internal:3000/mcp'
    },
    fails: ALL,
    at: 3,
  },
  'metadata for a path beside': {
    mistake: 'resource_mismatch',
    says: /another path, \/other/,
    plant: (parts) => {
      parts.resource_metadata.resource = `${parts.origin}/other`
    },
    fails: ALL,
    at: 3,
  },
  'metadata for the whole host': {
    mistake: 'resource_mismatch',
    says: /another path/,
    plant: (parts) => {
      parts.resource_metadata.resource = parts.origin
    },
    fails: WHOLE_RESOURCE,
    at: 3,
  },
  'a slash at the end of resource': {
    mistake: 'resource_slash',
    says: /trailing slash/,
    plant: (parts) => {
      parts.resource_metadata.resource = `${parts.url}/`
    },
    fails: SLASH_COUNTS,
    at: 3,
  },
  'https in resource, http on the way': {
    mistake: 'resource_scheme',
    says: /says https where people type http/,
    plant: (parts) => {
      parts.resource_metadata.resource = parts.url.replace('http:', 'https:')
    },
    fails: ALL,
    at: 3,
  },
  'no authorization server named': {
    mistake: 'no_authorization_server',
    says: /names no authorization server/,
    plant: (parts) => void delete parts.resource_metadata.authorization_servers,
    fails: ALL,
  },
  'an issuer with a trailing slash': {
    mistake: 'issuer_slash',
    says: /differ by a trailing slash/,
    plant: (parts) => {
      parts.server_metadata.issuer = `${parts.issuer}/`
    },
    fails: COMPARE_ISSUER,
    at: 4,
  },
  'an issuer under another name': {
    mistake: 'issuer_mismatch',
    says: /calls itself https:\/\/auth\.internal/,
    plant: (parts) => {
      parts.server_metadata.issuer = 'https://auth.internal'
    },
    fails: COMPARE_ISSUER,
    at: 4,
  },
  'metadata only at the root while the challenge names the path': {
    mistake: 'metadata_not_found',
    says: /metadata of the MCP server is not there: status 404/,
    plant: ({ mcp, resource_metadata }) => {
      mcp.delete(PRM_PATH)
      mcp.set(PRM, () => json(resource_metadata))
    },
    fails: CHALLENGE_ALONE,
  },
  'no metadata of the authorization server': {
    mistake: 'metadata_not_found',
    says: /metadata of the authorization server is not there: status 404/,
    plant: ({ as }) => void as.delete(ASM),
    fails: GIVE_UP,
    at: 4,
  },
  'a website in the place of the authorization server’s metadata': {
    mistake: 'html_instead_of_json',
    says: /HTML page instead of JSON/,
    plant: ({ as }) => void as.set(ASM, () => html('<!doctype html><title>Our shop</title>')),
    fails: ALL,
    at: 4,
  },
  '403 in the place of 401': {
    mistake: 'forbidden_instead_of_unauthorized',
    says: /403 instead of 401/,
    plant: ({ mcp }) => void mcp.set('/mcp', () => json({ error: 'no' }, { status: 403 })),
    fails: ALL,
    at: 2,
  },
  '400 in the place of 401': {
    mistake: 'no_unauthorized',
    says: /status 400 instead of 401/,
    plant: ({ mcp }) => void mcp.set('/mcp', () => json({ error: 'no session' }, { status: 400 })),
    fails: ALL,
    at: 2,
  },
  'a proxy that cannot reach the MCP server': {
    mistake: 'proxy_cannot_reach_server',
    says: /answered by a proxy with status 502/,
    plant: ({ mcp }) => void mcp.set('/mcp', () => html('<h1>502 Bad Gateway</h1>', 502)),
    fails: ALL,
    at: 1,
  },
  'the login page of a VPN': {
    mistake: 'login_page',
    says: /login page of something in front/,
    plant: ({ mcp }) =>
      void mcp
        .set('*', () => ({ status: 302, headers: { location: 'https://vpn.example/login?to=mcp' } }))
        .delete('/mcp'),
    fails: ALL,
    at: 1,
  },
  'a login page with status 200': {
    mistake: 'login_page',
    says: /login page/,
    plant: ({ mcp }) => void mcp.set('/mcp', () => html('<form><input type="password"></form>')),
    fails: ALL,
    at: 1,
  },
  'a wrong path': {
    mistake: 'no_mcp_endpoint',
    says: /no MCP endpoint/,
    plant: (parts) => {
      parts.url = `${parts.origin}/mpc`
    },
    fails: ALL,
    at: 1,
  },
  'metadata that redirects in a circle': {
    mistake: 'redirect_loop',
    says: /redirects in a circle/,
    plant: ({ as }) => {
      as.set(ASM, () => ({ status: 301, headers: { location: `${ASM}/` } }))
      as.set(`${ASM}/`, () => ({ status: 301, headers: { location: ASM } }))
    },
    fails: GIVE_UP,
    at: 4,
  },
  'metadata that asks for a token': {
    mistake: 'metadata_protected',
    says: /itself protected: status 401/,
    plant: ({ as }) => void as.set(ASM, () => json({}, { status: 401 })),
    fails: GIVE_UP,
    at: 4,
  },
  'no PKCE': {
    mistake: 'pkce_not_advertised',
    says: /PKCE with S256/,
    plant: (parts) => {
      parts.server_metadata.code_challenge_methods_supported = ['plain']
    },
    fails: ALL,
    at: 4,
  },
  'no way to register': {
    mistake: 'no_registration',
    says: /no way of becoming known/,
    plant: (parts) => void delete parts.server_metadata.registration_endpoint,
    fails: ALL,
    at: 5,
  },
  'a token endpoint on plain http at a public name': {
    mistake: 'token_endpoint_http',
    says: /plain http/,
    plant: (parts) => {
      parts.server_metadata.token_endpoint = 'http://auth.invalid/token'
    },
    // The name is not found either, for those that do not look at the scheme.
    fails: ALL,
    at: 7,
  },
  'an authorization endpoint that is not there': {
    mistake: 'endpoint_not_found',
    says: /page to sign in is not there/,
    plant: ({ as }) => void as.delete('/authorize'),
    fails: ALL,
    at: 6,
  },
  'no CORS at the metadata of the authorization server': {
    mistake: 'cors_missing',
    says: /CORS headers are missing/,
    plant: ({ as, server_metadata, issuer }) => {
      // Not where a client without metadata would suppose it.
      as.delete('/authorize')
      as.set('/oauth/authorize', () => html('<p>Unknown client</p>', 400))
      const document = { ...server_metadata, authorization_endpoint: `${issuer}/oauth/authorize` }
      as.set(ASM, () => ({ body: JSON.stringify(document), headers: { 'content-type': 'application/json' } }))
    },
    fails: ['inspector'],
    at: 4,
  },
  'no CORS at the token endpoint': {
    mistake: 'cors_missing',
    says: /OPTIONS is answered with status 405 and without CORS/,
    plant: ({ as }) => void as.set('/token', () => ({ status: 405 })),
    fails: ['inspector'],
    at: 7,
  },
  'a name that is in no DNS': {
    mistake: 'name_not_found',
    says: /not found in DNS/,
    plant: (parts) => {
      parts.url = 'http://mcp.invalid/mcp'
    },
    fails: ALL,
    at: 1,
  },
  'nothing that listens': {
    mistake: 'connection_refused',
    says: /nothing listens there/,
    plant: (parts) => {
      parts.url = `http://127.0.0.1:${unused_port}/mcp`
    },
    fails: ALL,
    at: 1,
  },
  'no TLS where https is typed': {
    mistake: 'tls',
    says: /TLS handshake fails/,
    plant: (parts) => {
      parts.url = parts.url.replace('http:', 'https:')
    },
    fails: ALL,
    at: 1,
  },
}

/** Mistakes that stop nobody, because there is another way; people shall hear of them all the same. */
export const WARNINGS: Record<string, Omit<Fixture, 'fails'>> = {
  'a 401 without its header': {
    mistake: 'challenge_missing',
    says: /a proxy in front seems to strip it/,
    plant: ({ mcp }) => void mcp.set('/mcp', () => json({}, { status: 401 })),
  },
  'a challenge that does not name the metadata': {
    mistake: 'challenge_without_metadata',
    says: /does not name the metadata/,
    plant: (parts) => {
      parts.challenge = 'Bearer realm="mcp"'
    },
  },
  'a password of the proxy': {
    mistake: 'challenge_not_bearer',
    says: /not of the scheme Bearer/,
    plant: (parts) => {
      parts.challenge = 'Basic realm="intranet"'
    },
  },
  'a malformed challenge': {
    mistake: 'challenge_malformed',
    says: /malformed/,
    plant: (parts) => {
      parts.challenge += ', scope="again"'
    },
  },
  'a relative URL in the challenge': {
    mistake: 'metadata_url_invalid',
    says: /not an absolute http or https URL/,
    plant: (parts) => {
      parts.challenge = `Bearer resource_metadata="${PRM_PATH}"`
    },
  },
  'a server that asks nobody': {
    mistake: 'no_sign_in',
    says: /answers without a token/,
    plant: ({ mcp }) => void mcp.set('/mcp', () => json({ jsonrpc: '2.0', id: 1, result: {} })),
  },
  'a bad token that breaks the server': {
    mistake: 'bad_token_not_401',
    says: /status 500 instead of 401/,
    plant: ({ mcp, challenge }) =>
      void mcp.set('/mcp', ({ headers }) =>
        headers.authorization
          ? json({}, { status: 500 })
          : json({}, { status: 401, headers: { 'www-authenticate': challenge } }),
      ),
  },
  'no refresh tokens': {
    mistake: 'no_refresh',
    says: /sign in again whenever a token expires/,
    plant: (parts) => {
      parts.server_metadata.grant_types_supported = ['authorization_code']
    },
  },
}
