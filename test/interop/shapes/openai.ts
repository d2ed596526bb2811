import { type ClientShape, RESOURCE, RESOURCE_WITH_SLASH } from '../client-shape.ts'

/** ChatGPT's connectors and Codex. */
const AS_PUBLISHED = { resource: RESOURCE }

const CHATGPT = {
  client_name: 'ChatGPT',
  client_uri: 'https://chatgpt.com',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
  token_endpoint_auth_signing_alg: 'RS256',
  jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
}

const OPENID_SCOPES = 'openid email offline_access profile'

export const OPENAI: ClientShape[] = [
  {
    client: 'ChatGPT, metadata document',
    habit: 'It signs an assertion, lists several ways to do so, and asks for OpenID scopes without prompt.',
    identity: {
      document_url: 'https://chatgpt.com/oauth/client.json',
      document: {
        ...CHATGPT,
        redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
      },
    },
    redirect_uri: 'https://chatgpt.com/connector_platform_oauth_redirect',
    authorize: { scope: OPENID_SCOPES, ...AS_PUBLISHED },
    authenticates: 'private_key_jwt',
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'ChatGPT, metadata document of one connector',
    habit: 'Each connector has a document and a callback of its own.',
    identity: {
      document_url: 'https://chatgpt.com/oauth/k3v9c2/client.json',
      document: { ...CHATGPT, redirect_uris: ['https://chatgpt.com/connector/oauth/k3v9c2'] },
    },
    redirect_uri: 'https://chatgpt.com/connector/oauth/k3v9c2',
    authorize: { scope: OPENID_SCOPES, ...AS_PUBLISHED },
    authenticates: 'private_key_jwt',
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'ChatGPT, dynamic registration',
    habit: 'It registers once for each connection and keeps that client for good.',
    identity: {
      registration: {
        client_name: 'ChatGPT',
        redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'https://chatgpt.com/connector_platform_oauth_redirect',
    authorize: { scope: OPENID_SCOPES, ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'Codex, metadata document',
    habit:
      'Its document has no port; when it refreshes it asks for offline_access beside what it was granted.',
    identity: {
      document_url: 'https://chatgpt.com/oauth/codex/client.json',
      document: {
        client_name: 'Codex',
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'http://127.0.0.1:39417/callback',
    other_redirect_uris: ['http://127.0.0.1:51003/callback'],
    authorize: { scope: 'notes:read offline_access', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: { scope: 'notes:read offline_access', ...AS_PUBLISHED },
    gets: 'notes:read',
  },
  {
    client: 'Codex, dynamic registration',
    habit: 'Older releases ask for OpenID scopes, and refresh without a resource.',
    identity: {
      registration: {
        client_name: 'Codex',
        redirect_uris: ['http://127.0.0.1:39417/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        application_type: 'native',
      },
    },
    redirect_uri: 'http://127.0.0.1:39417/callback',
    other_redirect_uris: ['http://127.0.0.1:40021/callback'],
    authorize: { scope: 'openid profile email offline_access', resource: RESOURCE_WITH_SLASH },
    token: { resource: RESOURCE_WITH_SLASH },
    refresh: {},
    gets: 'notes:read',
  },
]
