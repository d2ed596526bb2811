import type { Knex } from 'knex'
import { z } from 'zod'
import { MOMENT, microseconds, type Place, type RowsWanted } from '../storage/keyset.ts'

/** SQL of the operator's view of clients, however they came to be known: registered, added, by a document, or only blocked. */
export const CLIENT_ORIGINS = ['registration', 'operator', 'document', 'none'] as const
export type ClientOrigin = (typeof CLIENT_ORIGINS)[number]

export type ClientFilter = {
  /** How it was registered; `none`: a block alone names it. */
  origin?: ClientOrigin | undefined
  /** Part of its name, of a redirect URI or of its `client_id`, in any case of letters. */
  text?: string | undefined
  blocked?: boolean | undefined
  client_id?: string | undefined
}

export type ClientRow = {
  client_id: string
  origin: ClientOrigin
  metadata: Record<string, unknown> | null
  registered_at: Date
  at_us: string
  blocked: boolean
  live_grants: number
  last_used_at: Date | null
}

/** More grants of one client than this are not counted in lists. */
export const COUNTED_GRANTS_MAX = 100

/** By origin: where such clients are, and their columns. */
const SOURCES: Record<
  ClientOrigin,
  { origin: string; from: string; id: string; at: string; metadata: string }
> = {
  operator: {
    origin: "'operator'",
    from: "clients s where origin = 'operator'",
    id: 's.id',
    at: 's.created_at',
    metadata: 's.metadata',
  },
  registration: {
    origin: "'registration'",
    from: "clients s where origin = 'registration'",
    id: 's.id',
    at: 's.created_at',
    metadata: 's.metadata',
  },
  document: {
    origin: "'document'",
    from: 'metadata_documents s where metadata is not null',
    id: 's.client_id',
    at: 's.created_at',
    metadata: 's.metadata',
  },
  none: {
    origin: "'none'",
    from: `blocked_clients s where not exists (select from clients c where c.id = s.client_id)
             and not exists (select from metadata_documents d where d.client_id = s.client_id and d.metadata is not null)`,
    id: 's.client_id',
    at: 's.blocked_at',
    metadata: 'null::jsonb',
  },
}

function conditions(
  { id, at, metadata }: (typeof SOURCES)[ClientOrigin],
  { text, blocked, client_id }: ClientFilter,
  after: Place | undefined,
): { sql: string; bindings: Knex.RawBinding[] } {
  const parts: [sql: string, ...bindings: Knex.RawBinding[]][] = []
  if (client_id !== undefined) parts.push([`${id} = ?`, client_id])
  if (after) parts.push([`(${at}, ${id}) < (${MOMENT}, ?)`, after.at_us, after.id])
  if (blocked !== undefined)
    parts.push([`${blocked ? '' : 'not '}exists (select from blocked_clients b where b.client_id = ${id})`])
  if (text !== undefined) {
    const pattern = `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`
    const places = [id, `${metadata}->>'client_name'`, `${metadata}->>'redirect_uris'`]
    parts.push([`(${places.map((place) => `${place} ilike ?`).join(' or ')})`, pattern, pattern, pattern])
  }
  return {
    sql: parts.map(([sql]) => ` and ${sql}`).join(''),
    bindings: parts.flatMap(([, ...bindings]) => bindings),
  }
}

/** Newest first. Each source gives its newest that match, by its index; of all these the newest are the page. */
export async function listClients(
  db: Knex,
  filter: ClientFilter,
  page: RowsWanted<Place>,
): Promise<ClientRow[]> {
  const origins = filter.origin === undefined ? CLIENT_ORIGINS : [filter.origin]
  const sources = origins.map((name) => {
    const source = SOURCES[name]
    const { sql, bindings } = conditions(source, filter, page.after)
    const { origin, from, id, at, metadata } = source
    return {
      sql: `(select ${id} as client_id, ${origin} as origin, ${metadata} as metadata, ${at} as registered_at
             from ${from}${sql} order by ${at} desc, ${id} desc limit ?)`,
      bindings: [...bindings, page.limit],
    }
  })
  const { rows } = await db.raw(
    `select k.*, ${microseconds('k.registered_at')} as at_us,
            exists (select from blocked_clients b where b.client_id = k.client_id) as blocked,
            g.live_grants, g.last_used_at
     from (select * from (${sources.map(({ sql }) => sql).join(' union all ')}) known
           order by registered_at desc, client_id desc limit ?) k
     cross join lateral (
       select count(*)::int as live_grants, max(greatest(n.last_used_at, n.created_at)) as last_used_at
       from (select last_used_at, created_at from grants
             where client_id = k.client_id and expires_at > now()
             order by created_at desc limit ${COUNTED_GRANTS_MAX}) n) g
     order by k.registered_at desc, k.client_id desc`,
    [...sources.flatMap(({ bindings }) => bindings), page.limit],
  )
  return rows
}

export const clientAccount = z.object({
  grant_id: z.string(),
  account_id: z.string(),
  username: z.string(),
  created_at: z.date(),
})
export type ClientAccount = z.infer<typeof clientAccount>

/** The newest live grants to a client, with whose each is. */
export async function listClientAccounts(
  db: Knex,
  client_id: string,
  limit: number,
): Promise<ClientAccount[]> {
  return db('grants as g')
    .join('accounts as a', 'a.id', 'g.account_id')
    .where('g.client_id', client_id)
    .andWhereRaw('g.expires_at > now()')
    .orderBy('g.created_at', 'desc')
    .limit(limit)
    .select('g.id as grant_id', 'g.account_id', 'a.username', 'g.created_at')
}

export const documentState = z.object({
  fetched_at: z.date().nullable(),
  fresh_until: z.date(),
  failure: z.string().nullable(),
  refused: z.boolean(),
})
export type DocumentState = z.infer<typeof documentState>

export async function findDocumentState(db: Knex, client_id: string): Promise<DocumentState | undefined> {
  return db('metadata_documents')
    .where({ client_id })
    .first('fetched_at', 'fresh_until', 'failure', 'refused')
}
