import { AS_SPECIFIED, type ClientProfile, known } from '../client-profile.ts'
import { TYPESCRIPT_1 } from './sdks.ts'

/** Applications and editors that people connect. Of the closed ones only what is documented or reported is known. */
const CODE = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

const CLAUDE_CODE: ClientProfile = {
  name: 'claude-code',
  title: 'Claude Code',
  rules: {
    ...AS_SPECIFIED,
    ...known('assumed', 'it bundles the TypeScript SDK; which release is not known', {
      challenged_metadata: TYPESCRIPT_1.challenged_metadata.is,
      without_resource_metadata: TYPESCRIPT_1.without_resource_metadata.is,
      redirects: TYPESCRIPT_1.redirects.is,
      without_server_metadata: TYPESCRIPT_1.without_server_metadata.is,
      pkce: TYPESCRIPT_1.pkce.is,
      issuer: 'not compared',
    }),
    ...known('reported', 'anthropics/claude-code #76096', { resource: 'same URL' }),
    ...known('reported', 'anthropics/claude-code #37747, #64705', { registers_by: ['document', 'dynamic'] }),
  },
  redirect_uri: 'http://localhost:3118/callback',
  document_url: 'https://claude.ai/oauth/claude-code-client-metadata',
  registration: {
    client_name: 'Claude Code (notes)',
    redirect_uris: ['http://localhost:3118/callback'],
    ...CODE,
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  },
}

const CLAUDE: ClientProfile = {
  name: 'claude',
  title: 'claude.ai and Claude Desktop',
  rules: {
    ...AS_SPECIFIED,
    ...known('documented', 'support.anthropic.com, article 11503834', {
      registers_by: ['document', 'dynamic'],
    }),
    ...known('reported', 'anthropics/claude-ai-mcp #228', { scope: ['server'] }),
  },
  hosted: true,
  redirect_uri: 'https://claude.ai/api/mcp/auth_callback',
  document_url: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
  document_needs_none: true,
  registration: {
    client_name: 'Claude',
    redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
    grant_types: ['authorization_code', 'refresh_token', JWT_BEARER],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_post',
    scope: 'claudeai',
  },
}

const CHATGPT: ClientProfile = {
  name: 'chatgpt',
  title: 'ChatGPT',
  rules: {
    ...AS_SPECIFIED,
    ...known('documented', 'developers.openai.com/apps-sdk/build/auth', {
      issuer: 'same text',
      registers_by: ['document', 'dynamic'],
      pkce: 'must be advertised',
    }),
  },
  hosted: true,
  redirect_uri: 'https://chatgpt.com/connector_platform_oauth_redirect',
  document_url: 'https://chatgpt.com/oauth/client.json',
  registration: {
    client_name: 'ChatGPT',
    redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
    ...CODE,
    token_endpoint_auth_method: 'none',
  },
}

const CODEX: ClientProfile = {
  name: 'codex',
  title: 'Codex',
  rules: {
    ...AS_SPECIFIED,
    ...known('source', 'modelcontextprotocol/rust-sdk 4a738b9, which it is built on', {
      server_metadata: 'at the root too',
      issuer: 'but for the slash',
      registers_by: ['document', 'dynamic'],
    }),
  },
  redirect_uri: 'http://127.0.0.1:39417/callback',
  document_url: 'https://chatgpt.com/oauth/codex/client.json',
  registration: {
    client_name: 'Codex',
    redirect_uris: ['http://127.0.0.1:39417/callback'],
    ...CODE,
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  },
}

const VS_CODE: ClientProfile = {
  name: 'vscode',
  title: 'VS Code',
  rules: {
    ...AS_SPECIFIED,
    ...known('source', 'microsoft/vscode, src/vs/base/common/oauth.ts and extHostMcp.ts', {
      challenged_metadata: 'alone',
      without_resource_metadata: 'takes the origin',
      resource: 'same URL',
      server_metadata: 'as specified',
      without_server_metadata: 'takes the defaults',
      issuer: 'not compared',
      registers_by: ['document', 'dynamic'],
    }),
  },
  redirect_uri: 'http://127.0.0.1:33418/',
  document_url: 'https://vscode.dev/oauth/client-metadata.json',
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
}

const CURSOR: ClientProfile = {
  name: 'cursor',
  title: 'Cursor',
  rules: {
    ...AS_SPECIFIED,
    ...known('reported', 'cursor.com/docs/mcp, forum.cursor.com 165019', { registers_by: ['dynamic'] }),
    ...known('reported', 'forum.cursor.com', { scope: ['challenge', 'resource', 'server'] }),
  },
  redirect_uri: 'cursor://anysphere.cursor-mcp/oauth/callback',
  registration: {
    client_name: 'Cursor',
    redirect_uris: [
      'http://localhost:8787/callback',
      'https://www.cursor.com/agents/mcp/oauth/callback',
      'cursor://anysphere.cursor-mcp/oauth/callback',
    ],
    ...CODE,
    token_endpoint_auth_method: 'none',
  },
}

const ZED: ClientProfile = {
  name: 'zed',
  title: 'Zed',
  rules: {
    ...AS_SPECIFIED,
    ...known('source', 'zed-industries/zed, a stored copy', {
      pkce: 'must be advertised',
      registers_by: ['document', 'dynamic'],
    }),
  },
  redirect_uri: 'http://127.0.0.1:27523/callback',
  document_url: 'https://zed.dev/oauth/client-metadata.json',
  registration: {
    client_name: 'Zed',
    redirect_uris: ['http://127.0.0.1:27523/callback'],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
}

const GEMINI_CLI: ClientProfile = {
  name: 'gemini-cli',
  title: 'Gemini CLI',
  rules: {
    ...AS_SPECIFIED,
    ...known('source', 'google-gemini/gemini-cli, packages/core/src/mcp/oauth-utils.ts', {
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
  },
  redirect_uri: 'http://localhost:41873/oauth/callback',
  registration: {
    client_name: 'Gemini CLI MCP Client',
    redirect_uris: ['http://localhost:41873/oauth/callback'],
    ...CODE,
    token_endpoint_auth_method: 'none',
    scope: '',
  },
}

export const APPS: ClientProfile[] = [CLAUDE_CODE, CLAUDE, CHATGPT, CODEX, VS_CODE, CURSOR, ZED, GEMINI_CLI]
