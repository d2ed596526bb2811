import { type Activity, pageOfActivity } from '../../audit/query/activity.ts'
import { clientNames } from '../../audit/story/story-store.ts'
import { type Catalogue, findResource } from '../../catalogue/catalogue.ts'
import { labelsOf } from '../../grants/connected-apps.ts'
import { PERSONAL_CLIENT_ID } from '../../personal-tokens/personal-access-token.ts'
import { clientName } from '../client-name.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'
import { activityText, type Names } from './activity-text.ts'

/** Where the person was. Of a call the address is that of the MCP server, of a token request that of the client. */
const PERSONAL = /^(?:account|authorization|consent|login|session)[._]/

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

function namesFrom({ clients, labels, catalogue }: Awaited<ReturnType<typeof namesOf>>): Names {
  return {
    app({ grant_id, client_id }) {
      const label = grant_id === null ? undefined : labels.get(grant_id)
      if (label) return label
      if (client_id === PERSONAL_CLIENT_ID) return 'A personal token'
      return client_id === null ? 'An app' : clientName(client_id, clients.get(client_id))
    },
    resource: (identifier) => resourceOf(catalogue, identifier)?.name ?? identifier ?? 'a service',
    scopes(identifier, scope) {
      const known = resourceOf(catalogue, identifier)?.scopes ?? []
      const words = (scope ?? '').split(' ').filter(Boolean)
      const described = words.map((name) => known.find((each) => each.name === name)?.description ?? name)
      return described.join(' · ') || 'nothing'
    },
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
  const names = namesFrom(found)
  page.show('account/activity', {
    entries: activity.map((entry) => ({
      at: entry.at,
      denied: entry.denied,
      ip: PERSONAL.test(entry.event.type) ? entry.event.ip : undefined,
      /** Only of what is still connected there is a page. */
      app_id: found.labels.has(entry.event.grant_id ?? '') ? entry.event.grant_id : undefined,
      ...activityText(entry, names, account_id),
    })),
    older: olderHref(page, next),
  })
}

export const ACTIVITY_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/account/activity', needs: 'account', handle: showActivity },
]
