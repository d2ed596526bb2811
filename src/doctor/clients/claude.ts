import { type ClientFacts, known, publishes, registers } from './client-facts.ts'
import { TYPESCRIPT_DISCOVERY } from './sdks.ts'

/** Claude Code in the shapes of its releases, and the hosted Claude apps. */
const LOOPBACK = 'http://127.0.0.1:3118/callback'
const LOCALHOST = 'http://localhost:3118/callback'
const HOSTED = 'https://claude.ai/api/mcp/auth_callback'
const HOSTED_GRANTS = {
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
}

const CODE_DOCUMENT = publishes(
  'https://claude.ai/oauth/claude-code-client-metadata',
  'Claude Code',
  ['http://localhost/callback', 'http://127.0.0.1/callback'],
  { client_uri: 'https://claude.ai' },
)

export const CLAUDE: ClientFacts[] = [
  {
    name: 'claude-code',
    title: 'Claude Code',
    rules: {
      ...known('assumed', 'it bundles the TypeScript SDK; which release is not known', {
        ...TYPESCRIPT_DISCOVERY,
        issuer: 'not compared',
      }),
      ...known('reported', 'anthropics/claude-code #76096', { resource: 'same URL' }),
      ...known('reported', 'anthropics/claude-code #37747, #64705', {
        registers_by: ['document', 'dynamic'],
      }),
    },
    shapes: [
      {
        client: 'Claude Code, metadata document',
        habit:
          'Its document has no port and no application_type; it sends a port, and a slash after the host.',
        identity: CODE_DOCUMENT,
        redirect_uris: [LOCALHOST, 'http://localhost:54545/callback'],
        authorize: { scope: 'notes:read', resource: 'with a slash' },
      },
      {
        client: 'Claude Code 2.1.229, metadata document',
        habit: 'Two releases sent 127.0.0.1 where all others send localhost.',
        identity: CODE_DOCUMENT,
        redirect_uris: [LOOPBACK, LOCALHOST],
      },
      {
        client: 'Claude Code, dynamic registration',
        habit:
          'What one release registered with localhost, the next one sends with 127.0.0.1 and another port.',
        identity: registers('Claude Code (notes)', [LOCALHOST], { application_type: 'native' }),
        registers_scope: true,
        redirect_uris: [LOCALHOST, LOOPBACK, 'http://127.0.0.1:61234/callback'],
        authorize: { scope: 'notes:read', resource: 'with a slash' },
      },
      {
        client: 'Claude Code, dynamic registration without application_type',
        habit:
          'It says nothing of being native, and still changes its port and its name for the loopback host.',
        identity: registers('Claude Code (notes)', [LOOPBACK]),
        redirect_uris: [LOOPBACK, LOCALHOST, 'http://localhost:49152/callback'],
        authorize: { resource: 'as published' },
      },
      {
        client: 'Claude Code 2.1.251, pre-registered',
        habit: 'With a client_id that it was given, it sends no resource at all.',
        identity: { by: 'operator', metadata: { redirect_uris: [LOCALHOST] }, is_confidential: false },
        authorize: { scope: 'notes:read' },
      },
    ],
  },
  {
    name: 'claude',
    title: 'claude.ai and Claude Desktop',
    rules: {
      ...known('documented', 'support.anthropic.com, article 11503834', {
        registers_by: ['document', 'dynamic'],
      }),
      ...known('reported', 'anthropics/claude-ai-mcp #228', { scope: ['server'] }),
    },
    hosted: true,
    document_needs_none: true,
    shapes: [
      {
        client: 'claude.ai and Claude Desktop, metadata document',
        habit: 'It asks for the scope “claudeai ” with a space at its end, which exists nowhere.',
        identity: publishes('https://claude.ai/oauth/mcp-oauth-client-metadata', 'Claude', [HOSTED], {
          ...HOSTED_GRANTS,
          client_uri: 'https://claude.ai',
          logo_uri: 'https://claude.ai/images/logo.png',
          application_type: 'web',
        }),
        authorize: { scope: 'claudeai ', resource: 'with a slash' },
      },
      {
        client: 'claude.ai and Claude Desktop, dynamic registration',
        habit: 'It registers with a secret, and with a grant type that few authorization servers have.',
        identity: registers('Claude', [HOSTED], {
          ...HOSTED_GRANTS,
          token_endpoint_auth_method: 'client_secret_post',
          scope: 'claudeai',
        }),
        authorize: { scope: 'claudeai', resource: 'as published' },
      },
    ],
  },
]
