import { AppError } from '../../base/errors.ts'
import {
  pageOfConnectedApps,
  renameConnectedApp,
  revokeConnectedApp,
  showConnectedApp,
} from '../../grants/connected-apps.ts'
import { narrowGrant } from '../../grants/narrowing.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'
import { type AppView, appView } from './app-view.ts'

/** What a person connected: looked at, named, narrowed, and ended. */
function own({ ctx, session }: Page) {
  return { account_id: session.account_id, id: ctx.params.id as string }
}

async function viewOf(page: Page): Promise<AppView> {
  const app = await showConnectedApp(page, own(page))
  return appView(app, await page.catalogues.currentHistory(page.db, app.scope_versions), page.session.roles)
}

async function listApps(page: Page): Promise<void> {
  const { after } = page.ctx.query
  const { apps, next } = await pageOfConnectedApps(page, page.session.account_id, {
    after: after === undefined ? undefined : String(after),
  })
  const seen = apps.flatMap(({ scope_versions }) => scope_versions)
  const history = await page.catalogues.currentHistory(page.db, seen)
  page.show('account/apps', {
    apps: apps.map((app) => appView(app, history, page.session.roles)),
    is_first: after === undefined,
    older: olderHref(page, next),
  })
}

async function showApp(page: Page): Promise<void> {
  page.show('account/app', { app: await viewOf(page) })
}

async function nameApp(page: Page): Promise<void> {
  await renameConnectedApp(page, own(page), page.form.get('label'))
  page.goTo(
    `/account/apps/${own(page).id}`,
    page.form.get('label') ? 'The name is saved.' : 'The name is removed.',
  )
}

async function narrowApp(page: Page): Promise<void> {
  const app = await viewOf(page)
  const scopes = page.form.all('scope')
  if (scopes.length === 0)
    throw new AppError('invalid_input', 'Nothing would be left. To take everything back, disconnect the app.')
  const { removed } = await narrowGrant(page, { ...own(page), scopes }, page.caller)
  const words = app.scopes.filter(({ name }) => removed.includes(name)).map(({ description }) => description)
  page.goTo(
    `/account/apps/${app.id}`,
    words.length === 0
      ? 'Nothing was changed.'
      : `From the next call on it may no longer: ${words.join(' · ')}`,
  )
}

async function confirmRevocation(page: Page): Promise<void> {
  page.show('account/app-revoke', { app: await viewOf(page) })
}

async function revokeApp(page: Page): Promise<void> {
  const { revoked } = await revokeConnectedApp(page, own(page), page.caller)
  if (revoked.length === 0)
    throw new AppError('not_found', 'No such app is connected to your account (any more).')
  page.goTo('/account', 'The app is disconnected. Its next call will be refused.')
}

export const APPS_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/account', needs: 'account', handle: listApps },
  { method: 'get', path: '/account/apps/:id', needs: 'account', handle: showApp },
  { method: 'post', path: '/account/apps/:id/name', needs: 'account', handle: nameApp },
  {
    ...{ method: 'post', path: '/account/apps/:id/scopes', needs: 'account' },
    lists: ['scope'],
    handle: narrowApp,
  },
  { method: 'get', path: '/account/apps/:id/revoke', needs: 'account', handle: confirmRevocation },
  { method: 'post', path: '/account/apps/:id/revoke', needs: 'account', handle: revokeApp },
]
