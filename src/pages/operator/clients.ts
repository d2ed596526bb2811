import { perform } from '../../actions/action.ts'
import { listAllClients, showOneClient } from '../../actions/clients.ts'
import { COUNTED_GRANTS_MAX } from '../../clients/client-list-store.ts'
import { receiverName, receiverOf } from '../../clients/registration/receiver.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'

/** How clients came to be known, in words. */
const ORIGIN_WORDS = {
  registration: 'registered itself',
  operator: 'added by an operator',
  document: 'metadata document',
  none: 'not known yet',
} as const

/** Who gets a code at a redirect URI. */
const RECEIVER_WORDS = {
  web: 'a web host',
  loopback: 'a program on the person’s computer',
  app: 'an app on the person’s device',
} as const

function returnAddress(uri: string): { uri: string; name: string; who: string } {
  const kind = receiverOf(uri)?.kind
  return { uri, name: receiverName(uri), who: kind ? RECEIVER_WORDS[kind] : 'nobody' }
}

const FILTERS = ['origin', 'text', 'blocked', 'after'] as const

/** Members of the address that were filled in; a form sends those that were not as empty. */
function asked(page: Page): Record<string, unknown> {
  const { query } = page.ctx
  return Object.fromEntries(
    FILTERS.flatMap((name) => (query[name] === undefined || query[name] === '' ? [] : [[name, query[name]]])),
  )
}

/** A client_id may be a URL, and some proxies mangle those in a path: pages name clients in the query. */
export function clientPath(client_id: string, what = 'show'): string {
  return `/operator/clients/${what}?${new URLSearchParams({ client_id })}`
}

/** The client that a page is about. */
export function clientOf({ ctx }: Page): { client_id: unknown } {
  return { client_id: ctx.query.client_id }
}

async function showClients(page: Page): Promise<void> {
  const filter = asked(page)
  const { clients, next } = await perform(listAllClients, page, page.caller, filter)
  page.show('operator/clients', {
    clients: clients.map((client) => ({ ...client, path: clientPath(client.client_id) })),
    filter,
    origins: ORIGIN_WORDS,
    counted_max: COUNTED_GRANTS_MAX,
    older: olderHref(page, next),
  })
}

async function showClient(page: Page): Promise<void> {
  const client = await perform(showOneClient, page, page.caller, clientOf(page))
  const { client_id } = client
  page.show('operator/client', {
    client,
    origin: ORIGIN_WORDS[client.origin],
    return_addresses: client.redirect_uris.map(returnAddress),
    counted_max: COUNTED_GRANTS_MAX,
    document: JSON.stringify(client.metadata, null, 2),
    has_secret: client.origin === 'operator' && client.authentication?.startsWith('client_secret') === true,
    paths: {
      block: clientPath(client_id, 'block'),
      forget: clientPath(client_id, 'forget'),
      grants: `/operator/grants?${new URLSearchParams({ client_id })}`,
      events: `/operator/audit?${new URLSearchParams({ client_id })}`,
    },
  })
}

export const CLIENT_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/operator/clients', needs: 'operator:read', handle: showClients },
  { method: 'get', path: '/operator/clients/show', needs: 'operator:read', handle: showClient },
]
