import type { Knex } from 'knex'
import { z } from 'zod'
import { byMoment, type Page, type PageWanted, pageByMoment } from '../storage/keyset.ts'

/** Tokens that open the operator API; only their SHA-256 is kept. */
export async function insertOperatorToken(
  db: Knex,
  row: {
    id: string
    token_hash: Buffer
    name: string
    scope: string
    created_by: string
    ttl_seconds: number
  },
): Promise<void> {
  await db.raw(
    `insert into operator_tokens (id, token_hash, name, scope, created_by, expires_at)
     values (?, ?, ?, ?, ?, now() + make_interval(secs => ?))`,
    [row.id, row.token_hash, row.name, row.scope, row.created_by, row.ttl_seconds],
  )
}

export async function findOperatorToken(
  db: Knex,
  token_hash: Buffer,
): Promise<{ id: string; name: string; scope: string; expires_at: Date } | undefined> {
  return db('operator_tokens')
    .where({ token_hash })
    .andWhereRaw('expires_at > now()')
    .first('id', 'name', 'scope', 'expires_at')
}

export const operatorTokenView = z.object({
  id: z.string(),
  name: z.string(),
  scope: z.string(),
  created_by: z.string().nullable(),
  created_at: z.date(),
  expires_at: z.date(),
})
export type OperatorTokenView = z.infer<typeof operatorTokenView>

/** Newest first, also those that have expired. Throws `invalid_input` for an invalid cursor. */
export function listOperatorTokens(db: Knex, page: PageWanted): Promise<Page<OperatorTokenView>> {
  const query = db('operator_tokens').select('id', 'name', 'scope', 'created_by', 'created_at', 'expires_at')
  return pageByMoment(page, (wanted) => byMoment(db, query, wanted))
}

/** Answers how many. */
export function deleteAllOperatorTokens(db: Knex): Promise<number> {
  return db('operator_tokens').delete()
}

export async function deleteOperatorToken(db: Knex, id: string): Promise<boolean> {
  return (await db('operator_tokens').where({ id }).delete()) === 1
}
