import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { eventOfRow, inPeriod, type StoredRow } from '../query/audit-store.ts'
import { pastPlace, RARE } from '../query/search-path-store.ts'

/**
 * SQL of stories. Rare events are found by the ids in them; tool calls by their account within a span of time, because
 * an index by grant over every call would cost each of them.
 */
const TABLE = 'audit_events'
const IN_ORDER = ['occurred_at', 'writer_id', 'seq']

export type Span = { from?: Date | undefined; to?: Date | undefined }

export type AccountName = { id: string; username: string }

/** The account of this id or username. */
export async function findAccountName(db: Knex, name: string): Promise<AccountName | undefined> {
  return db('accounts')
    .where((either) => either.where('id', name).orWhere('username', name.toLowerCase()))
    .first('id', 'username')
}

/** The usernames of those of these accounts that exist. */
export async function accountNames(db: Knex, ids: readonly string[]): Promise<Map<string, string>> {
  const found: AccountName[] = await db('accounts').whereIn('id', ids).select('id', 'username')
  return new Map(found.map(({ id, username }) => [id, username]))
}

/** The first event about an access or refresh token, by the SHA-256 that names it; undefined when there is none. */
export async function findTokenEvent(db: Knex, token_id: string): Promise<AuditRow | undefined> {
  const rows: StoredRow[] = await db(TABLE)
    .where((either) =>
      either
        .whereRaw(`${RARE} and token_id = ?`, [token_id])
        .orWhereRaw("type in ('token.issued', 'token.refreshed') and detail->>'refresh_token_id' = ?", [
          token_id,
        ]),
    )
    .orderBy(IN_ORDER)
    .limit(1)
  return rows.map(eventOfRow)[0]
}

/** Whether anything but calls is recorded of a grant, and from when to when. */
export async function findGrantLife(
  db: Knex,
  grant_id: string,
): Promise<{ first: AuditRow; last: AuditRow } | undefined> {
  const end = (direction: 'asc' | 'desc') =>
    db<StoredRow>(TABLE)
      .where({ grant_id })
      .whereRaw(RARE)
      .orderBy(IN_ORDER.map((column) => ({ column, order: direction })))
      .first()
  const [first, last]: (StoredRow | undefined)[] = await Promise.all([end('asc'), end('desc')])
  return first && last && { first: eventOfRow(first), last: eventOfRow(last) }
}

type Selection = (query: Knex.QueryBuilder) => unknown

const PAGE_ROWS = 2_000

/** Row by row, oldest first, in statements of bounded size; what a selection narrows must be in an index with the time. */
async function* inOrder(db: Knex, select: Selection, span: Span): AsyncGenerator<AuditRow> {
  let after: AuditRow | undefined
  do {
    const query = db<StoredRow>(TABLE).orderBy(IN_ORDER).limit(PAGE_ROWS)
    select(query)
    const rows: StoredRow[] = await pastPlace(inPeriod(query, span), 'asc', after)
    const events = rows.map(eventOfRow)
    yield* events
    after = events.length < PAGE_ROWS ? undefined : events.at(-1)
  } while (after)
}

/** Everything of a grant but its calls. */
export function readGrantEvents(db: Knex, grant_id: string, span: Span): AsyncGenerator<AuditRow> {
  return inOrder(db, (query) => query.where({ grant_id }).whereRaw(RARE), span)
}

/** Everything of an account, calls included. */
export function readAccountEvents(db: Knex, account_id: string, span: Span): AsyncGenerator<AuditRow> {
  return inOrder(db, (query) => query.where({ account_id }), span)
}

/** What was asked about tokens that nobody has: such rows name no account. */
export function readUnknownTokenEvents(db: Knex, span: Span): AsyncGenerator<AuditRow> {
  return inOrder(db, (query) => query.whereNull('account_id').where({ type: 'token.introspected' }), span)
}

/** The sign-ins of an attempt to connect, which know no grant yet. */
export function readSignIns(db: Knex, request_id: string, span: Span): AsyncGenerator<AuditRow> {
  return inOrder(db, (query) => query.where({ request_id }).whereRaw(`${RARE} and type like 'login.%'`), span)
}

/** The names that clients have now, or had when they registered. */
export async function clientNames(db: Knex, client_ids: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await db.raw(
    `select asked.id, coalesce(c.metadata->>'client_name', d.metadata->>'client_name', registered.name,
                               case asked.id when 'personal-access-token' then 'Personal access token' end) as name
     from unnest(?::text[]) as asked(id)
     left join clients c on c.id = asked.id
     left join metadata_documents d on d.client_id = asked.id
     left join lateral (
       select e.detail->>'client_name' as name from audit_events e
       where e.client_id = asked.id and e.${RARE} and e.type = 'client.registered'
       order by e.occurred_at desc limit 1) registered on true`,
    [[...client_ids]],
  )
  const named: { id: string; name: string | null }[] = rows
  return new Map(named.flatMap(({ id, name }) => (name ? [[id, name]] : [])))
}
