import { definitionOf } from '../../audit/events/audit-event.ts'
import { type Activity, pageOfActivity } from '../../audit/query/activity.ts'
import { clientNames } from '../../audit/story/story-store.ts'
import { type Catalogue, findResource } from '../../catalogue/catalogue.ts'
import { labelsOf } from '../../grants/connected-apps.ts'
import { PERSONAL_CLIENT_ID } from '../../personal-tokens/personal-access-token.ts'
import { clientName } from '../client-name.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'

async function namesOf(page: Page, activity: readonly Activity[]) {
  const ids = (pick: (event: Activity['event']) => string | null) =>
    [...new Set(activity.map(({ event }) => pick(event)))].filter((id) => id !== null)
  const [clients, labels, current] = await Promise.all([
    clientNames(
      page.db,
      ids(({ client_id }) => client_id),
    ),
    labelsOf(
      page,
      page.session.account_id,
      ids(({ grant_id }) => grant_id),
    ),
    page.catalogues.current(page.db),
  ])
  return { clients, labels, catalogue: current?.catalogue }
}

type Found = Awaited<ReturnType<typeof namesOf>>

function appOf({ clients, labels }: Found, { grant_id, client_id }: Activity['event']): string {
  const label = grant_id === null ? undefined : labels.get(grant_id)
  if (label) return label
  if (client_id === PERSONAL_CLIENT_ID) return 'A personal token'
  return client_id === null ? 'An app' : clientName(client_id, clients.get(client_id))
}

function entryOf({ event, at, count, denied }: Activity, found: Found, account_id: string): object {
  const is_own = event.actor_kind === 'account' && event.actor_id === account_id
  const { app, resource, scopes } = namesIn(event, found)
  const who = is_own ? 'You' : 'Those who run this server'
  const definition = definitionOf(event.type)
  const told = definition?.personal?.({ event, count, is_own, who, app, resource, scopes }) ?? event.type
  return {
    at,
    denied,
    // Of operators it is nobody's business where they were.
    ip: definition?.is_local && (is_own || event.actor_kind === 'unauthenticated') ? event.ip : undefined,
    /** Only of what is still connected there is a page. */
    app_id: found.labels.has(event.grant_id ?? '') ? event.grant_id : undefined,
    ...(typeof told === 'string' ? { text: told } : told),
  }
}

function namesIn(event: Activity['event'], found: Found) {
  const resource = resourceOf(found.catalogue, event.resource)
  const described = (event.scope ?? '')
    .split(' ')
    .filter(Boolean)
    .map((name) => resource?.scopes.find((each) => each.name === name)?.description ?? name)
  return {
    app: appOf(found, event),
    resource: resource?.name ?? event.resource ?? 'a service',
    scopes: described.join(' · ') || 'nothing',
  }
}

function resourceOf(catalogue: Catalogue | undefined, identifier: string | null) {
  return catalogue && identifier !== null ? findResource(catalogue, identifier) : undefined
}

async function showActivity(page: Page): Promise<void> {
  const { after } = page.ctx.query
  const { account_id } = page.session
  const { activity, next } = await pageOfActivity(page.db, account_id, {
    after: after === undefined ? undefined : String(after),
  })
  const found = await namesOf(page, activity)
  page.show('account/activity', {
    entries: activity.map((entry) => entryOf(entry, found, account_id)),
    older: olderHref(page, next),
  })
}

export const ACTIVITY_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/account/activity', needs: 'account', handle: showActivity },
]
