import { replacePassword } from '../accounts/account-store.ts'
import { assertPassword } from '../accounts/accounts.ts'
import { hashPassword } from '../accounts/password.ts'
import { endAllSessions } from '../accounts/sessions/sessions.ts'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { recorded } from '../audit/log/recorded.ts'
import { AppError } from '../base/errors.ts'
import { checkPassword, type SignInDependencies } from './sign-in.ts'

export type OwnPasswordChange = {
  account_id: string
  username: string
  /** The page session in which it is asked for; the only one that stays. */
  session_id: string
  current: string
  wanted: string
}

/**
 * Changes the password of whoever knows it; all other sessions end. Guesses count against this session, so that no stranger
 * uses them up. Throws
 * `invalid_input`, `forbidden` when `current` is wrong, `throttled`, and `conflict` when it was changed meanwhile.
 */
export async function changeOwnPassword(
  dependencies: SignInDependencies,
  { account_id, username, session_id, current, wanted }: OwnPasswordChange,
  origin: ActionOrigin,
): Promise<void> {
  assertPassword(wanted)
  if (wanted === current) throw new AppError('invalid_input', 'The new password is the one you have.')
  const attempt = { ...origin, username, password: current, browser: `session ${session_id}` }
  const { password_hash: checked_hash } = await checkPassword(dependencies, attempt).catch((error) => {
    if (error instanceof AppError && error.code === 'unauthenticated')
      throw new AppError('forbidden', 'Your current password is another. Nothing was changed.')
    throw error
  })
  const password_hash = await hashPassword(wanted)
  await recorded(dependencies, origin, async (trx, record) => {
    if (!(await replacePassword(trx, account_id, { checked_hash, password_hash })))
      throw new AppError('conflict', 'Your password was changed elsewhere meanwhile. Sign in again.')
    const ended = await endAllSessions(trx, account_id, session_id)
    record({ type: 'account.changed', account_id, detail: { password: 'changed', ...ended } })
  })
}
