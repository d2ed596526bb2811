import { z } from 'zod'
import { grantView, refreshTokenView } from '../grants/grant-list-store.ts'
import {
  pageOfGrants,
  pageOfRefreshTokens,
  type Revocation,
  revokeGrants,
  revokeRefreshToken,
  revokeRefreshTokens,
  showGrant,
} from '../grants/grants.ts'
import { narrowGrant } from '../grants/narrowing.ts'
import { previewRevocation } from '../grants/preview.ts'
import { revocationPreview } from '../grants/preview-store.ts'
import { toolUse } from '../usage/usage-store.ts'
import { type Caller, defineAction } from './action.ts'
import { cursor, ids, limit, reason, text, time } from './fields.ts'

/** What grants are looked for by; several narrow each other. */
const grantFilter = {
  id: text.optional(),
  account: text.optional().describe('A username or the id of an account'),
  client_id: text.optional(),
  resource: text.optional(),
  scope: text.optional().describe('A scope that the grant has'),
  unused_since: time.optional().describe('Neither given nor used since then; longest unheard of first'),
}
const selection = { ids: ids.optional(), ...grantFilter }

const revoked = z.object({ revoked: z.array(z.string()) })
const next = z.string().optional()

function revocationBy({ actor, request_id }: Caller, why: string | undefined): Revocation {
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
  input: z.strictObject({ ...grantFilter, limit, after: cursor.optional(), before: text.optional() }),
  output: z.object({ grants: z.array(grantView), next }),
  run: (context, { limit, after, before, ...by }) => pageOfGrants(context, by, { limit, after, before }),
})

// Before the action at /grants/{id}, which would else be asked for a grant of this name.
export const previewGrantRevocation = defineAction({
  name: 'preview_revocation',
  scope: 'operator:read',
  summary: 'Says what will stop working when every grant that matches is revoked.',
  method: 'get',
  path: '/grants/revocation-preview',
  command: 'grants preview-revocation',
  page: '/operator/grants/revoke',
  input: z.strictObject({
    ...selection,
    refreshable: z.boolean().optional().describe('Only grants that have a live refresh token'),
  }),
  output: revocationPreview,
  run: (context, by) => previewRevocation(context, by),
})

export const showOneGrant = defineAction({
  name: 'show_grant',
  scope: 'operator:read',
  summary: 'Shows one grant with its live refresh tokens and the tools that were called by it.',
  method: 'get',
  path: '/grants/{id}',
  command: 'grants show',
  page: '/operator/grants/:id',
  input: z.strictObject({ id: text }),
  output: grantView.extend({
    live_refresh_tokens: z.array(refreshTokenView),
    tools_used: z.array(toolUse),
  }),
  run: (context, { id }) => showGrant(context, id),
})

export const revokeManyGrants = defineAction({
  name: 'revoke_grants',
  scope: 'operator:revoke',
  summary: 'Revokes every grant that matches, with all its tokens; up to 10,000 of them in one transaction.',
  method: 'post',
  path: '/grants/revoke',
  command: 'grants revoke',
  page: '/operator/grants/revoke',
  input: z.strictObject({ ...selection, reason: reason.optional() }),
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

export const narrowOneGrant = defineAction({
  name: 'narrow_grant',
  scope: 'operator:revoke',
  summary: 'Takes scopes away from a grant for good; those that are named stay. Never adds one.',
  method: 'post',
  path: '/grants/{id}/narrow',
  command: 'grants narrow',
  page: '/operator/grants/:id/narrow',
  input: z.strictObject({
    id: text,
    scopes: z
      .preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(text).min(1).max(100))
      .describe('All scopes that stay'),
    reason: reason.optional(),
  }),
  output: z.object({ id: z.string(), scope: z.string(), removed: z.array(z.string()) }),
  run: (context, input, { actor, request_id }) => narrowGrant(context, { ...input, actor, request_id }),
})

export const listRefreshTokens = defineAction({
  name: 'list_refresh_tokens',
  scope: 'operator:read',
  summary: 'Lists live refresh tokens, newest first, by the SHA-256 that names each.',
  method: 'get',
  path: '/refresh-tokens',
  command: 'refresh-tokens list',
  page: '/operator/refresh-tokens',
  input: z.strictObject({ ...grantFilter, limit, after: cursor.optional() }),
  output: z.object({ refresh_tokens: z.array(refreshTokenView), next }),
  run: (context, { limit, after, ...by }) => pageOfRefreshTokens(context, by, { limit, after }),
})

export const revokeManyRefreshTokens = defineAction({
  name: 'revoke_refresh_tokens',
  scope: 'operator:revoke',
  summary: 'Revokes all refresh tokens that match, each with its grant.',
  method: 'post',
  path: '/refresh-tokens/revoke',
  command: 'refresh-tokens revoke',
  page: '/operator/refresh-tokens/revoke',
  input: z.strictObject({ ...selection, reason: reason.optional() }),
  output: revoked,
  run: (context, { reason, ...by }, caller) => revokeRefreshTokens(context, by, revocationBy(caller, reason)),
})

export const revokeOneRefreshToken = defineAction({
  name: 'revoke_refresh_token',
  scope: 'operator:revoke',
  summary: 'Revokes one refresh token and with it its family.',
  method: 'post',
  path: '/refresh-tokens/{id}/revoke',
  command: 'refresh-tokens revoke',
  page: '/operator/refresh-tokens/:id/revoke',
  input: z.strictObject({ id: text, reason: reason.optional() }),
  output: revoked,
  run: (context, { id, reason }, caller) => revokeRefreshToken(context, id, revocationBy(caller, reason)),
})

export const GRANT_ACTIONS = [
  listGrants,
  previewGrantRevocation,
  showOneGrant,
  revokeManyGrants,
  revokeOneGrant,
  narrowOneGrant,
  listRefreshTokens,
  revokeManyRefreshTokens,
  revokeOneRefreshToken,
]
