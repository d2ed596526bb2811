import { type ClientShape, RESOURCE, RESOURCE_WITH_SLASH } from '../client-shape.ts'

/** The official SDKs, as their defaults have it. */
const AS_PUBLISHED = { resource: RESOURCE }
const WITH_SLASH = { resource: RESOURCE_WITH_SLASH }
const CODE = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }
const CALLBACK = 'http://localhost:8090/callback'

export const SDKS: ClientShape[] = [
  {
    client: 'TypeScript SDK 1.x',
    habit: 'Older releases add a slash to an origin; without a method it is Basic, not form-encoded.',
    identity: {
      registration: {
        client_name: 'TypeScript client',
        redirect_uris: [CALLBACK],
        ...CODE,
        token_endpoint_auth_method: 'client_secret_basic',
      },
    },
    redirect_uri: CALLBACK,
    authorize: { scope: 'notes:read', ...WITH_SLASH },
    authenticates: 'basic without form-encoding',
    token: WITH_SLASH,
    refresh: WITH_SLASH,
    gets: 'notes:read',
  },
  {
    client: 'TypeScript SDK 2.x',
    habit: 'It registers with the scope that it will ask for, offline_access included.',
    identity: {
      registration: {
        client_name: 'TypeScript client',
        redirect_uris: [CALLBACK],
        ...CODE,
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        scope: 'notes:read offline_access',
      },
    },
    redirect_uri: CALLBACK,
    authorize: { scope: 'notes:read offline_access', prompt: 'consent', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'Python SDK 2.x',
    habit: 'It asks for every scope it finds, and form-encodes its credentials.',
    identity: {
      registration: {
        client_name: 'Python client',
        redirect_uris: ['http://localhost:3030/callback'],
        ...CODE,
        token_endpoint_auth_method: 'client_secret_basic',
        application_type: 'native',
        scope: 'notes:read notes:write notes:delete',
      },
    },
    redirect_uri: 'http://localhost:3030/callback',
    authorize: { scope: 'notes:read notes:write notes:delete', ...AS_PUBLISHED },
    authenticates: 'basic',
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read notes:write notes:delete',
  },
  {
    client: 'Python SDK 1.x',
    habit: 'Its URLs get a slash after the host, and it asks for the scope that its host made up.',
    identity: {
      registration: {
        client_name: 'Python client',
        redirect_uris: ['http://localhost:3030/callback'],
        ...CODE,
        token_endpoint_auth_method: 'client_secret_post',
        scope: 'user',
      },
    },
    redirect_uri: 'http://localhost:3030/callback',
    authorize: { scope: 'user', ...WITH_SLASH },
    authenticates: 'post',
    token: WITH_SLASH,
    refresh: WITH_SLASH,
    gets: 'notes:read',
  },
  {
    client: 'C# SDK, dynamic registration',
    habit: 'It wants client_secret_post, and says whether it is native.',
    identity: {
      registration: {
        client_name: 'C# client',
        redirect_uris: ['http://localhost:1179/callback'],
        ...CODE,
        token_endpoint_auth_method: 'client_secret_post',
        application_type: 'native',
        scope: 'notes:read',
      },
    },
    redirect_uri: 'http://localhost:1179/callback',
    authorize: { scope: 'notes:read', ...AS_PUBLISHED },
    authenticates: 'post',
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'C# SDK, pre-registered',
    habit:
      'Without a registration it authenticates by the first method in the metadata, so `none` must lead.',
    identity: {
      added_by_operator: { redirect_uris: ['http://localhost:1179/callback'], confidential: false },
    },
    redirect_uri: 'http://localhost:1179/callback',
    authorize: { scope: 'notes:read', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'Go SDK',
    habit: 'It compares the issuer without its slash, and asks for offline_access when told to.',
    identity: {
      registration: {
        client_name: 'Go client',
        redirect_uris: ['http://127.0.0.1:8085/callback'],
        ...CODE,
        token_endpoint_auth_method: 'none',
        application_type: 'native',
      },
    },
    redirect_uri: 'http://127.0.0.1:8085/callback',
    other_redirect_uris: ['http://[::1]:8085/callback'],
    authorize: { scope: 'notes:read offline_access', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'Rust SDK (rmcp)',
    habit: 'It refreshes with the granted scopes and offline_access, which no token here has.',
    identity: {
      registration: {
        client_name: 'Rust client',
        redirect_uris: ['http://127.0.0.1:8080/callback'],
        ...CODE,
        token_endpoint_auth_method: 'none',
        application_type: 'native',
      },
    },
    redirect_uri: 'http://127.0.0.1:8080/callback',
    authorize: { scope: 'notes:read notes:write offline_access', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: { scope: 'notes:read notes:write offline_access', ...AS_PUBLISHED },
    gets: 'notes:read notes:write',
  },
  {
    client: 'A server with a secret, pre-registered',
    habit: 'An operator gave it a secret; it authenticates with Basic.',
    identity: {
      added_by_operator: { redirect_uris: ['https://agents.example/callback'], confidential: true },
    },
    redirect_uri: 'https://agents.example/callback',
    authorize: { scope: 'notes:read', ...AS_PUBLISHED },
    authenticates: 'basic',
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
]
