import { AS_SPECIFIED, type ClientProfile, known } from '../client-profile.ts'

/** The official SDKs, and what is built on them without much of its own. */
const CODE = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }

const TYPESCRIPT = {
  challenged_metadata: 'alone',
  without_resource_metadata: 'takes the origin',
  redirects: 'within the origin',
  resource: 'same or parent',
  server_metadata: 'as specified',
  server_error: 'stops',
  without_server_metadata: 'takes the defaults',
  pkce: 'must not be excluded',
  registers_by: ['dynamic'],
  scope: ['challenge', 'resource'],
} as const

const TYPESCRIPT_2 = {
  ...AS_SPECIFIED,
  ...known('run', '@modelcontextprotocol/client 2.4.0, client/auth', {
    ...TYPESCRIPT,
    issuer: 'but for the slash',
    token_endpoint: 'https only',
  }),
}

export const TYPESCRIPT_1 = {
  ...AS_SPECIFIED,
  ...known('run', '@modelcontextprotocol/sdk 1.32.2, client/auth.js', {
    ...TYPESCRIPT,
    issuer: 'not compared',
    token_endpoint: 'not checked',
  }),
}

const PYTHON = {
  ...AS_SPECIFIED,
  ...known('source', 'mcp 2.3.0 on PyPI, mcp/client/auth', {
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
  }),
}

export const SDKS: ClientProfile[] = [
  {
    name: 'typescript-sdk',
    title: 'TypeScript SDK 2.x',
    rules: TYPESCRIPT_2,
    redirect_uri: 'http://localhost:8090/callback',
    registration: {
      client_name: 'TypeScript client',
      redirect_uris: ['http://localhost:8090/callback'],
      ...CODE,
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
  },
  {
    name: 'typescript-sdk-1',
    title: 'TypeScript SDK 1.x',
    rules: TYPESCRIPT_1,
    redirect_uri: 'http://localhost:8090/callback',
    registration: {
      client_name: 'TypeScript client',
      redirect_uris: ['http://localhost:8090/callback'],
      ...CODE,
      token_endpoint_auth_method: 'client_secret_basic',
    },
  },
  {
    name: 'python-sdk',
    title: 'Python SDK 2.x',
    rules: PYTHON,
    redirect_uri: 'http://localhost:3030/callback',
    registration: {
      client_name: 'Python client',
      redirect_uris: ['http://localhost:3030/callback'],
      ...CODE,
      token_endpoint_auth_method: 'client_secret_basic',
      application_type: 'native',
    },
  },
  {
    name: 'fastmcp',
    title: 'FastMCP',
    rules: PYTHON,
    probes_authorize: true,
    redirect_uri: 'http://localhost:48237/callback',
    registration: {
      client_name: 'FastMCP Client',
      redirect_uris: ['http://localhost:48237/callback'],
      ...CODE,
      token_endpoint_auth_method: 'none',
      scope: '',
    },
  },
  {
    name: 'inspector',
    title: 'MCP Inspector',
    rules: TYPESCRIPT_2,
    in_browser: true,
    redirect_uri: 'http://localhost:6274/oauth/callback',
    registration: {
      client_name: 'MCP Inspector',
      client_uri: 'https://github.com/modelcontextprotocol/inspector',
      redirect_uris: ['http://localhost:6274/oauth/callback'],
      ...CODE,
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      scope: '',
    },
  },
  {
    name: 'mcp-remote',
    title: 'mcp-remote',
    rules: {
      ...TYPESCRIPT_2,
      ...known('run', 'mcp-remote 0.15.1', { scope: ['challenge', 'resource', 'server'] }),
    },
    redirect_uri: 'http://localhost:17549/oauth/callback',
    registration: {
      client_name: 'MCP CLI Proxy',
      redirect_uris: ['http://localhost:17549/oauth/callback'],
      ...CODE,
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
  },
]
