import { BROWSER_ORIGIN } from '../crawl/http-cache.ts'
import { type ClientFacts, known, registers } from './client-facts.ts'
import { PYTHON, TYPESCRIPT_2 } from './sdks.ts'

/** What people try servers out with, and bridges: built on an SDK without much of their own. */
export const TOOLS: ClientFacts[] = [
  {
    name: 'inspector',
    rules: TYPESCRIPT_2,
    client: 'MCP Inspector',
    habit: 'All of it happens in a browser, across origins; it registers with an empty scope.',
    identity: registers('MCP Inspector', [`${BROWSER_ORIGIN}/oauth/callback`], {
      client_uri: 'https://github.com/modelcontextprotocol/inspector',
      application_type: 'native',
      scope: '',
    }),
    origin: BROWSER_ORIGIN,
    redirect_uris: [`${BROWSER_ORIGIN}/oauth/callback`, 'http://127.0.0.1:6274/oauth/callback'],
  },
  {
    name: 'mcp-remote',
    title: 'mcp-remote',
    rules: {
      ...TYPESCRIPT_2,
      ...known('run', 'mcp-remote 0.15.1', { scope: ['challenge', 'resource', 'server'] }),
    },
    shapes: [
      {
        client: 'mcp-remote 0.15',
        habit:
          'It puts its own scope into the URL that its SDK made, so offline_access comes without prompt=consent.',
        identity: registers('MCP CLI Proxy', ['http://localhost:17549/oauth/callback'], {
          application_type: 'native',
        }),
        registers_scope: true,
        authorize: { scope: 'notes:read offline_access', resource: 'as published' },
      },
      {
        client: 'mcp-remote 0.1',
        habit:
          'It falls back to OpenID scopes; another port when its own is taken; several processes share its tokens.',
        identity: registers('MCP CLI Proxy', ['http://localhost:3334/oauth/callback'], {
          client_uri: 'https://github.com/geelen/mcp-remote',
          software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d',
          software_version: '0.1.38',
        }),
        redirect_uris: ['http://localhost:3334/oauth/callback', 'http://localhost:17872/oauth/callback'],
        authorize: { scope: 'openid email profile', resource: 'with a slash' },
      },
      {
        client: 'mcp-remote with the resource parameter off',
        habit: '`--disable-resource-parameter` leaves it out of all requests.',
        identity: registers('MCP CLI Proxy', ['http://localhost:3335/oauth/callback']),
        authorize: {},
      },
    ],
  },
  {
    name: 'fastmcp',
    rules: PYTHON,
    client: 'FastMCP',
    habit: 'It asks /authorize by itself first; only 400 tells it that its client is gone.',
    identity: registers('FastMCP Client', ['http://localhost:48237/callback'], { scope: '' }),
    probes_authorize: true,
    redirect_uris: ['http://localhost:48237/callback', 'http://localhost:48238/callback'],
    authorize: { scope: 'notes:read notes:write', resource: 'with a slash' },
  },
]
