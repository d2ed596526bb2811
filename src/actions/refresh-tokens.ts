import { z } from 'zod'
import { refreshTokenView } from '../grants/grant-list-store.ts'
import { pageOfRefreshTokens, revokeRefreshTokens } from '../grants/grants.ts'
import { defineAction } from './action.ts'
import { cursor, limit, why } from './fields.ts'
import { endingOf, grantFilter, REVOKED, revoked } from './grants.ts'

/** Refresh tokens are looked for by what their grants are; `id` names the token. */
const { id: grant_id, ...ofGrant } = grantFilter
const token_id = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, 'a refresh token id is 43 base64url characters')
  .describe('The id of a refresh token, as the list has it; never the token itself')
const tokenFilter = { id: token_id.optional(), grant_id, ...ofGrant }

export const listRefreshTokens = defineAction({
  name: 'list_refresh_tokens',
  scope: 'operator:read',
  summary: 'Lists live refresh tokens, newest first, by the SHA-256 that names each.',
  method: 'get',
  path: '/refresh-tokens',
  command: 'refresh-tokens list',
  cli: { columns: 'id grant_id username client_id resource created_at expires_at' },
  page: '/operator/refresh-tokens',
  input: z.strictObject({ ...tokenFilter, limit, after: cursor.optional() }),
  output: z.object({ refresh_tokens: z.array(refreshTokenView), next: z.string().optional() }),
  run: (context, { limit, after, id: refresh_token_id, grant_id: id, ...by }) =>
    pageOfRefreshTokens(context, { ...by, id, refresh_token_id }, { limit, after }),
})

export const revokeManyRefreshTokens = defineAction({
  name: 'revoke_refresh_tokens',
  scope: 'operator:revoke',
  summary: 'Revokes all refresh tokens that match, each with its grant.',
  method: 'post',
  path: '/refresh-tokens/revoke',
  command: 'refresh-tokens revoke',
  cli: {
    arguments: ['id'],
    confirm: async (context, { id: token_id, grant_id: id, reason: _, ...by }) =>
      token_id === undefined ? endingOf(context, { ...by, id, refreshable: true }) : undefined,
    ...REVOKED,
  },
  page: '/operator/refresh-tokens/revoke',
  input: z.strictObject({ ...tokenFilter, ...why }),
  output: revoked,
  run: (context, { reason: _, id: refresh_token_id, grant_id: id, ...by }, caller) =>
    revokeRefreshTokens(context, { ...by, id, refresh_token_id }, caller),
})

export const revokeOneRefreshToken = defineAction({
  name: 'revoke_refresh_token',
  scope: 'operator:revoke',
  summary: 'Revokes one refresh token and with it its family.',
  method: 'post',
  path: '/refresh-tokens/{id}/revoke',
  command: 'refresh-tokens revoke',
  cli: false,
  page: '/operator/refresh-tokens/:id/revoke',
  input: z.strictObject({ id: token_id, ...why }),
  output: revoked,
  run: (context, { id: refresh_token_id }, caller) =>
    revokeRefreshTokens(context, { refresh_token_id }, caller),
})

export const REFRESH_TOKEN_ACTIONS = [listRefreshTokens, revokeManyRefreshTokens, revokeOneRefreshToken]
