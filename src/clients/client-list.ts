import type { Knex } from 'knex'
import { AppError } from '../base/errors.ts'
import { type PageWanted, pageByMoment } from '../storage/keyset.ts'
import { type ClientBlock, findClientBlock } from './client-block-store.ts'
import {
  type ClientAccount,
  type ClientFilter,
  type ClientOrigin,
  type ClientRow,
  type DocumentState,
  findDocumentState,
  listClientAccounts,
  listClients,
} from './client-list-store.ts'
import { redirectHost } from './registration/redirect-uris.ts'

/** Clients as operators look at them: all of them, however they came to be known, without their secrets. */
export type ListedClient = {
  client_id: string
  origin: ClientOrigin
  name: string | null
  /** Hosts that codes may be sent to, or the schemes of apps. */
  redirect_hosts: string[]
  registered_at: Date
  /** Of its live grants the newest use; a hint, written every few seconds. */
  last_used_at: Date | null
  /** Counted up to 100. */
  live_grants: number
  blocked: boolean
}

export type ShownClient = ListedClient & {
  authentication: string | null
  redirect_uris: string[]
  metadata: Record<string, unknown>
  block: Omit<ClientBlock, 'client_id'> | null
  document: DocumentState | null
  /** The newest. */
  grants: ClientAccount[]
}

const ACCOUNTS_SHOWN = 20

function redirectUris(metadata: ClientRow['metadata']): string[] {
  const uris = metadata?.redirect_uris
  return Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : []
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function listed(row: Omit<ClientRow, 'at_us'>): ListedClient {
  const { client_id, origin, metadata, registered_at, last_used_at, live_grants, blocked } = row
  const redirect_hosts = [...new Set(redirectUris(metadata).map(redirectHost))]
  const name = textOf(metadata?.client_name)
  return { client_id, origin, name, redirect_hosts, registered_at, last_used_at, live_grants, blocked }
}

/** Newest first. Throws `invalid_input` for an invalid cursor. */
export async function pageOfClients(
  { db }: { db: Knex },
  filter: ClientFilter,
  page: PageWanted,
): Promise<{ clients: ListedClient[]; next?: string }> {
  const { rows, ...more } = await pageByMoment(page, async (wanted) =>
    (await listClients(db, filter, wanted)).map((row) => ({ ...row, id: row.client_id })),
  )
  return { clients: rows.map(listed), ...more }
}

/** One client with what it says about itself, as it is stored, but for its secret. Throws `not_found`. */
export async function showClient({ db }: { db: Knex }, client_id: string): Promise<ShownClient> {
  const [row] = await listClients(db, { client_id }, { limit: 1 })
  if (!row) throw new AppError('not_found', `There is no client ${client_id}`)
  const [block, document, grants] = await Promise.all([
    findClientBlock(db, client_id),
    findDocumentState(db, client_id),
    listClientAccounts(db, client_id, ACCOUNTS_SHOWN),
  ])
  const { client_secret: _, registration_access_token: __, ...metadata } = row.metadata ?? {}
  return {
    ...listed(row),
    authentication: textOf(metadata.token_endpoint_auth_method),
    redirect_uris: redirectUris(metadata),
    metadata,
    block: block
      ? { reason: block.reason, blocked_by: block.blocked_by, blocked_at: block.blocked_at }
      : null,
    document: document ?? null,
    grants,
  }
}
