import type { LivedIn } from './lived-in.ts'

/**
 * For each page whose path has something that varies, an address of it in a lived-in Toolgate. A page that needs a query
 * to show something can be named here too. A test fails when a page with `:` in its path is missing.
 */
export const SAMPLE_ADDRESSES: Readonly<Record<string, (seed: LivedIn) => string>> = {
  '/account/apps/:id': ({ grant_ids }) => `/account/apps/${grant_ids[0]}`,
  '/account/apps/:id/revoke': ({ grant_ids }) => `/account/apps/${grant_ids[0]}/revoke`,
  '/operator/grants/:id': ({ grant_ids }) => `/operator/grants/${grant_ids[0]}`,
  '/operator/grants/revoke': ({ client_id }) =>
    `/operator/grants/revoke?${new URLSearchParams({ client_id })}`,
  '/operator/clients/:id': ({ client_id }) => `/operator/clients/${encodeURIComponent(client_id)}`,
  '/operator/accounts/:id': ({ ada }) => `/operator/accounts/${ada.id}`,
  '/operator/audit/events/:id': ({ event_id }) => `/operator/audit/events/${event_id}`,
  '/operator/audit/story/:id': ({ grant_ids }) => `/operator/audit/story/${grant_ids[0]}`,
}

/** The address of a page; undefined when nobody said how to get one. */
export function sampleAddress(path: string, seed: LivedIn): string | undefined {
  const known = SAMPLE_ADDRESSES[path]
  if (known) return known(seed)
  return path.includes(':') ? undefined : path
}
