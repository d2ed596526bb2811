import { type ClientShape, RESOURCE, RESOURCE_WITH_SLASH } from '../client-shape.ts'

/** Agents for the terminal, and chat applications that people host themselves. */
const AS_PUBLISHED = { resource: RESOURCE }
const WITH_SLASH = { resource: RESOURCE_WITH_SLASH }
const CODE = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }

export const AGENTS: ClientShape[] = [
  {
    client: 'Gemini CLI',
    habit: 'It registers at every sign-in with an empty scope, and spells an origin with a slash.',
    identity: {
      registration: {
        client_name: 'Gemini CLI MCP Client',
        redirect_uris: ['http://localhost:41873/oauth/callback'],
        ...CODE,
        token_endpoint_auth_method: 'none',
        scope: '',
      },
    },
    redirect_uri: 'http://localhost:41873/oauth/callback',
    authorize: { scope: 'notes:read', ...WITH_SLASH },
    token: WITH_SLASH,
    refresh: { scope: 'notes:read', ...WITH_SLASH },
    gets: 'notes:read',
  },
  {
    client: 'goose',
    habit: 'Its document has no port, no application_type, and authorization_code alone.',
    identity: {
      document_url: 'https://goose-docs.ai/oauth/client-metadata.json',
      document: {
        client_name: 'goose',
        client_uri: 'https://goose-docs.ai',
        redirect_uris: ['http://127.0.0.1/oauth_callback'],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'http://127.0.0.1:45999/oauth_callback',
    other_redirect_uris: ['http://127.0.0.1:40001/oauth_callback'],
    authorize: { scope: 'notes:read offline_access', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: { scope: 'notes:read offline_access', ...AS_PUBLISHED },
    gets: 'notes:read',
  },
  {
    client: 'OpenCode',
    habit: 'It leaves application_type out; older releases force a prompt with offline_access.',
    identity: {
      registration: {
        client_name: 'OpenCode',
        redirect_uris: ['http://127.0.0.1:19876/mcp/oauth/callback'],
        ...CODE,
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'http://127.0.0.1:19876/mcp/oauth/callback',
    authorize: { scope: 'notes:read offline_access', prompt: 'consent', ...WITH_SLASH },
    token: WITH_SLASH,
    refresh: WITH_SLASH,
    gets: 'notes:read',
  },
  {
    client: 'kimi-code',
    habit: 'It keeps its registration and takes a random port at every sign-in.',
    identity: {
      registration: {
        client_name: 'Kimi Code',
        redirect_uris: ['http://127.0.0.1:42111/callback'],
        ...CODE,
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'http://127.0.0.1:58214/callback',
    other_redirect_uris: ['http://127.0.0.1:1025/callback', 'http://127.0.0.1:65535/callback'],
    authorize: AS_PUBLISHED,
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'LibreChat',
    habit:
      'One flow has the resource with and without a slash; credentials are not form-encoded; it lists id_token.',
    identity: {
      registration: {
        client_name: 'LibreChat MCP Client',
        redirect_uris: ['https://chat.example/api/mcp/notes/oauth/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code', 'code id_token', 'id_token', 'none'],
        token_endpoint_auth_method: 'client_secret_basic',
        scope: 'notes:read notes:write',
      },
    },
    redirect_uri: 'https://chat.example/api/mcp/notes/oauth/callback',
    authorize: { scope: 'notes:read notes:write', ...AS_PUBLISHED },
    authenticates: 'basic without form-encoding',
    token: WITH_SLASH,
    refresh: { scope: 'notes:read notes:write' },
    gets: 'notes:read notes:write',
  },
  {
    client: 'Antigravity',
    habit: 'It has a callback on the web for an app on the desktop.',
    identity: {
      registration: {
        client_name: 'Antigravity',
        redirect_uris: ['https://antigravity.google/oauth-callback'],
        ...CODE,
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'https://antigravity.google/oauth-callback',
    authorize: { scope: 'notes:read', ...WITH_SLASH },
    token: WITH_SLASH,
    refresh: WITH_SLASH,
    gets: 'notes:read',
  },
]
