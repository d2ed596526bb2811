import type { GuardSettings } from './guard-options.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/** RFC 9728 §2. */
export type ProtectedResourceMetadata = {
  resource: string
  authorization_servers: string[]
  scopes_supported: string[]
  bearer_methods_supported: string[]
  resource_name?: string
}

/** The document that leads a client from this MCP server to its authorization server (RFC 9728 §2). */
export function protectedResourceMetadata(
  settings: Pick<GuardSettings, 'resource' | 'scopes_supported'> & {
    issuer: string
    resource_name?: string | undefined
  },
): ProtectedResourceMetadata {
  return {
    resource: settings.resource,
    authorization_servers: [settings.issuer],
    scopes_supported: settings.scopes_supported,
    bearer_methods_supported: ['header'],
    ...(settings.resource_name === undefined ? {} : { resource_name: settings.resource_name }),
  }
}

/** RFC 9728 §3.1: the well-known string goes between the host and the path (and query) of the resource. */
export function protectedResourceMetadataUrl(resource: string): string {
  const url = new URL(resource)
  const path = url.pathname === '/' ? '' : url.pathname
  return `${url.origin}${WELL_KNOWN}${path}${url.search}`
}

/** Paths that serve the document: the one of RFC 9728, and the root that older clients try. */
export function protectedResourceMetadataPaths(resource: string): string[] {
  return [...new Set([new URL(protectedResourceMetadataUrl(resource)).pathname, WELL_KNOWN])]
}
