import { type ClientFacts, known, publishes, registers } from './client-facts.ts'

/** Editors. */
const VS_CODE_LOOPBACK = 'http://127.0.0.1:33418/'
const VS_CODE_GRANTS = {
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
}
const CURSOR_APP = 'cursor://anysphere.cursor-mcp/oauth/callback'
const CURSOR_WEB = ['http://localhost:8787/callback', 'https://www.cursor.com/agents/mcp/oauth/callback']
const ZED_LOOPBACK = 'http://127.0.0.1:27523/callback'
const CODE_ALONE = { grant_types: ['authorization_code'] }

export const EDITORS: ClientFacts[] = [
  {
    name: 'vscode',
    title: 'VS Code',
    rules: known('source', 'microsoft/vscode, src/vs/base/common/oauth.ts and extHostMcp.ts', {
      challenged_metadata: 'alone',
      without_resource_metadata: 'takes the origin',
      resource: 'same URL',
      server_metadata: 'as specified',
      without_server_metadata: 'takes the defaults',
      issuer: 'not compared',
      registers_by: ['document', 'dynamic'],
    }),
    shapes: [
      {
        client: 'VS Code, metadata document',
        habit: 'Its document mixes https with loopback redirects, and lists the device grant.',
        identity: publishes(
          'https://vscode.dev/oauth/client-metadata.json',
          'Visual Studio Code',
          [VS_CODE_LOOPBACK, 'https://vscode.dev/redirect'],
          { ...VS_CODE_GRANTS, client_uri: 'https://vscode.dev', application_type: 'native' },
        ),
      },
      {
        client: 'VS Code, dynamic registration',
        habit: 'It registers https and loopback redirects together, and grant types that no one offered.',
        identity: registers(
          'Visual Studio Code',
          [
            'https://insiders.vscode.dev/redirect',
            'https://vscode.dev/redirect',
            'http://127.0.0.1/',
            VS_CODE_LOOPBACK,
          ],
          { ...VS_CODE_GRANTS, client_uri: 'https://code.visualstudio.com', application_type: 'native' },
        ),
        redirect_uris: [
          'http://127.0.0.1:50931/',
          'https://vscode.dev/redirect',
          'https://insiders.vscode.dev/redirect',
        ],
        authorize: { scope: 'notes:read', resource: 'with a slash' },
      },
    ],
  },
  {
    name: 'cursor',
    rules: {
      ...known('reported', 'cursor.com/docs/mcp, forum.cursor.com 165019', { registers_by: ['dynamic'] }),
      ...known('reported', 'forum.cursor.com', { scope: ['challenge', 'resource', 'server'] }),
    },
    client: 'Cursor',
    habit: 'It registers a loopback, an https and a cursor:// redirect as one client.',
    identity: registers('Cursor', [...CURSOR_WEB, CURSOR_APP]),
    redirect_uris: [CURSOR_APP, ...CURSOR_WEB],
    refresh: {},
  },
  {
    name: 'zed',
    title: 'Zed',
    rules: known('source', 'zed-industries/zed, a stored copy', {
      pkce: 'must be advertised',
      registers_by: ['document', 'dynamic'],
    }),
    shapes: [
      {
        client: 'Zed, metadata document',
        habit: 'It prefers one port and takes another when that is in use.',
        identity: publishes(
          'https://zed.dev/oauth/client-metadata.json',
          'Zed',
          ['http://127.0.0.1/callback'],
          { ...CODE_ALONE, client_uri: 'https://zed.dev' },
        ),
        redirect_uris: [ZED_LOOPBACK, 'http://127.0.0.1:44107/callback'],
      },
      {
        client: 'Zed, dynamic registration',
        habit: 'It registers for authorization_code alone, and uses the refresh token that it gets.',
        identity: registers('Zed', [ZED_LOOPBACK], CODE_ALONE),
      },
    ],
  },
]
