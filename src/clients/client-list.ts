import type { Knex } from 'knex'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { type PageWanted, pageByMoment } from '../storage/keyset.ts'
import { findClientBlock } from './client-block-store.ts'
import {
  CLIENT_ORIGINS,
  type ClientFilter,
  type ClientRow,
  clientAccount,
  documentState,
  findDocumentState,
  listClientAccounts,
  listClients,
} from './client-list-store.ts'
import { receiverNames } from './registration/receiver.ts'

/** Clients as operators look at them: all of them, however they came to be known, without their secrets. */
export const listedClient = z.object({
  client_id: z.string(),
  origin: z
    .enum(CLIENT_ORIGINS)
    .describe(
      'It registered itself, an operator added it, it has a metadata document, or only a block names it',
    ),
  name: z.string().nullable(),
  receivers: z.array(z.string()).describe('Where codes may be sent, or the schemes of apps'),
  registered_at: z.date(),
  last_used_at: z.date().nullable().describe('Of its live grants the newest use, to a few seconds'),
  live_grants: z.int().describe('Counted up to 100'),
  blocked: z.boolean(),
})
export type ListedClient = z.infer<typeof listedClient>

export const shownClient = listedClient.extend({
  authentication: z.string().nullable(),
  redirect_uris: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()).describe('As it is stored, without secrets'),
  block: z.object({ reason: z.string(), blocked_by: z.string(), blocked_at: z.date() }).nullable(),
  document: documentState
    .nullable()
    .describe('Of a client with a metadata document: the copy here, and what came of asking last'),
  grants: z.array(clientAccount).describe('The newest 20'),
})
export type ShownClient = z.infer<typeof shownClient>

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
  const receivers = receiverNames(redirectUris(metadata))
  const name = textOf(metadata?.client_name)
  return { client_id, origin, name, receivers, registered_at, last_used_at, live_grants, blocked }
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
