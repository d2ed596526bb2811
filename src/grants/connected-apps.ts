import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { AppError } from '../base/errors.ts'
import type { PageWanted } from '../storage/keyset.ts'
import {
  type ConnectedApp,
  deleteConnectedApp,
  findConnectedApp,
  labelConnectedApp,
  listConnectedApps,
  listLabels,
  type Own,
} from './connected-apps-store.ts'
import { grantRevoked } from './grants.ts'

/** What a person does with what they connected: one app for each installation, which is one grant. Only ever their own. */
const PAGE_APPS = 20
const LABEL_MAX = 60
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u

function gone(): AppError {
  return new AppError('not_found', 'No such app is connected to your account (any more).')
}

/** Newest first. Throws `invalid_input` for an invalid cursor. */
export async function pageOfConnectedApps(
  { db }: Pick<RecordingContext, 'db'>,
  account_id: string,
  page: Partial<PageWanted> = {},
): Promise<{ apps: ConnectedApp[]; next?: string }> {
  const { rows, ...more } = await listConnectedApps(db, account_id, { limit: PAGE_APPS, ...page })
  return { apps: rows, ...more }
}

/** What is still connected of these grants, each with its label. */
export async function labelsOf(
  { db }: Pick<RecordingContext, 'db'>,
  account_id: string,
  ids: readonly string[],
): Promise<Map<string, string | null>> {
  return new Map((await listLabels(db, account_id, ids)).map(({ id, label }) => [id, label]))
}

/** Throws `not_found` for what is not this account's as for what is not at all. */
export async function showConnectedApp(
  { db }: Pick<RecordingContext, 'db'>,
  own: Own,
): Promise<ConnectedApp> {
  const app = await findConnectedApp(db, own)
  if (!app) throw gone()
  return app
}

/**
 * Gives this installation a name of the person's own, or with none takes it away. It is not recorded: it changes nothing
 * of what the app may do. Throws `invalid_input` and `not_found`.
 */
export async function renameConnectedApp(
  { db }: Pick<RecordingContext, 'db'>,
  own: Own,
  label: string | undefined,
): Promise<void> {
  const name = label?.trim() || undefined
  if (name !== undefined && (name.length > LABEL_MAX || UNSAFE.test(name)))
    throw new AppError(
      'invalid_input',
      `A name has at most ${LABEL_MAX} characters, and none that cannot be seen.`,
    )
  if (!(await labelConnectedApp(db, own, name))) throw gone()
}

/** Ends it with all its tokens; the next call is refused. Revoking what is gone is no error: nothing was revoked. */
export async function revokeConnectedApp(
  dependencies: RecordingContext,
  own: Own,
  origin: ActionOrigin,
): Promise<{ revoked: string[] }> {
  return recorded(dependencies, origin, async (trx, record) => {
    const revoked = await deleteConnectedApp(trx, own)
    if (!revoked) return { revoked: [] }
    record(grantRevoked(revoked))
    return { revoked: [revoked.id] }
  })
}
