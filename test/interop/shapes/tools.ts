import { type ClientShape, RESOURCE, RESOURCE_WITH_SLASH } from '../client-shape.ts'

/** What people try servers out with, and bridges. */
const AS_PUBLISHED = { resource: RESOURCE }
const CODE = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }

export const TOOLS: ClientShape[] = [
  {
    client: 'MCP Inspector',
    habit: 'All of it happens in a browser, across origins; it registers with an empty scope.',
    identity: {
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
    origin: 'http://localhost:6274',
    redirect_uri: 'http://localhost:6274/oauth/callback',
    other_redirect_uris: ['http://127.0.0.1:6274/oauth/callback'],
    authorize: { scope: 'notes:read', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'mcp-remote 0.1',
    habit:
      'It falls back to OpenID scopes; another port when its own is taken; several processes share its tokens.',
    identity: {
      registration: {
        client_name: 'MCP CLI Proxy',
        client_uri: 'https://github.com/geelen/mcp-remote',
        redirect_uris: ['http://localhost:3334/oauth/callback'],
        ...CODE,
        token_endpoint_auth_method: 'none',
        software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d',
        software_version: '0.1.38',
      },
    },
    redirect_uri: 'http://localhost:3334/oauth/callback',
    other_redirect_uris: ['http://localhost:17872/oauth/callback'],
    authorize: { scope: 'openid email profile', resource: RESOURCE_WITH_SLASH },
    token: { resource: RESOURCE_WITH_SLASH },
    refresh: { resource: RESOURCE_WITH_SLASH },
    gets: 'notes:read',
  },
  {
    client: 'mcp-remote 0.15',
    habit:
      'It puts its own scope into the URL that its SDK made, so offline_access comes without prompt=consent.',
    identity: {
      registration: {
        client_name: 'MCP CLI Proxy',
        redirect_uris: ['http://localhost:17549/oauth/callback'],
        ...CODE,
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        scope: 'notes:read offline_access',
      },
    },
    redirect_uri: 'http://localhost:17549/oauth/callback',
    authorize: { scope: 'notes:read offline_access', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'mcp-remote with the resource parameter off',
    habit: '`--disable-resource-parameter` leaves it out of all requests.',
    identity: {
      registration: {
        client_name: 'MCP CLI Proxy',
        redirect_uris: ['http://localhost:3335/oauth/callback'],
        ...CODE,
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'http://localhost:3335/oauth/callback',
    authorize: {},
    token: {},
    refresh: {},
    gets: 'notes:read',
  },
  {
    client: 'FastMCP',
    habit: 'It asks /authorize by itself first; only 400 tells it that its client is gone.',
    identity: {
      registration: {
        client_name: 'FastMCP Client',
        redirect_uris: ['http://localhost:48237/callback'],
        ...CODE,
        token_endpoint_auth_method: 'none',
        scope: '',
      },
    },
    probes_authorize: true,
    redirect_uri: 'http://localhost:48237/callback',
    other_redirect_uris: ['http://localhost:48238/callback'],
    authorize: { scope: 'notes:read notes:write', resource: RESOURCE_WITH_SLASH },
    token: { resource: RESOURCE_WITH_SLASH },
    refresh: { resource: RESOURCE_WITH_SLASH },
    gets: 'notes:read notes:write',
  },
]
