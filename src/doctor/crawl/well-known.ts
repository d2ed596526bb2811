/** Where metadata is looked for, in the order in which the MCP specification has clients look. */

/** RFC 9728 §3.1: with the path of the resource inserted, then at the root. */
export function resourceMetadataUrls(resource: string): string[] {
  const { origin, pathname, search } = new URL(resource)
  const well_known = `${origin}/.well-known/oauth-protected-resource`
  const path = pathname === '/' ? '' : pathname
  return [...new Set([`${well_known}${path}${search}`, well_known])]
}

/** RFC 8414 §3.1 and OpenID Connect Discovery: path inserted for both, then appended. */
export function serverMetadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const inserted = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
  ]
  return path === '' ? inserted : [...inserted, `${origin}${path}/.well-known/openid-configuration`]
}

/** Every place where some client looks. */
export function allServerMetadataUrls(issuer: string): string[] {
  return [...new Set([...serverMetadataUrls(issuer), ...serverMetadataUrls(new URL(issuer).origin)])]
}

/** The endpoints of MCP 2025-03-26, which clients suppose at a server without metadata. */
export function defaultEndpoints(issuer: string) {
  const { origin } = new URL(issuer)
  return {
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
  }
}
