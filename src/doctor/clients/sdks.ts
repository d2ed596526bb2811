import { type ClientFacts, known, registers } from './client-facts.ts'

/** The official SDKs, as their defaults have it. */
const TYPESCRIPT_CALLBACK = ['http://localhost:8090/callback']
const PYTHON_CALLBACK = ['http://localhost:3030/callback']
const C_SHARP_CALLBACK = ['http://localhost:1179/callback']
const NATIVE = { application_type: 'native' }
const RUST = { scope: 'notes:read notes:write offline_access', resource: 'as published' } as const

export const TYPESCRIPT_DISCOVERY = {
  challenged_metadata: 'alone',
  without_resource_metadata: 'takes the origin',
  redirects: 'within the origin',
  without_server_metadata: 'takes the defaults',
  pkce: 'must not be excluded',
} as const

const TYPESCRIPT = {
  ...TYPESCRIPT_DISCOVERY,
  resource: 'same or parent',
  server_metadata: 'as specified',
  server_error: 'stops',
  registers_by: ['dynamic'],
  scope: ['challenge', 'resource'],
} as const

const TYPESCRIPT_1 = known('run', '@modelcontextprotocol/sdk 1.32.2, client/auth.js', {
  ...TYPESCRIPT,
  issuer: 'not compared',
  token_endpoint: 'not checked',
})

export const TYPESCRIPT_2 = known('run', '@modelcontextprotocol/client 2.4.0, client/auth', {
  ...TYPESCRIPT,
  issuer: 'but for the slash',
  token_endpoint: 'https only',
})

export const PYTHON = known('source', 'mcp 2.3.0 on PyPI, mcp/client/auth', {
  challenged_metadata: 'first',
  without_resource_metadata: 'takes the origin',
  redirects: 'within the origin',
  resource: 'same or parent, slash aside',
  server_metadata: 'as specified',
  server_error: 'stops',
  without_server_metadata: 'takes the defaults',
  issuer: 'same text',
  pkce: 'must not be excluded',
  registers_by: ['dynamic'],
  token_endpoint: 'not checked',
  scope: ['challenge', 'resource', 'server'],
})

export const SDKS: ClientFacts[] = [
  {
    name: 'typescript-sdk-1',
    rules: TYPESCRIPT_1,
    client: 'TypeScript SDK 1.x',
    habit: 'Older releases add a slash to an origin; without a method it is Basic, not form-encoded.',
    identity: registers('TypeScript client', TYPESCRIPT_CALLBACK, {
      token_endpoint_auth_method: 'client_secret_basic',
    }),
    skips_form_encoding: true,
    authorize: { scope: 'notes:read', resource: 'with a slash' },
  },
  {
    name: 'typescript-sdk',
    rules: TYPESCRIPT_2,
    client: 'TypeScript SDK 2.x',
    habit: 'It registers with the scope that it will ask for, offline_access included.',
    identity: registers('TypeScript client', TYPESCRIPT_CALLBACK, NATIVE),
    registers_scope: true,
    authorize: { scope: 'notes:read offline_access', prompt: 'consent', resource: 'as published' },
  },
  {
    name: 'python-sdk',
    rules: PYTHON,
    client: 'Python SDK 2.x',
    habit: 'It asks for every scope it finds, and form-encodes its credentials.',
    identity: registers('Python client', PYTHON_CALLBACK, {
      token_endpoint_auth_method: 'client_secret_basic',
      ...NATIVE,
    }),
    registers_scope: true,
    authorize: { scope: 'notes:read notes:write notes:delete', resource: 'as published' },
  },
  {
    client: 'Python SDK 1.x',
    habit: 'Its URLs get a slash after the host, and it asks for the scope that its host made up.',
    identity: registers('Python client', PYTHON_CALLBACK, {
      token_endpoint_auth_method: 'client_secret_post',
    }),
    registers_scope: true,
    authorize: { scope: 'user', resource: 'with a slash' },
  },
  {
    client: 'C# SDK, dynamic registration',
    habit: 'It wants client_secret_post, and says whether it is native.',
    identity: registers('C# client', C_SHARP_CALLBACK, {
      token_endpoint_auth_method: 'client_secret_post',
      ...NATIVE,
    }),
    registers_scope: true,
  },
  {
    client: 'C# SDK, pre-registered',
    habit:
      'Without a registration it authenticates by the first method in the metadata, so `none` must lead.',
    identity: { by: 'operator', metadata: { redirect_uris: C_SHARP_CALLBACK }, is_confidential: false },
  },
  {
    client: 'Go SDK',
    habit: 'It compares the issuer without its slash, and asks for offline_access when told to.',
    identity: registers('Go client', ['http://127.0.0.1:8085/callback'], NATIVE),
    redirect_uris: ['http://127.0.0.1:8085/callback', 'http://[::1]:8085/callback'],
    authorize: { scope: 'notes:read offline_access', resource: 'as published' },
  },
  {
    client: 'Rust SDK (rmcp)',
    habit: 'It refreshes with the granted scopes and offline_access, which no token here has.',
    identity: registers('Rust client', ['http://127.0.0.1:8080/callback'], NATIVE),
    authorize: RUST,
    refresh: RUST,
  },
  {
    client: 'A server with a secret, pre-registered',
    habit: 'An operator gave it a secret; it authenticates with Basic.',
    identity: {
      by: 'operator',
      metadata: { redirect_uris: ['https://agents.example/callback'] },
      is_confidential: true,
    },
  },
]
