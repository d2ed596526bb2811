import { z } from 'zod'
import {
  pageOfGrants,
  pageOfRefreshTokens,
  type Revocation,
  revokeGrants,
  revokeRefreshToken,
  showGrant,
} from '../../grants/grants.ts'
import { type Caller, defineAction } from '../action.ts'
import { limit, moment, reason, text } from './fields.ts'

const filter = {
  id: text.optional(),
  account: text.optional().describe('A username or the id of an account'),
  client_id: text.optional(),
  resource: text.optional(),
}

const grant = z.object({
  id: z.string(),
  account_id: z.string(),
  username: z.string(),
  client_id: z.string(),
  client_name: z.string().nullable(),
  resource: z.string().nullable(),
  scope: z.string(),
  created_at: moment,
  expires_at: moment,
  refresh_tokens: z.int(),
  access_tokens: z.int(),
})

const refresh_token = z.object({
  id: z.string(),
  grant_id: z.string(),
  account_id: z.string(),
  username: z.string(),
  client_id: z.string(),
  resource: z.string().nullable(),
  scope: z.string(),
  created_at: moment,
  expires_at: moment,
})

const revoked = z.object({ revoked: z.array(z.string()) })

export function revocationBy({ actor, request_id }: Caller, why: string | undefined): Revocation {
  return { actor, reason: why, request_id }
}

export const listGrants = defineAction({
  name: 'list_grants',
  scope: 'operator:read',
  summary: 'Lists live grants: who allowed which client what, newest first.',
  method: 'get',
  path: '/grants',
  command: 'grants list',
  page: '/operator/grants',
  input: z.strictObject({ ...filter, limit, before: text.optional() }),
  output: z.object({ grants: z.array(grant) }),
  run: async (context, { limit, before, ...by }) => ({
    grants: await pageOfGrants(context, by, { limit, before }),
  }),
})

export const showOneGrant = defineAction({
  name: 'show_grant',
  scope: 'operator:read',
  summary: 'Shows one grant with its live refresh tokens.',
  method: 'get',
  path: '/grants/{id}',
  command: 'grants show',
  page: '/operator/grants/:id',
  input: z.strictObject({ id: text }),
  output: grant.extend({ live_refresh_tokens: z.array(refresh_token) }),
  run: (context, { id }) => showGrant(context, id),
})

export const revokeManyGrants = defineAction({
  name: 'revoke_grants',
  scope: 'operator:revoke',
  summary: 'Revokes every grant that matches, with all its tokens, in one transaction.',
  method: 'post',
  path: '/grants/revoke',
  command: 'grants revoke',
  page: '/operator/grants/revoke',
  input: z.strictObject({ ...filter, reason: reason.optional() }),
  output: revoked,
  run: (context, { reason, ...by }, caller) => revokeGrants(context, by, revocationBy(caller, reason)),
})

export const revokeOneGrant = defineAction({
  name: 'revoke_grant',
  scope: 'operator:revoke',
  summary: 'Revokes one grant with all its tokens. Revoking what is gone is no error.',
  method: 'post',
  path: '/grants/{id}/revoke',
  command: 'grants revoke',
  page: '/operator/grants/:id/revoke',
  input: z.strictObject({ id: text, reason: reason.optional() }),
  output: revoked,
  run: (context, { id, reason }, caller) => revokeGrants(context, { id }, revocationBy(caller, reason)),
})

export const listRefreshTokens = defineAction({
  name: 'list_refresh_tokens',
  scope: 'operator:read',
  summary: 'Lists live refresh tokens, newest first, by the SHA-256 that names each.',
  method: 'get',
  path: '/refresh-tokens',
  command: 'refresh-tokens list',
  page: '/operator/grants',
  input: z.strictObject({ ...filter, limit }),
  output: z.object({ refresh_tokens: z.array(refresh_token) }),
  run: async (context, { limit, ...by }) => ({
    refresh_tokens: await pageOfRefreshTokens(context, by, { limit }),
  }),
})

export const revokeManyRefreshTokens = defineAction({
  name: 'revoke_refresh_tokens',
  scope: 'operator:revoke',
  summary: 'Revokes the families of all refresh tokens that match.',
  method: 'post',
  path: '/refresh-tokens/revoke',
  command: 'refresh-tokens revoke',
  page: '/operator/grants/revoke',
  input: z.strictObject({ ...filter, reason: reason.optional() }),
  output: revoked,
  run: (context, { reason, ...by }, caller) => revokeGrants(context, by, revocationBy(caller, reason)),
})

export const revokeOneRefreshToken = defineAction({
  name: 'revoke_refresh_token',
  scope: 'operator:revoke',
  summary: 'Revokes one refresh token and with it its family.',
  method: 'post',
  path: '/refresh-tokens/{id}/revoke',
  command: 'refresh-tokens revoke',
  page: '/operator/grants/:id/revoke',
  input: z.strictObject({ id: text, reason: reason.optional() }),
  output: revoked,
  run: (context, { id, reason }, caller) => revokeRefreshToken(context, id, revocationBy(caller, reason)),
})

export const GRANT_ACTIONS = [
  listGrants,
  showOneGrant,
  revokeManyGrants,
  revokeOneGrant,
  listRefreshTokens,
  revokeManyRefreshTokens,
  revokeOneRefreshToken,
]
