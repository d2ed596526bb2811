import { type ClientShape, RESOURCE, RESOURCE_WITH_SLASH } from '../client-shape.ts'

/** Editors. */
const AS_PUBLISHED = { resource: RESOURCE }
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

export const EDITORS: ClientShape[] = [
  {
    client: 'VS Code, metadata document',
    habit: 'Its document mixes https with loopback redirects, and lists the device grant.',
    identity: {
      document_url: 'https://vscode.dev/oauth/client-metadata.json',
      document: {
        client_name: 'Visual Studio Code',
        client_uri: 'https://vscode.dev',
        redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
        grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        application_type: 'native',
      },
    },
    redirect_uri: 'http://127.0.0.1:33418/',
    other_redirect_uris: ['https://vscode.dev/redirect'],
    authorize: { scope: 'notes:read', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'VS Code, dynamic registration',
    habit: 'It registers https and loopback redirects together, and grant types that nobody offered.',
    identity: {
      registration: {
        client_name: 'Visual Studio Code',
        client_uri: 'https://code.visualstudio.com',
        redirect_uris: [
          'https://insiders.vscode.dev/redirect',
          'https://vscode.dev/redirect',
          'http://127.0.0.1/',
          'http://127.0.0.1:33418/',
        ],
        grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        application_type: 'native',
      },
    },
    redirect_uri: 'http://127.0.0.1:50931/',
    other_redirect_uris: ['https://vscode.dev/redirect', 'https://insiders.vscode.dev/redirect'],
    authorize: { scope: 'notes:read', resource: RESOURCE_WITH_SLASH },
    token: { resource: RESOURCE_WITH_SLASH },
    refresh: { resource: RESOURCE_WITH_SLASH },
    gets: 'notes:read',
  },
  {
    client: 'Cursor',
    habit: 'It registers a loopback, an https and a cursor:// redirect as one client.',
    identity: {
      registration: {
        client_name: 'Cursor',
        redirect_uris: [
          'http://localhost:8787/callback',
          'https://www.cursor.com/agents/mcp/oauth/callback',
          'cursor://anysphere.cursor-mcp/oauth/callback',
        ],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'cursor://anysphere.cursor-mcp/oauth/callback',
    other_redirect_uris: [
      'http://localhost:8787/callback',
      'https://www.cursor.com/agents/mcp/oauth/callback',
    ],
    authorize: { scope: 'notes:read', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: {},
    gets: 'notes:read',
  },
  {
    client: 'Zed, metadata document',
    habit: 'It prefers one port and takes another when that is in use.',
    identity: {
      document_url: 'https://zed.dev/oauth/client-metadata.json',
      document: {
        client_name: 'Zed',
        client_uri: 'https://zed.dev',
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'http://127.0.0.1:27523/callback',
    other_redirect_uris: ['http://127.0.0.1:44107/callback'],
    authorize: { scope: 'notes:read', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'Zed, dynamic registration',
    habit: 'It registers for authorization_code alone, and uses the refresh token that it gets.',
    identity: {
      registration: {
        client_name: 'Zed',
        redirect_uris: ['http://127.0.0.1:27523/callback'],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'http://127.0.0.1:27523/callback',
    authorize: { scope: 'notes:read', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
]
