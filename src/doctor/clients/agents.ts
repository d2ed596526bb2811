import { type ClientFacts, type ClientShape, known, publishes, registers } from './client-facts.ts'

/** Agents for the terminal, and chat applications that people host themselves. */
const WITH_SLASH = { scope: 'notes:read', resource: 'with a slash' } as const
const OFFLINE = { scope: 'notes:read offline_access', resource: 'as published' } as const

export const AGENTS: ClientFacts[] = [
  {
    name: 'gemini-cli',
    rules: known('source', 'google-gemini/gemini-cli, packages/core/src/mcp/oauth-utils.ts', {
      challenged_metadata: 'first',
      without_resource_metadata: 'takes the origin',
      redirects: 'anywhere',
      resource: 'same text',
      server_metadata: 'at the root too',
      without_server_metadata: 'gives up',
      issuer: 'not compared',
      registers_by: ['dynamic'],
      scope: ['server'],
    }),
    client: 'Gemini CLI',
    habit: 'It registers at every sign-in with an empty scope, and spells an origin with a slash.',
    identity: registers('Gemini CLI MCP Client', ['http://localhost:41873/oauth/callback'], {
      scope: '',
    }),
    authorize: WITH_SLASH,
    refresh: WITH_SLASH,
  },
  {
    client: 'goose',
    habit: 'Its document has no port, no application_type, and authorization_code alone.',
    identity: publishes(
      'https://goose-docs.ai/oauth/client-metadata.json',
      'goose',
      ['http://127.0.0.1/oauth_callback'],
      { client_uri: 'https://goose-docs.ai', grant_types: ['authorization_code'] },
    ),
    redirect_uris: ['http://127.0.0.1:45999/oauth_callback', 'http://127.0.0.1:40001/oauth_callback'],
    authorize: OFFLINE,
    refresh: OFFLINE,
  },
  {
    client: 'OpenCode',
    habit: 'It leaves application_type out; older releases force a prompt with offline_access.',
    identity: registers('OpenCode', ['http://127.0.0.1:19876/mcp/oauth/callback']),
    authorize: { scope: 'notes:read offline_access', prompt: 'consent', resource: 'with a slash' },
  },
  {
    client: 'kimi-code',
    habit: 'It keeps its registration and takes a random port at every sign-in.',
    identity: registers('Kimi Code', ['http://127.0.0.1:42111/callback']),
    redirect_uris: [58214, 1025, 65535].map((port) => `http://127.0.0.1:${port}/callback`),
    authorize: { resource: 'as published' },
  },
  {
    client: 'LibreChat',
    habit:
      'One flow has the resource with and without a slash; credentials are not form-encoded; it lists id_token.',
    identity: registers('LibreChat MCP Client', ['https://chat.example/api/mcp/notes/oauth/callback'], {
      response_types: ['code', 'code id_token', 'id_token', 'none'],
      token_endpoint_auth_method: 'client_secret_basic',
    }),
    registers_scope: true,
    skips_form_encoding: true,
    authorize: { scope: 'notes:read notes:write', resource: 'as published' },
    token: { resource: 'with a slash' },
    refresh: { scope: 'notes:read notes:write' },
  },
  {
    client: 'Antigravity',
    habit: 'It has a callback on the web for an app on the desktop.',
    identity: registers('Antigravity', ['https://antigravity.google/oauth-callback']),
    authorize: WITH_SLASH,
  },
]

/** No authorization server can connect these: they ask for a redirect that their own metadata does not have. */
export const IMPOSSIBLE_SHAPES: ClientShape[] = [
  {
    client: 'n8n',
    habit: 'Some releases register one callback and use another on the same host.',
    identity: registers('n8n', ['https://n8n.example/rest/oauth2-credential/callback']),
    redirect_uris: ['https://n8n.example/mcp-oauth/callback'],
  },
  {
    client: 'OpenCode, metadata document',
    habit: 'The path of the redirect in its document is not the path that it sends.',
    identity: publishes('https://opencode.example/oauth/client.json', 'OpenCode', [
      'http://127.0.0.1/callback',
    ]),
    redirect_uris: ['http://127.0.0.1:19876/mcp/oauth/callback'],
  },
]
