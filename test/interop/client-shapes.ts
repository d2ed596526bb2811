import { type ClientShape, type ImpossibleShape, RESOURCE } from './client-shape.ts'
import { AGENTS } from './shapes/agents.ts'
import { CLAUDE } from './shapes/claude.ts'
import { EDITORS } from './shapes/editors.ts'
import { OPENAI } from './shapes/openai.ts'
import { SDKS } from './shapes/sdks.ts'
import { TOOLS } from './shapes/tools.ts'

/** Every client whose requests are known from its source, its vendor or public reports; one row for each shape. */
export const FAMILIES: Record<string, ClientShape[]> = {
  Claude: CLAUDE,
  OpenAI: OPENAI,
  Editors: EDITORS,
  Agents: AGENTS,
  Tools: TOOLS,
  'Official SDKs': SDKS,
}

export const CLIENT_SHAPES: ClientShape[] = Object.values(FAMILIES).flat()

/** These ask for a redirect that their own registration or document does not have. */
export const IMPOSSIBLE_SHAPES: ImpossibleShape[] = [
  {
    client: 'n8n',
    habit: 'Some releases register one callback and use another on the same host.',
    identity: {
      registration: {
        client_name: 'n8n',
        redirect_uris: ['https://n8n.example/rest/oauth2-credential/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'https://n8n.example/mcp-oauth/callback',
    authorize: { resource: RESOURCE },
  },
  {
    client: 'OpenCode, metadata document',
    habit: 'The path of the redirect in its document is not the path that it sends.',
    identity: {
      document_url: 'https://opencode.example/oauth/client.json',
      document: {
        client_name: 'OpenCode',
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    },
    redirect_uri: 'http://127.0.0.1:19876/mcp/oauth/callback',
    authorize: { resource: RESOURCE },
  },
]
