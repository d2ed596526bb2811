import { findAccount } from '../../accounts/account-store.ts'
import { type Action, perform } from '../../actions/action.ts'
import {
  listGrants,
  narrowOneGrant,
  previewGrantRevocation,
  revokeManyGrants,
  revokeOneGrant,
  showOneGrant,
} from '../../actions/grants.ts'
import { AppError } from '../../base/errors.ts'
import { heldBy } from '../../catalogue/held.ts'
import { growthOf, type Held, openTo } from '../../permission/consented.ts'
import { expandScopes, type Kind } from '../../permission/scopes.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'
import { filterOf, resourcesOf, revokedText, type Sent, single } from './grant-filter.ts'

/** What people allowed which client: found, looked into, narrowed, and revoked one by one or all that match. */
const AT = '/operator/grants'
const REVOKE = `${AT}/revoke`

function idsOf(sent: Sent): string[] | undefined {
  return sent.ids === undefined ? undefined : [sent.ids].flat()
}

async function list(page: Page): Promise<void> {
  const { query } = page.ctx
  const filter = filterOf(query)
  const input = { ...filter, after: single(query.after) }
  const { grants, next } = await perform(listGrants, page, page.caller, input)
  const conditions = new URLSearchParams(filter)
  page.show('operator/grants', {
    grants,
    filter,
    resources: await resourcesOf(page),
    older: olderHref(page, next),
    revoke_all: conditions.size > 0 ? `${page.href(REVOKE)}?${conditions}` : undefined,
  })
}

async function preview(page: Page): Promise<void> {
  const { query } = page.ctx
  const filter = filterOf(query)
  const ids = idsOf(query)
  if (ids === undefined && Object.keys(filter).length === 0)
    throw new AppError('invalid_input', 'Nothing is selected. Go back and tick the grants to revoke.')
  const input = { ...filter, ids }
  const ending = await perform(previewGrantRevocation, page, page.caller, input)
  page.show('operator/grants-revoke', { title: 'Revoke grants', list: AT, ending, filter, ids: ids ?? [] })
}

async function revokeMany(page: Page): Promise<void> {
  const { csrf: _, reason, ...sent } = page.form.toObject()
  const input = { ...filterOf(sent), ids: idsOf(sent), reason: reason ?? '' }
  const { revoked } = await perform(revokeManyGrants, page, page.caller, input)
  page.goTo(AT, revokedText(revoked.length))
}

/** Each scope that was given, with all that it opens of what the person saw; those that the catalogue lost open nothing. */
function scopesOf(scope: string, held: Held | undefined): object[] {
  return scope.split(' ').map((name) => {
    const known = held?.resource.scopes.find((each) => each.name === name)
    const open = (kind: Kind) =>
      held ? openTo({ ...held, effective: [...expandScopes(held.resource, [name])] }, kind) : []
    return {
      name,
      description: known?.description,
      is_destructive: known?.risk === 'destructive',
      tools: open('tools'),
      prompts: open('prompts'),
      resources: open('resources'),
    }
  })
}

async function show(page: Page): Promise<void> {
  const grant = await perform(showOneGrant, page, page.caller, { id: page.ctx.params.id })
  const history = await page.catalogues.currentHistory(page.db, grant.scope_versions)
  const { resource } = grant
  const account = await findAccount(page.db, grant.account_id)
  const held =
    history && resource !== null ? heldBy(history, { ...grant, resource }, account?.roles ?? []) : undefined
  const withheld = held ? growthOf(held).filter(({ what }) => what === 'new') : []
  const tools_used = grant.tools_used.filter(({ tool }) => tool !== '')
  const scopes_of_grant = scopesOf(grant.scope, held)
  page.show('operator/grant', { grant, scopes_of_grant, withheld, tools_used })
}

async function narrow(page: Page): Promise<void> {
  const { id } = page.ctx.params
  const input = { id, scopes: page.form.all('scopes'), reason: page.form.get('reason') ?? '' }
  if (input.scopes.length === 0)
    throw new AppError('invalid_input', 'At least one scope must stay. To take all away, revoke the grant.')
  const { removed } = await perform(narrowOneGrant, page, page.caller, input)
  const done = removed.length === 0 ? 'Nothing was unticked.' : `Taken away: ${removed.join(', ')}.`
  page.goTo(`${AT}/${encodeURIComponent(id)}`, done)
}

async function revokeOne(page: Page): Promise<void> {
  const input = { id: page.ctx.params.id, reason: page.form.get('reason') ?? '' }
  const { revoked } = await perform(revokeOneGrant, page, page.caller, input)
  page.goTo(AT, revokedText(revoked.length))
}

const reads = (path: string, { scope }: Pick<Action, 'scope'>, handle: PageRoute['handle']): PageRoute => ({
  method: 'get',
  path,
  needs: scope,
  handle,
})
const changes = (path: string, handle: PageRoute['handle'], lists: readonly string[] = []): PageRoute => ({
  method: 'post',
  path,
  needs: 'operator:revoke',
  lists,
  handle,
})

export const GRANT_PAGES: readonly PageRoute[] = [
  reads(AT, listGrants, list),
  // Leads to nothing but its form, which only somebody who may revoke can send.
  reads(REVOKE, revokeManyGrants, preview),
  changes(REVOKE, revokeMany, ['ids']),
  reads(`${AT}/:id`, showOneGrant, show),
  changes(`${AT}/:id/narrow`, narrow, ['scopes']),
  changes(`${AT}/:id/revoke`, revokeOne),
]
