import type { ActiveToken } from './introspection-client/introspection.ts'
import { protectedResourceMetadataUrl } from './protected-resource-metadata.ts'

/** Structurally the `AuthInfo` of the MCP TypeScript SDK, v1 and v2. */
export type AuthInfo = {
  token: string
  clientId: string
  scopes: string[]
  /** Seconds since the epoch. */
  expiresAt: number
  resource: URL
  resourceMetadataUrl: string
  extra: { sub: string; username?: string; jti?: string } & Opened
}

/** What may be listed or used in this request; empty where it does neither. */
export type Opened = {
  tools: string[]
  prompts: string[]
  /** URIs, each exact or with one `*` at its end: `opensResource` says whether one opens a URI. */
  resources: string[]
}

/** What the handlers of the MCP server learn about the caller. */
export function authInfoOf(bearer: string, token: ActiveToken, opened: Opened): AuthInfo {
  return {
    token: bearer,
    clientId: token.client_id,
    scopes: token.scope.split(' ').filter((scope) => scope !== ''),
    expiresAt: token.exp,
    resource: new URL(token.aud),
    resourceMetadataUrl: protectedResourceMetadataUrl(token.aud),
    extra: {
      sub: token.sub,
      ...(token.username === undefined ? {} : { username: token.username }),
      ...(token.jti === undefined ? {} : { jti: token.jti }),
      ...opened,
    },
  }
}
