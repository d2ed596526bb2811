import { perform } from '../../actions/action.ts'
import { previewGrantRevocation } from '../../actions/grants.ts'
import {
  listRefreshTokens,
  revokeManyRefreshTokens,
  revokeOneRefreshToken,
} from '../../actions/refresh-tokens.ts'
import { AppError } from '../../base/errors.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'
import { type Filter, filterOf, resourcesOf, revokedText, single } from './grant-filter.ts'

/** What keeps clients connected: found, and revoked with its grant, one by one or all that match. */
const AT = '/operator/refresh-tokens'
const REVOKE = `${AT}/revoke`

async function list(page: Page): Promise<void> {
  const { query } = page.ctx
  const filter = filterOf(query)
  const input = { ...filter, after: single(query.after) }
  const { refresh_tokens, next } = await perform(listRefreshTokens, page, page.caller, input)
  const conditions = new URLSearchParams(filter)
  page.show('operator/refresh-tokens', {
    refresh_tokens,
    filter,
    resources: await resourcesOf(page),
    older: olderHref(page, next),
    revoke_all: conditions.size > 0 ? `${page.href(REVOKE)}?${conditions}` : undefined,
  })
}

function assertFiltered(filter: Filter): void {
  if (Object.keys(filter).length === 0)
    throw new AppError('invalid_input', 'Nothing is selected. Go back and filter the tokens to revoke.')
}

async function preview(page: Page): Promise<void> {
  const filter = filterOf(page.ctx.query)
  assertFiltered(filter)
  const ending = await perform(previewGrantRevocation, page, page.caller, {
    ...filter,
    refreshable: true,
  })
  page.show('operator/grants-revoke', { title: 'Revoke refresh tokens', list: AT, ending, filter, ids: [] })
}

async function revokeMany(page: Page): Promise<void> {
  const { csrf: _, reason, ...sent } = page.form.toObject()
  const filter = filterOf(sent)
  assertFiltered(filter)
  const input = { ...filter, reason: reason ?? '' }
  const { revoked } = await perform(revokeManyRefreshTokens, page, page.caller, input)
  page.goTo(AT, revokedText(revoked.length))
}

async function revokeOne(page: Page): Promise<void> {
  const input = { id: page.ctx.params.id, reason: page.form.get('reason') ?? '' }
  const { revoked } = await perform(revokeOneRefreshToken, page, page.caller, input)
  page.goTo(AT, revokedText(revoked.length))
}

export const REFRESH_TOKEN_PAGES: readonly PageRoute[] = [
  { method: 'get', path: AT, needs: listRefreshTokens.scope, handle: list },
  // Leads to nothing but its form, which only somebody who may revoke can send.
  { method: 'get', path: REVOKE, needs: revokeManyRefreshTokens.scope, handle: preview },
  { method: 'post', path: REVOKE, needs: revokeManyRefreshTokens.scope, handle: revokeMany },
  { method: 'post', path: `${AT}/:id/revoke`, needs: revokeOneRefreshToken.scope, handle: revokeOne },
]
