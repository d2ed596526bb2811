import type { Section } from './rule.ts'

/** The sections that the checks stand on. */
const MCP = 'https://modelcontextprotocol.io/specification'
const RFC = 'https://www.rfc-editor.org/rfc'

const authorization = (name: string, anchor: string): Section => ({
  name: `MCP 2025-11-25, Authorization: ${name}`,
  url: `${MCP}/2025-11-25/basic/authorization#${anchor}`,
})

const transports = (name: string, anchor: string): Section => ({
  name: `MCP 2025-11-25, Transports: ${name}`,
  url: `${MCP}/2025-11-25/basic/transports#${anchor}`,
})

const practice = (name: string, anchor: string): Section => ({
  name: `MCP, Security Best Practices: ${name}`,
  url: `https://modelcontextprotocol.io/docs/tutorials/security/security_best_practices#${anchor}`,
})

function rfc(number: number, section: string): Section {
  return { name: `RFC ${number} §${section}`, url: `${RFC}/rfc${number}.html#section-${section}` }
}

export const SECTION = {
  access_token_usage: authorization('Access Token Usage', 'access-token-usage'),
  token_handling: authorization('Token Handling', 'token-handling'),
  error_handling: authorization('Error Handling', 'error-handling'),
  scope_challenge: authorization('Scope Challenge Handling', 'scope-challenge-handling'),
  scope_selection: authorization('Scope Selection Strategy', 'scope-selection-strategy'),
  metadata_location: authorization(
    'Protected Resource Metadata Discovery Requirements',
    'protected-resource-metadata-discovery-requirements',
  ),
  server_location: authorization('Authorization Server Location', 'authorization-server-location'),
  registration: authorization('Client Registration Approaches', 'client-registration-approaches'),
  communication: authorization('Communication Security', 'communication-security'),
  code_protection: authorization('Authorization Code Protection', 'authorization-code-protection'),
  open_redirection: authorization('Open Redirection', 'open-redirection'),
  token_theft: authorization('Token Theft', 'token-theft'),
  transport_security: transports('Security Warning', 'security-warning'),
  sending: transports('Sending Messages to the Server', 'sending-messages-to-the-server'),
  sessions: transports('Session Management', 'session-management'),
  headers: {
    name: 'MCP 2026-07-28, Streamable HTTP: Standard Request Headers',
    url: `${MCP}/2026-07-28/basic/transports/streamable-http#standard-request-headers`,
  },
  hijacking: practice('Session Hijacking', 'session-hijacking'),
  scope_minimization: practice('Scope Minimization', 'scope-minimization'),
  challenge: rfc(9728, '5.1'),
  resource: rfc(9728, '3.3'),
  resource_members: rfc(9728, '2'),
  server_members: rfc(8414, '2'),
  issuer: rfc(8414, '3.3'),
  iss: rfc(9207, '2'),
  bearer_challenge: rfc(6750, '3'),
  bearer_in_query: rfc(6750, '2.3'),
  resource_parameter: rfc(8707, '2'),
  token_response: rfc(6749, '5.1'),
  code_once: rfc(6749, '4.1.2'),
  code_verifier: rfc(7636, '4.6'),
  refresh: rfc(9700, '4.14.2'),
  weak_grants: rfc(9700, '2.1.2'),
  revocation: rfc(7009, '2.1'),
  evidence: {
    name: 'OWASP ASVS 5.0, V16.2: General Logging',
    url: 'https://github.com/OWASP/ASVS/blob/v5.0.0/5.0/en/0x25-V16-Security-Logging-and-Error-Handling.md',
  },
  cors: {
    name: 'Fetch, CORS protocol and credentials',
    url: 'https://fetch.spec.whatwg.org/#cors-protocol-and-credentials',
  },
} as const satisfies Record<string, Section>
