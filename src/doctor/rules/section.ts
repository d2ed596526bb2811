import type { Section } from './rule.ts'

/** The sections on which the rules stand, by their anchors. */
const SPECIFICATION = 'https://modelcontextprotocol.io/specification'
const PRACTICES = 'https://modelcontextprotocol.io/docs/tutorials/security/security_best_practices'

/** `session-management` is headed “Session Management”. */
function heading(anchor: string): string {
  const words = anchor.replaceAll('-', ' ')
  return words.replace(/\b(?!to\b|the\b)\w/g, (letter) => letter.toUpperCase())
}

export function authorization(anchor: string): Section {
  const url = `${SPECIFICATION}/2025-11-25/basic/authorization#${anchor}`
  return { name: `MCP 2025-11-25, Authorization: ${heading(anchor)}`, url }
}

export function transports(anchor: string): Section {
  const url = `${SPECIFICATION}/2025-11-25/basic/transports#${anchor}`
  return { name: `MCP 2025-11-25, Transports: ${heading(anchor)}`, url }
}

export function practice(anchor: string): Section {
  return { name: `MCP, Security Best Practices: ${heading(anchor)}`, url: `${PRACTICES}#${anchor}` }
}

export function rfc(number: number, section: string): Section {
  const url = `https://www.rfc-editor.org/rfc/rfc${number}.html#section-${section}`
  return { name: `RFC ${number} §${section}`, url }
}

export const STANDARD_HEADERS: Section = {
  name: 'MCP 2026-07-28, Streamable HTTP: Standard Request Headers',
  url: `${SPECIFICATION}/2026-07-28/basic/transports/streamable-http#standard-request-headers`,
}

export const ASVS_LOGGING: Section = {
  name: 'OWASP ASVS 5.0, V16.2: General Logging',
  url: 'https://github.com/OWASP/ASVS/blob/v5.0.0/5.0/en/0x25-V16-Security-Logging-and-Error-Handling.md',
}

export const CORS_CREDENTIALS: Section = {
  name: 'Fetch, CORS protocol and credentials',
  url: 'https://fetch.spec.whatwg.org/#cors-protocol-and-credentials',
}
