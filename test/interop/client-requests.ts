import { IMPOSSIBLE_SHAPES } from '../../src/doctor/clients/agents.ts'
import {
  type ClientShape,
  redirectUrisOf,
  type Sent,
  shapesOf,
} from '../../src/doctor/clients/client-facts.ts'
import { FAMILIES } from '../../src/doctor/clients/index.ts'

/** The requests of a client from discovery to revocation, made from the facts about it, for one resource. */
export type ClientRequests = Pick<ClientShape, 'client' | 'identity' | 'origin' | 'probes_authorize'> & {
  redirect_uri: string
  other_redirect_uris: string[]
  /** A body for POST /register, where it registers. */
  registration: Readonly<Record<string, unknown>> | undefined
  authenticates: Authentication | undefined
  /** Beside response_type, client_id, redirect_uri, state and PKCE. */
  authorize: Parameters
  /** Beside grant_type, code, code_verifier and redirect_uri. */
  token: Parameters
  /** Beside grant_type and refresh_token. */
  refresh: Parameters
  /** The scope that it ends up with, when the person leaves everything ticked: what there is of what it asks for. */
  gets: string
}

export type Parameters = Readonly<Record<string, string>>

/** How it proves itself at /token; not at all when undefined. */
export type Authentication = 'basic' | 'basic without form-encoding' | 'post' | 'private_key_jwt'

/** The only resource, named without a path: that is where clients differ in how they spell it. */
export const RESOURCE = 'https://notes.example'
export const RESOURCE_WITH_SLASH = 'https://notes.example/'

const MOST_SEND: Sent = { scope: 'notes:read', resource: 'as published' }

export function authenticationOf({ identity, skips_form_encoding }: ClientShape): Authentication | undefined {
  const basic = skips_form_encoding ? 'basic without form-encoding' : 'basic'
  if (identity.by === 'operator') return identity.is_confidential ? basic : undefined
  switch (identity.metadata.token_endpoint_auth_method) {
    case 'client_secret_basic':
      return basic
    case 'client_secret_post':
      return 'post'
    case 'private_key_jwt':
      return 'private_key_jwt'
    default:
      return undefined
  }
}

function parameters({ resource, ...more }: Sent): Parameters {
  if (resource === undefined) return more
  return { ...more, resource: resource === 'with a slash' ? RESOURCE_WITH_SLASH : RESOURCE }
}

function requestsOf(shape: ClientShape): ClientRequests {
  const { identity, authorize = MOST_SEND, registers_scope } = shape
  const [redirect_uri = '', ...other_redirect_uris] = redirectUrisOf(shape)
  const resource_alone: Sent = authorize.resource ? { resource: authorize.resource } : {}
  const scope = registers_scope ? { scope: authorize.scope } : {}
  const known = authorize.scope?.split(' ').filter((name) => name.startsWith('notes:')) ?? []
  return {
    ...shape,
    redirect_uri,
    other_redirect_uris,
    registration: identity.by === 'registration' ? { ...identity.metadata, ...scope } : undefined,
    authenticates: authenticationOf(shape),
    authorize: parameters(authorize),
    token: parameters(shape.token ?? resource_alone),
    refresh: parameters(shape.refresh ?? resource_alone),
    gets: known.join(' ') || 'notes:read',
  }
}

export const CLIENT_REQUESTS = Object.values(FAMILIES).flat().flatMap(shapesOf).map(requestsOf)
export const IMPOSSIBLE_REQUESTS = IMPOSSIBLE_SHAPES.map(requestsOf)
