import type { Knex } from 'knex'
import type { RecordingContext } from '../../audit/log/recorded.ts'
import { sha256 } from '../../base/digest.ts'
import { AppError } from '../../base/errors.ts'
import { generateSecret } from '../../clients/client-secret.ts'
import type { Account } from '../account-store.ts'
import {
  type FoundSession,
  findPageSession,
  insertPageSession,
  lookAtPageSession,
} from './page-session-store.ts'

/** Being signed in to the pages: a random value in a cookie, whose SHA-256 is kept. */

/** `id` is the SHA-256 in base64url; it names the session and opens nothing. */
export type PageSession = FoundSession & { id: string }

/** Who has just signed in, for whom a session is opened. */
export type SignedIn = Account & {
  /** Seconds since 1970, by the database's clock; what is older than the account's sessions opens none. */
  signed_in_at_seconds: number
}

const HOUR_SECONDS = 3_600
export const SESSION_TTL_SECONDS = 12 * HOUR_SECONDS
export const IDLE_SECONDS = 2 * HOUR_SECONDS
const VALUE = /^[A-Za-z0-9_-]{43}$/
const USER_AGENT_MAX = 256

/**
 * Opens a session for somebody who just signed in. Answers the value for the cookie; it is not kept. Throws
 * `unauthenticated` when the account was disabled or signed out everywhere meanwhile.
 */
export async function openPageSession(
  { db }: RecordingContext,
  account: Pick<SignedIn, 'id' | 'signed_in_at_seconds'>,
  browser: { ip: string | undefined; user_agent: string },
): Promise<string> {
  const value = generateSecret()
  const opened = await insertPageSession(db, sha256(value), {
    account_id: account.id,
    ip: browser.ip,
    user_agent: browser.user_agent.slice(0, USER_AGENT_MAX) || undefined,
    signed_in_at_seconds: account.signed_in_at_seconds,
    ttl_seconds: SESSION_TTL_SECONDS,
  })
  if (!opened) throw new AppError('unauthenticated', 'You were signed out meanwhile. Sign in again.')
  return value
}

/** The session that a cookie's value opens now; a value of the wrong shape costs no query. */
export async function currentPageSession(
  db: Knex,
  value: string | undefined,
): Promise<PageSession | undefined> {
  if (value === undefined || !VALUE.test(value)) return undefined
  const id = sha256(value)
  const found = await findPageSession(db, id, IDLE_SECONDS)
  return found && { ...found, id: id.toString('base64url') }
}

/**
 * A session that opened an answer which is still under way, as it is now; undefined when it ended. That a page is open
 * is no sign of somebody who sits before it, so this does not keep the session from becoming idle.
 */
export function reviewPageSession(
  db: Knex,
  { id }: Pick<PageSession, 'id'>,
): Promise<FoundSession | undefined> {
  return lookAtPageSession(db, Buffer.from(id, 'base64url'), IDLE_SECONDS)
}
