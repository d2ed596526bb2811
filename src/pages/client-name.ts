/** The host of the document by which a client is known; undefined for a client that only claims a name. */
export function documentHost(client_id: string): string | undefined {
  return client_id.startsWith('https://') ? URL.parse(client_id)?.host : undefined
}

/** What an app that says no name of its own is called. */
export function clientName(client_id: string, name: string | null | undefined): string {
  return name || documentHost(client_id) || 'An unnamed app'
}
