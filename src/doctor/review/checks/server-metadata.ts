import { isLoopbackHost } from '../../../base/host.ts'
import { type Check, foundIf, notMade, type Verdict } from '../finding.ts'
import { SECTION } from '../section.ts'
import { type Seen, type SeenServer, textsIn } from '../seen.ts'

/** Is the authorization server one that MCP clients can use, and safely? */
type Document = Record<string, unknown>

function ofServers(seen: Seen, fault: (server: SeenServer) => string | undefined): Verdict {
  if (seen.servers.length === 0) return notMade('no authorization server is named')
  const faults = seen.servers.map(fault).filter((text) => text !== undefined)
  return foundIf(faults.length > 0, faults.join('; '))
}

function ofDocuments(seen: Seen, fault: (document: Document, issuer: string) => string | undefined): Verdict {
  const readable = seen.servers.flatMap(({ document, issuer }) => (document ? [{ document, issuer }] : []))
  if (readable.length === 0) return notMade('there is no metadata of an authorization server')
  const faults = readable
    .map(({ document, issuer }) => fault(document, issuer))
    .filter((text) => text !== undefined)
  return foundIf(faults.length > 0, faults.join('; '))
}

function isPlain(url: unknown): boolean {
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  return parsed !== null && parsed.protocol === 'http:' && !isLoopbackHost(parsed.hostname)
}

const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'jwks_uri',
]

export const SERVER_METADATA_CHECKS: Check[] = [
  {
    id: 'server.unreachable',
    title: 'The metadata of the authorization server cannot be had',
    severity: 'high',
    section: SECTION.server_location,
    mend: 'Serve the RFC 8414 document where clients look for it, for an issuer with a path at the inserted form too.',
    judge: (seen) =>
      ofServers(seen, ({ document, exchanges, issuer }) =>
        document
          ? undefined
          : `${issuer}: no JSON document with 200 at ${exchanges.map(({ url }) => url).join(', ')}`,
      ),
  },
  {
    id: 'server.issuer',
    title: 'The authorization server calls itself something else',
    severity: 'high',
    section: SECTION.issuer,
    mend: 'Let issuer be exactly what authorization_servers says, with or without the last slash in both.',
    judge: (seen) =>
      ofDocuments(seen, (document, issuer) =>
        document.issuer === issuer
          ? undefined
          : `issuer is ${JSON.stringify(document.issuer)}, not ${JSON.stringify(issuer)}`,
      ),
  },
  {
    id: 'server.plain-http',
    title: 'Passwords, codes and tokens travel unencrypted to the authorization server',
    severity: 'high',
    section: SECTION.communication,
    mend: 'Serve all endpoints of the authorization server by https only.',
    judge: (seen) =>
      ofServers(seen, ({ issuer, document }) => {
        const plain = [issuer, ...ENDPOINTS.map((name) => document?.[name])].filter(isPlain)
        return plain.length > 0 ? `by http: ${plain.join(', ')}` : undefined
      }),
  },
  {
    id: 'server.pkce',
    title: 'PKCE with S256 is not offered',
    severity: 'high',
    section: SECTION.code_protection,
    mend: 'Require PKCE and name S256 in code_challenge_methods_supported; clients must refuse to go on without.',
    judge: (seen) =>
      ofDocuments(seen, ({ code_challenge_methods_supported }) =>
        textsIn(code_challenge_methods_supported).includes('S256')
          ? undefined
          : 'code_challenge_methods_supported has no S256',
      ),
  },
  {
    id: 'server.no-registration',
    title: 'Clients have no way to become known',
    severity: 'medium',
    section: SECTION.registration,
    mend: 'Offer client ID metadata documents (client_id_metadata_document_supported) or a registration_endpoint.',
    judge: (seen) =>
      ofDocuments(seen, ({ registration_endpoint, client_id_metadata_document_supported }) =>
        typeof registration_endpoint === 'string' || client_id_metadata_document_supported === true
          ? undefined
          : 'neither registration_endpoint nor client_id_metadata_document_supported',
      ),
  },
  {
    id: 'server.no-iss',
    title: 'A client cannot tell which authorization server answered it (mix-up)',
    severity: 'low',
    section: SECTION.iss,
    mend: 'Send iss with every authorization response and say so: authorization_response_iss_parameter_supported.',
    judge: (seen) =>
      ofDocuments(seen, (document) =>
        document.authorization_response_iss_parameter_supported === true
          ? undefined
          : 'authorization_response_iss_parameter_supported is not true',
      ),
  },
  {
    id: 'server.no-refresh',
    title: 'Refresh tokens are not offered, so access tokens live long or people sign in often',
    severity: 'low',
    section: SECTION.token_theft,
    mend: 'Issue access tokens for minutes with rotating refresh tokens; name refresh_token in grant_types_supported.',
    judge: (seen) =>
      ofDocuments(seen, ({ grant_types_supported }) =>
        textsIn(grant_types_supported).includes('refresh_token')
          ? undefined
          : 'grant_types_supported has no refresh_token',
      ),
  },
  {
    id: 'server.weak-grants',
    title: 'Grants are offered that OAuth 2.1 has taken out',
    severity: 'medium',
    section: SECTION.weak_grants,
    mend: 'Offer neither the implicit grant nor the password grant.',
    judge: (seen) =>
      ofDocuments(seen, ({ grant_types_supported }) => {
        const weak = textsIn(grant_types_supported).filter((grant) =>
          ['implicit', 'password'].includes(grant),
        )
        return weak.length > 0 ? `grant_types_supported has ${weak.join(' and ')}` : undefined
      }),
  },
  {
    id: 'server.no-revocation',
    title: 'A token cannot be given back',
    severity: 'medium',
    section: SECTION.revocation,
    mend: 'Offer RFC 7009 and name it in revocation_endpoint.',
    judge: (seen) =>
      ofDocuments(seen, ({ revocation_endpoint }) =>
        typeof revocation_endpoint === 'string' ? undefined : 'there is no revocation_endpoint',
      ),
  },
]
