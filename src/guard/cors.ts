// Browser clients send no cookies here, so any origin may ask; a token is needed all the same.
// Fetch standard: `*` does not cover Authorization, which must be named.
export const CORS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'WWW-Authenticate, Mcp-Session-Id',
}
export const PREFLIGHT: Readonly<Record<string, string>> = {
  'access-control-allow-methods': 'GET, POST, DELETE',
  'access-control-allow-headers': '*, Authorization',
  'access-control-max-age': '86400',
}
