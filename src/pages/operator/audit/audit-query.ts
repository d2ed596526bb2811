import type { Knex } from 'knex'
import type { AuditFilter } from '../../../audit/query/audit-filter.ts'
import { findAccountName } from '../../../audit/story/story-store.ts'

/** The filters of the audit pages, as people and links write them. */
type Query = Record<string, string | string[]>

/** People know accounts by their usernames, the log by their ids. */
export async function withAccountId(db: Knex, query: Query): Promise<Query> {
  const { account_id } = query
  if (typeof account_id !== 'string' || account_id.includes('\0')) return query
  const account = await findAccountName(db, account_id)
  return account ? { ...query, account_id: account.id } : query
}

/** For the browser's own field of a time, which has no offset: all times here are UTC. */
export function timeField(time: Date | undefined): string {
  return time ? time.toISOString().slice(0, 23) : ''
}

type Parameters = AuditFilter & { after?: string | undefined; format?: string; limit?: number }

/** `?name=value…` of what is given. */
export function queryText(parameters: Parameters): string {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [[name, value instanceof Date ? value.toISOString() : String(value)] as [string, string]],
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
