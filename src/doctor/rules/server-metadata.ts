import { isLoopbackHost } from '../../base/host.ts'
import { type JsonObject, stringsOf, webUrl } from '../crawl/response.ts'
import { type Collected, notJudged, type Rule, rule } from './rule.ts'
import { authorization, rfc } from './section.ts'

/** Is the authorization server one that MCP clients can use, and safely? */
type Server = Collected['servers'][number]

const ofServers =
  (fault: (server: Server) => string | undefined) =>
  ({ servers }: Collected) =>
    servers.length === 0
      ? notJudged('no authorization server is named')
      : servers.flatMap((server) => fault(server) ?? []).join('; ') || undefined

const ofDocuments =
  (fault: (document: JsonObject, issuer: string) => string | false | undefined) =>
  ({ servers }: Collected) => {
    const readable = servers.flatMap(({ document, issuer }) => (document ? [{ document, issuer }] : []))
    if (readable.length === 0) return notJudged('there is no metadata of an authorization server')
    return readable.flatMap(({ document, issuer }) => fault(document, issuer) || []).join('; ') || undefined
  }

function isPlain(value: unknown): boolean {
  const url = webUrl(value)
  return url?.protocol === 'http:' && !isLoopbackHost(url.hostname)
}

const ENDPOINTS = ['authorization_endpoint', 'token_endpoint', 'registration_endpoint', 'revocation_endpoint']

export const SERVER_METADATA_RULES: Rule[] = [
  rule('server.unreachable', 'high', authorization('authorization-server-location'), {
    title: 'The metadata of the authorization server cannot be had',
    remediation:
      'Serve the RFC 8414 document where clients look for it, for an issuer with a path at the inserted form too.',
    judge: ofServers(({ document, looked_at, issuer }) =>
      document ? undefined : `${issuer}: no JSON document with 200 at ${looked_at.join(', ')}`,
    ),
  }),
  rule('server.issuer', 'high', rfc(8414, '3.3'), {
    title: 'The authorization server calls itself something else',
    remediation:
      'Let issuer be exactly what authorization_servers says, with or without the last slash in both.',
    judge: ofDocuments((document, issuer) =>
      document.issuer === issuer
        ? undefined
        : `issuer is ${JSON.stringify(document.issuer)}, not ${JSON.stringify(issuer)}`,
    ),
  }),
  rule('server.plain-http', 'high', authorization('communication-security'), {
    title: 'Passwords, codes and tokens travel unencrypted to the authorization server',
    remediation: 'Serve all endpoints of the authorization server by https only.',
    judge: ofServers(({ issuer, document }) => {
      const named = [...ENDPOINTS, 'jwks_uri'].map((name) => document?.[name])
      const plain = [issuer, ...named].filter(isPlain)
      return plain.length > 0 ? `by http: ${plain.join(', ')}` : undefined
    }),
  }),
  rule('server.pkce', 'high', authorization('authorization-code-protection'), {
    title: 'PKCE with S256 is not offered',
    remediation:
      'Require PKCE and name S256 in code_challenge_methods_supported; clients must refuse to go on without.',
    judge: ofDocuments(
      ({ code_challenge_methods_supported }) =>
        !stringsOf(code_challenge_methods_supported)?.includes('S256') &&
        'code_challenge_methods_supported has no S256',
    ),
  }),
  rule('server.no-registration', 'medium', authorization('client-registration-approaches'), {
    title: 'Clients have no way to become known',
    remediation:
      'Offer client ID metadata documents (client_id_metadata_document_supported) or a registration_endpoint.',
    judge: ofDocuments(
      ({ registration_endpoint, client_id_metadata_document_supported }) =>
        typeof registration_endpoint !== 'string' &&
        client_id_metadata_document_supported !== true &&
        'neither registration_endpoint nor client_id_metadata_document_supported',
    ),
  }),
  rule('server.no-iss', 'low', rfc(9207, '2'), {
    title: 'A client cannot tell which authorization server answered it (mix-up)',
    remediation:
      'Send iss with every authorization response and say so: authorization_response_iss_parameter_supported.',
    judge: ofDocuments(
      (document) =>
        document.authorization_response_iss_parameter_supported !== true &&
        'authorization_response_iss_parameter_supported is not true',
    ),
  }),
  rule('server.no-refresh', 'low', authorization('token-theft'), {
    title: 'Refresh tokens are not offered, so access tokens live long or people sign in often',
    remediation:
      'Issue access tokens for minutes with rotating refresh tokens; name refresh_token in grant_types_supported.',
    judge: ofDocuments(
      ({ grant_types_supported }) =>
        !stringsOf(grant_types_supported)?.includes('refresh_token') &&
        'grant_types_supported has no refresh_token',
    ),
  }),
  rule('server.weak-grants', 'medium', rfc(9700, '2.1.2'), {
    title: 'Grants are offered that OAuth 2.1 has taken out',
    remediation: 'Offer neither the implicit grant nor the password grant.',
    judge: ofDocuments(({ grant_types_supported }) => {
      const grants = stringsOf(grant_types_supported) ?? []
      const weak = grants.filter((grant) => grant === 'implicit' || grant === 'password')
      return weak.length > 0 && `grant_types_supported has ${weak.join(' and ')}`
    }),
  }),
  rule('server.no-revocation', 'medium', rfc(7009, '2.1'), {
    title: 'Tokens cannot be revoked',
    remediation: 'Offer RFC 7009 and name it in revocation_endpoint.',
    judge: ofDocuments(
      ({ revocation_endpoint }) =>
        typeof revocation_endpoint !== 'string' && 'there is no revocation_endpoint',
    ),
  }),
]
