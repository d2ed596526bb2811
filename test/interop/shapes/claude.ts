import { type ClientShape, RESOURCE, RESOURCE_WITH_SLASH } from '../client-shape.ts'

/** Claude Code in the shapes of its releases, and the hosted Claude apps. */
const CLAUDE_CODE = {
  document_url: 'https://claude.ai/oauth/claude-code-client-metadata',
  document: {
    client_name: 'Claude Code',
    client_uri: 'https://claude.ai',
    redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
}

const WITH_SLASH = { resource: RESOURCE_WITH_SLASH }
const AS_PUBLISHED = { resource: RESOURCE }

export const CLAUDE: ClientShape[] = [
  {
    client: 'Claude Code, metadata document',
    habit: 'Its document has no port and no application_type; it sends a port, and a slash after the host.',
    identity: CLAUDE_CODE,
    redirect_uri: 'http://localhost:3118/callback',
    other_redirect_uris: ['http://localhost:54545/callback'],
    authorize: { scope: 'notes:read', ...WITH_SLASH },
    token: WITH_SLASH,
    refresh: WITH_SLASH,
    gets: 'notes:read',
  },
  {
    client: 'Claude Code 2.1.229, metadata document',
    habit: 'Two releases sent 127.0.0.1 where all others send localhost.',
    identity: CLAUDE_CODE,
    redirect_uri: 'http://127.0.0.1:3118/callback',
    other_redirect_uris: ['http://localhost:3118/callback'],
    authorize: { scope: 'notes:read', ...AS_PUBLISHED },
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'Claude Code, dynamic registration',
    habit: 'What one release registered with localhost, the next one sends with 127.0.0.1 and another port.',
    identity: {
      registration: {
        client_name: 'Claude Code (notes)',
        redirect_uris: ['http://localhost:3118/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        scope: 'notes:read',
      },
    },
    redirect_uri: 'http://localhost:3118/callback',
    other_redirect_uris: ['http://127.0.0.1:3118/callback', 'http://127.0.0.1:61234/callback'],
    authorize: { scope: 'notes:read', ...WITH_SLASH },
    token: WITH_SLASH,
    refresh: WITH_SLASH,
    gets: 'notes:read',
  },
  {
    client: 'Claude Code, dynamic registration without application_type',
    habit: 'It says nothing of being native, and still changes its port and its name for the loopback host.',
    identity: {
      registration: {
        client_name: 'Claude Code (notes)',
        redirect_uris: ['http://127.0.0.1:3118/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'http://127.0.0.1:3118/callback',
    other_redirect_uris: ['http://localhost:3118/callback', 'http://localhost:49152/callback'],
    authorize: AS_PUBLISHED,
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
  {
    client: 'Claude Code 2.1.251, pre-registered',
    habit: 'With a client_id that it was given, it sends no resource at all.',
    identity: {
      added_by_operator: { redirect_uris: ['http://localhost:3118/callback'], confidential: false },
    },
    redirect_uri: 'http://localhost:3118/callback',
    authorize: { scope: 'notes:read' },
    token: {},
    refresh: {},
    gets: 'notes:read',
  },
  {
    client: 'claude.ai and Claude Desktop, metadata document',
    habit: 'It asks for the scope “claudeai ” with a space at its end, which exists nowhere.',
    identity: {
      document_url: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
      document: {
        client_name: 'Claude',
        client_uri: 'https://claude.ai',
        logo_uri: 'https://claude.ai/images/logo.png',
        redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        application_type: 'web',
      },
    },
    redirect_uri: 'https://claude.ai/api/mcp/auth_callback',
    authorize: { scope: 'claudeai ', ...WITH_SLASH },
    token: WITH_SLASH,
    refresh: WITH_SLASH,
    gets: 'notes:read',
  },
  {
    client: 'claude.ai and Claude Desktop, dynamic registration',
    habit: 'It registers with a secret, and with a grant type that few authorization servers have.',
    identity: {
      registration: {
        client_name: 'Claude',
        redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post',
        scope: 'claudeai',
      },
    },
    redirect_uri: 'https://claude.ai/api/mcp/auth_callback',
    authorize: { scope: 'claudeai', ...AS_PUBLISHED },
    authenticates: 'post',
    token: AS_PUBLISHED,
    refresh: AS_PUBLISHED,
    gets: 'notes:read',
  },
]
