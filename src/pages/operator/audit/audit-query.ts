import type { ParsedUrlQuery } from 'node:querystring'
import type { Knex } from 'knex'
import type { AuditFilter } from '../../../audit/query/audit-filter.ts'
import { findAccountName } from '../../../audit/story/story-store.ts'

/** The filters of the audit pages, as people and links write them. */
type Query = Record<string, string | string[]>

const LOCAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/
const MINUTES_LENGTH = '2026-07-28T09:30'.length
const TIMES = new Set(['from', 'to'])

/** What was filled in. The browser's own field for a time writes no offset; all times here are UTC. */
export function filledIn(query: ParsedUrlQuery): Query {
  const filled: Query = {}
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue
    const is_local = TIMES.has(name) && typeof value === 'string' && LOCAL_TIME.test(value)
    filled[name] = is_local ? `${value.length === MINUTES_LENGTH ? `${value}:00` : value}Z` : value
  }
  return filled
}

/** People know accounts by their usernames, the log by their ids. */
export async function withAccountId(db: Knex, query: Query): Promise<Query> {
  const { account_id } = query
  if (typeof account_id !== 'string' || account_id.includes('\0')) return query
  const account = await findAccountName(db, account_id)
  return account ? { ...query, account_id: account.id } : query
}

/** For the field of a time, in UTC. */
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
