import type { Knex } from 'knex'
import { z } from 'zod'
import type { ActionOrigin } from '../../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../../audit/log/recorded.ts'
import {
  browserSignIn,
  deleteAllBrowserSessions,
  endBrowserSignIn,
  endBrowserSignIns,
  listBrowserSignIns,
} from './browser-session-store.ts'
import {
  deleteAllPageSessions,
  deletePageSession,
  deletePageSessions,
  endSignInsUnderWay,
  listPageSessions,
  pageSessionView,
} from './page-session-store.ts'
import { IDLE_SECONDS } from './page-sessions.ts'

/**
 * Where a person is signed in: to the pages here, and in browsers for apps that ask for access. Ending a session leaves
 * grants alone: what apps were allowed is revoked as grants are.
 */
export const sessionsSchema = z.object({
  page_sessions: z.array(pageSessionView),
  browser_sign_ins: z.array(browserSignIn),
})
export type Sessions = z.infer<typeof sessionsSchema>

const SHOWN_MAX = 100

export async function sessionsOf(db: Knex, account_id: string): Promise<Sessions> {
  const [page_sessions, browser_sign_ins] = await Promise.all([
    listPageSessions(db, account_id, { idle_seconds: IDLE_SECONDS, limit: SHOWN_MAX }),
    listBrowserSignIns(db, account_id, SHOWN_MAX),
  ])
  return { page_sessions, browser_sign_ins }
}

/** How many sessions ended, as the audit log has it. */
export const endedSchema = z.object({ ended_page_sessions: z.int(), ended_browser_sign_ins: z.int() })
export type Ended = z.infer<typeof endedSchema>

/**
 * Within the transaction: ends every session of the account but the page session `except`, and makes sign-ins that are
 * under way open none.
 */
export async function endAllSessions(trx: Knex, account_id: string, except?: string): Promise<Ended> {
  await endSignInsUnderWay(trx, account_id)
  const kept = except === undefined ? undefined : Buffer.from(except, 'base64url')
  const ended_page_sessions = await deletePageSessions(trx, account_id, kept)
  return { ended_page_sessions, ended_browser_sign_ins: await endBrowserSignIns(trx, account_id) }
}

/** Within the transaction: ends every session of everybody, for when no server runs. How many there were. */
export async function endEverySession(trx: Knex): Promise<number> {
  return (await deleteAllPageSessions(trx)) + (await deleteAllBrowserSessions(trx))
}

/** Signs somebody out everywhere, except of the page session `except`. With nothing to end it records nothing. */
export async function signOutEverywhere(
  dependencies: RecordingContext,
  { account_id, except }: { account_id: string; except?: string | undefined },
  origin: ActionOrigin,
): Promise<Ended> {
  return recorded(dependencies, origin, async (trx, record) => {
    const ended = await endAllSessions(trx, account_id, except)
    if (ended.ended_page_sessions + ended.ended_browser_sign_ins > 0)
      record({ type: 'session.ended', account_id, detail: ended })
    return ended
  })
}

/** Ends one session of this account; of another it finds none. Ending what is over already is no error. */
export async function endSession(
  dependencies: RecordingContext,
  { account_id, kind, id }: { account_id: string; kind: 'page' | 'browser'; id: string },
  origin: ActionOrigin,
): Promise<boolean> {
  return recorded(dependencies, origin, async (trx, record) => {
    const ended =
      kind === 'page'
        ? await deletePageSession(trx, account_id, Buffer.from(id, 'base64url'))
        : await endBrowserSignIn(trx, account_id, id)
    const detail = kind === 'page' ? { ended_page_sessions: 1 } : { ended_browser_sign_ins: 1 }
    if (ended) record({ type: 'session.ended', account_id, detail })
    return ended
  })
}
