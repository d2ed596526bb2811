import type { LivedIn } from './lived-in.ts'
import { RESOURCE } from './toolgate.ts'

type Sample = (seed: LivedIn) => string

const withQuery = (path: string, query: Record<string, string>) => `${path}?${new URLSearchParams(query)}`

/**
 * For each page whose path has something that varies, an address of it in a lived-in Toolgate. A page that needs a query
 * to show something is named here too. A test fails when a page with `:` in its path is missing.
 */
export const SAMPLE_ADDRESSES: Readonly<Record<string, Sample>> = {
  '/account/apps/:id': ({ grant_ids }) => `/account/apps/${grant_ids[0]}`,
  '/account/apps/:id/revoke': ({ grant_ids }) => `/account/apps/${grant_ids[0]}/revoke`,
  '/account/tokens/:id': ({ personal_token_id }) => `/account/tokens/${personal_token_id}`,
  '/account/tokens/new': () => withQuery('/account/tokens/new', { resource: RESOURCE }),
  '/operator/accounts/:id': ({ ada }) => `/operator/accounts/${ada.id}`,
  '/operator/audit/events/:id': ({ event_id }) => `/operator/audit/events/${event_id}`,
  '/operator/audit/explain/:id': ({ event_id }) => `/operator/audit/explain/${event_id}`,
  '/operator/audit/story/:id': ({ grant_ids }) => `/operator/audit/story/${grant_ids[0]}`,
  '/operator/audit/trace/:id': ({ grant_ids }) => `/operator/audit/trace/${grant_ids[0]}`,
  '/operator/catalogue/holders': () =>
    withQuery('/operator/catalogue/holders', { resource: RESOURCE, scope: 'notes:read' }),
  '/operator/catalogue/resource': () => withQuery('/operator/catalogue/resource', { resource: RESOURCE }),
  '/operator/clients/block': ({ client_id }) => withQuery('/operator/clients/block', { client_id }),
  '/operator/clients/forget': ({ client_id }) => withQuery('/operator/clients/forget', { client_id }),
  '/operator/clients/show': ({ client_id }) => withQuery('/operator/clients/show', { client_id }),
  '/operator/grants/:id': ({ grant_ids }) => `/operator/grants/${grant_ids[0]}`,
  '/operator/grants/revoke': ({ client_id }) => withQuery('/operator/grants/revoke', { client_id }),
  '/operator/personal-tokens/:id': ({ personal_token_id }) =>
    `/operator/personal-tokens/${personal_token_id}`,
  '/operator/resource-servers/:id': ({ resource_server_id }) =>
    `/operator/resource-servers/${resource_server_id}`,
  '/operator/audit/callers': () => withQuery('/operator/audit/callers', { tool: 'search_notes' }),
  '/operator/refresh-tokens/revoke': ({ client_id }) =>
    withQuery('/operator/refresh-tokens/revoke', { client_id }),
}

/** Stand among the pages, but answer programs: with a file, or with a stream of events. Nobody looks at them. */
export const DOWNLOADS: Readonly<Record<string, string>> = {
  '/operator/audit/export': withQuery('/operator/audit/export', { format: 'csv' }),
  '/operator/audit/follow': '/operator/audit/follow',
}

/** The address of a page; undefined when nobody said how to get one. */
export function sampleAddress(path: string, seed: LivedIn): string | undefined {
  const known = SAMPLE_ADDRESSES[path]
  if (known) return known(seed)
  return path.includes(':') ? undefined : path
}
