import { type ClientFacts, known, publishes, registers } from './client-facts.ts'

/** ChatGPT's connectors and Codex. */
const CONNECTOR = 'https://chatgpt.com/connector_platform_oauth_redirect'
const CODEX_LOOPBACK = 'http://127.0.0.1:39417/callback'
const OPENID = { scope: 'openid email offline_access profile', resource: 'as published' } as const
const AGAIN = { scope: 'notes:read offline_access', resource: 'as published' } as const
const SIGNING = {
  client_uri: 'https://chatgpt.com',
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
  token_endpoint_auth_signing_alg: 'RS256',
  jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
}

export const OPENAI: ClientFacts[] = [
  {
    name: 'chatgpt',
    title: 'ChatGPT',
    rules: known('documented', 'developers.openai.com/apps-sdk/build/auth', {
      issuer: 'same text',
      registers_by: ['document', 'dynamic'],
      pkce: 'must be advertised',
    }),
    hosted: true,
    shapes: [
      {
        client: 'ChatGPT, metadata document',
        habit:
          'It signs an assertion, lists several ways to do so, and asks for OpenID scopes without prompt.',
        identity: publishes('https://chatgpt.com/oauth/client.json', 'ChatGPT', [CONNECTOR], SIGNING),
        authorize: OPENID,
      },
      {
        client: 'ChatGPT, metadata document of one connector',
        habit: 'Each connector has a document and a callback of its own.',
        identity: publishes(
          'https://chatgpt.com/oauth/k3v9c2/client.json',
          'ChatGPT',
          ['https://chatgpt.com/connector/oauth/k3v9c2'],
          SIGNING,
        ),
        authorize: OPENID,
      },
      {
        client: 'ChatGPT, dynamic registration',
        habit: 'It registers once for each connection and keeps that client for good.',
        identity: registers('ChatGPT', [CONNECTOR]),
        authorize: OPENID,
      },
    ],
  },
  {
    name: 'codex',
    title: 'Codex',
    rules: known('source', 'modelcontextprotocol/rust-sdk 4a738b9, which it is built on', {
      server_metadata: 'at the root too',
      issuer: 'but for the slash',
      registers_by: ['document', 'dynamic'],
    }),
    shapes: [
      {
        client: 'Codex, metadata document',
        habit:
          'Its document has no port; when it refreshes it asks for offline_access beside what it was granted.',
        identity: publishes('https://chatgpt.com/oauth/codex/client.json', 'Codex', [
          'http://127.0.0.1/callback',
        ]),
        redirect_uris: [CODEX_LOOPBACK, 'http://127.0.0.1:51003/callback'],
        authorize: AGAIN,
        refresh: AGAIN,
      },
      {
        client: 'Codex, dynamic registration',
        habit: 'Older releases ask for OpenID scopes, and refresh without a resource.',
        identity: registers('Codex', [CODEX_LOOPBACK], { application_type: 'native' }),
        redirect_uris: [CODEX_LOOPBACK, 'http://127.0.0.1:40021/callback'],
        authorize: { scope: 'openid profile email offline_access', resource: 'with a slash' },
        refresh: {},
      },
    ],
  },
]
