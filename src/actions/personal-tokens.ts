import { z } from 'zod'
import {
  createPersonalToken,
  OVERLAP_HOURS_DEFAULT,
  OVERLAP_HOURS_MAX,
  revokePersonalToken,
  rotatePersonalToken,
  TOKEN_DAYS_DEFAULT,
  TOKEN_DAYS_MAX,
  TOKEN_NAME_MAX,
} from '../personal-tokens/personal-access-tokens.ts'
import { TOKEN_ROLES } from '../personal-tokens/personal-token-scopes.ts'
import {
  pageOfPersonalTokens,
  showPersonalToken,
  tokenView,
  wholeToken,
} from '../personal-tokens/personal-token-views.ts'
import { defineAction } from './action.ts'
import { cursor, limit, text, why } from './fields.ts'

const days = z.coerce.number().int().min(1).max(TOKEN_DAYS_MAX)
const SCOPES_MAX = 200
const id = text.describe('As the list has it; never the token itself')

const made = z.object({
  id: z.string(),
  token: z.string().describe('The token itself; it is shown this once and cannot be shown again'),
})

const shown_once = {
  lines: ({ id, token }: z.input<typeof made>) => [
    token,
    `It is ${id}. Keep the token now: it is not shown again.`,
  ],
}

export const listPersonalTokens = defineAction({
  name: 'list_personal_tokens',
  scope: 'operator:read',
  summary: 'Lists live personal access tokens, newest first.',
  method: 'get',
  path: '/personal-tokens',
  command: 'tokens list',
  cli: { columns: 'id name username resource role scope created_at expires_at last_used_at' },
  page: '/operator/personal-tokens',
  input: z.strictObject({
    account: text.optional().describe('A username or the id of an account'),
    resource: text.optional().describe('The URL of the MCP server'),
    expiring_days: days.optional().describe('Only those that expire within so many days'),
    limit,
    after: cursor.optional(),
  }),
  output: z.object({ personal_tokens: z.array(tokenView), next: z.string().optional() }),
  run: (context, { limit, after, ...filter }) => pageOfPersonalTokens(context, filter, { limit, after }),
})

export const showOnePersonalToken = defineAction({
  name: 'show_personal_token',
  scope: 'operator:read',
  summary: 'Shows one personal access token with its live values and the tools that it opens now.',
  method: 'get',
  path: '/personal-tokens/{id}',
  command: 'tokens show',
  page: '/operator/personal-tokens/:id',
  input: z.strictObject({ id }),
  output: wholeToken,
  run: (context, { id }) => showPersonalToken(context, { id }),
})

export const createOnePersonalToken = defineAction({
  name: 'create_personal_token',
  scope: 'operator:admin',
  summary: 'Makes a personal access token for an account. The answer holds the token, this once.',
  method: 'post',
  created: true,
  path: '/personal-tokens',
  command: 'tokens create',
  cli: { options: { scopes: '--scope' }, ...shown_once },
  page: '/operator/personal-tokens/new',
  input: z.strictObject({
    account: text.describe('A username or the id of an account'),
    resource: text.describe('The URL of the MCP server'),
    name: z.string().trim().min(1).max(TOKEN_NAME_MAX).describe('What it is for'),
    role: z.enum(TOKEN_ROLES).default('read-only').describe('What it may do, as far as the person may'),
    scopes: z.array(text).max(SCOPES_MAX).default([]).describe('For the role custom'),
    days: days.default(TOKEN_DAYS_DEFAULT).describe('How long it lives'),
    ...why,
  }),
  output: made,
  run: (context, request, caller) => createPersonalToken(context, request, caller),
})

export const rotateOnePersonalToken = defineAction({
  name: 'rotate_personal_token',
  scope: 'operator:admin',
  summary: 'Gives a personal access token a new value; the one before lives on for the overlap.',
  method: 'post',
  path: '/personal-tokens/{id}/rotate',
  command: 'tokens rotate',
  cli: shown_once,
  page: '/operator/personal-tokens/:id/rotate',
  input: z.strictObject({
    id,
    overlap_hours: z.coerce
      .number()
      .int()
      .min(0)
      .max(OVERLAP_HOURS_MAX)
      .default(OVERLAP_HOURS_DEFAULT)
      .describe('How long the old value lives on'),
    days: days.optional().describe('How long the new value lives; as long as the one before when absent'),
    value_id: text.optional().describe('The id of the value to replace; refused when it is not the newest'),
    ...why,
  }),
  output: made,
  run: (context, { id, ...rotation }, caller) => rotatePersonalToken(context, { id }, rotation, caller),
})

export const revokeOnePersonalToken = defineAction({
  name: 'revoke_personal_token',
  scope: 'operator:revoke',
  summary: 'Revokes a personal access token with all its values.',
  method: 'post',
  path: '/personal-tokens/{id}/revoke',
  command: 'tokens revoke',
  cli: {
    nothing: ({ revoked }, { id }) => (revoked.length > 0 ? undefined : `There is no personal token ${id}`),
    lines: (_, { id }) => [`Revoked ${id} with all its values.`],
  },
  page: '/operator/personal-tokens/:id/revoke',
  input: z.strictObject({ id, ...why }),
  output: z.object({ revoked: z.array(z.string()) }),
  run: (context, { id }, caller) => revokePersonalToken(context, { id }, caller),
})

export const PERSONAL_TOKEN_ACTIONS = [
  listPersonalTokens,
  showOnePersonalToken,
  createOnePersonalToken,
  rotateOnePersonalToken,
  revokeOnePersonalToken,
]
