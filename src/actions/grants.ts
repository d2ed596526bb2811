import { z } from 'zod'
import { grantView, refreshTokenView } from '../grants/grant-list-store.ts'
import type { GrantFilter } from '../grants/grant-store.ts'
import { pageOfGrants, revokeGrants, showGrant } from '../grants/grants.ts'
import { narrowGrant } from '../grants/narrowing.ts'
import { previewRevocation } from '../grants/preview.ts'
import { revocationPreview } from '../grants/preview-store.ts'
import { toolUse } from '../usage/usage-store.ts'
import { type ActionContext, defineAction } from './action.ts'
import { cursor, ids, limit, text, time, why } from './fields.ts'

const id = text.describe('The id of a grant')

/** What grants are looked for by; several narrow each other. */
export const grantFilter = {
  id: id.optional(),
  account: text.optional().describe('A username or the id of an account'),
  client_id: text.optional().describe('The client_id that was allowed'),
  resource: text.optional().describe('The URL of the MCP server'),
  scope: text.optional().describe('A scope that the grant has'),
  unused_since: time.optional().describe('Neither given nor used since then; longest unheard of first'),
}
const selection = { ids: ids.optional(), ...grantFilter }

export const revoked = z.object({ revoked: z.array(z.string()) })
const next = z.string().optional()

type Revoked = z.input<typeof revoked>

/** How commands speak of a revocation. */
export const REVOKED = {
  nothing: ({ revoked }: Revoked) =>
    revoked.length > 0 ? undefined : 'Nothing to revoke: no live grant matches',
  lines: ({ revoked }: Revoked) => [
    `Revoked ${revoked.length} ${revoked.length === 1 ? 'grant' : 'grants'} with all tokens, as of the next call.`,
    ...revoked,
  ],
}

/** What a filter would end, for the question before. */
export async function endingOf({ db }: ActionContext, filter: GrantFilter): Promise<string | undefined> {
  const { grants, accounts, clients } = await previewRevocation({ db }, filter)
  return grants === 0
    ? undefined
    : `Revoke what matches (grants: ${grants}, accounts: ${accounts}, clients: ${clients})?`
}

export const listGrants = defineAction({
  name: 'list_grants',
  scope: 'operator:read',
  summary: 'Lists live grants: who allowed which client what, newest first.',
  method: 'get',
  path: '/grants',
  command: 'grants list',
  cli: { columns: 'id username client_id client_name resource scope created_at last_used_at' },
  page: '/operator/grants',
  input: z.strictObject({
    ...grantFilter,
    limit,
    after: cursor.optional(),
    before: text.optional().describe('The id of the last grant of the page before'),
  }),
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
  input: z.strictObject({ id }),
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
  cli: {
    arguments: ['id'],
    // Who names one grant knows what ends.
    confirm: async (context, { reason: _, ...by }) =>
      by.id === undefined ? endingOf(context, by) : undefined,
    ...REVOKED,
  },
  page: '/operator/grants/revoke',
  input: z.strictObject({ ...selection, ...why }),
  output: revoked,
  run: (context, { reason: _, ...by }, caller) => revokeGrants(context, by, caller),
})

export const revokeOneGrant = defineAction({
  name: 'revoke_grant',
  scope: 'operator:revoke',
  summary: 'Revokes one grant with all its tokens.',
  method: 'post',
  path: '/grants/{id}/revoke',
  command: 'grants revoke',
  cli: false,
  page: '/operator/grants/:id/revoke',
  input: z.strictObject({ id, ...why }),
  output: revoked,
  run: (context, { id }, caller) => revokeGrants(context, { id }, caller),
})

export const narrowOneGrant = defineAction({
  name: 'narrow_grant',
  scope: 'operator:revoke',
  summary: 'Takes scopes away from a grant for good; those that are named stay. Never adds one.',
  method: 'post',
  path: '/grants/{id}/narrow',
  command: 'grants narrow',
  cli: {
    options: { scopes: '--scope' },
    nothing: ({ removed }) =>
      removed.length > 0 ? undefined : 'Nothing to take away: it has no other scopes',
    lines: ({ id, scope, removed }) => [`${id} has lost ${removed.join(' ')} and keeps ${scope}.`],
  },
  page: '/operator/grants/:id/narrow',
  input: z.strictObject({
    id,
    scopes: z
      .preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(text).min(1).max(100))
      .describe('All scopes that stay'),
    ...why,
  }),
  output: z.object({ id: z.string(), scope: z.string(), removed: z.array(z.string()) }),
  run: (context, { id, scopes }, caller) => narrowGrant(context, { id, scopes }, caller),
})

export const GRANT_ACTIONS = [
  listGrants,
  previewGrantRevocation,
  showOneGrant,
  revokeManyGrants,
  revokeOneGrant,
  narrowOneGrant,
]
