import type { Knex } from 'knex'
import { type Account, findByUsername } from '../accounts/account-store.ts'
import { PASSWORD_MAX, verifyPassword } from '../accounts/password.ts'
import { confirmSignIn } from '../accounts/sessions/page-session-store.ts'
import type { SignedIn } from '../accounts/sessions/page-sessions.ts'
import { USERNAME } from '../accounts/username.ts'
import { type RequestOrigin, recordedBy } from '../audit/log/action-origin.ts'
import type { RecordingContext } from '../audit/log/recorded.ts'
import { UNAUTHENTICATED } from '../audit-chain/actor.ts'
import { AppError } from '../base/errors.ts'
import { countAttempt, forgetAttempts, giveAttemptBack } from './attempt-store.ts'
import { Turns } from './turns.ts'

/** Checking passwords, for everybody who asks to be let in with one. */
export type SignInRequest = RequestOrigin & {
  username: string
  password: string
  client_id?: string | undefined
}

const WINDOW_SECONDS = 15 * 60
const FAILURES_PER_ACCOUNT = 10
const FAILURES_PER_ADDRESS = 100

/**
 * An attempt counts before it is known to be right, so those under way must be few: else people who sign in at the same
 * moment would throttle each other. More at once would not be faster either, because hashing has four threads.
 */
const turns = new Turns({ width: 8, waiting_max: 50 })

type Verdict = { account: Account | undefined } & (
  | { outcome: 'throttled' | 'refused' }
  | { outcome: 'right'; account: Account; password_hash: string; signed_in_at_seconds: number }
)

/** Looks at the password unless too many were wrong; every instance counts in the same place. */
async function judge(db: Knex, { username, password, ip }: SignInRequest): Promise<Verdict> {
  const [account_key, address_key] = [`account ${username}`, `address ${ip ?? 'unknown'}`]
  const [of_account, of_address] = await countAttempt(db, [account_key, address_key], WINDOW_SECONDS)
  const account = USERNAME.test(username) ? await findByUsername(db, username) : undefined
  if (!of_account || !of_address) throw new Error('an attempt was not counted')
  if (of_account.failures > FAILURES_PER_ACCOUNT || of_address.failures > FAILURES_PER_ADDRESS)
    return { outcome: 'throttled', account }
  const matches = await verifyPassword(password.slice(0, PASSWORD_MAX), account?.password_hash)
  // Asked again after the work of hashing, in which the password may have been changed.
  const signed_in_at_seconds = account && matches ? await confirmSignIn(db, account) : undefined
  if (!account || signed_in_at_seconds === undefined) return { outcome: 'refused', account }
  await forgetAttempts(db, account_key)
  // Not forgotten: with one account of their own, guessers would get as many guesses at others as they like.
  await giveAttemptBack(db, address_key, of_address)
  const { password_hash, ...known } = account
  return { outcome: 'right', account: known, password_hash, signed_in_at_seconds }
}

/**
 * The account and the hash that the password fits. Throws `unauthenticated` (same words and same work whether the
 * account is unknown, disabled or the password wrong) or `throttled` after too many failures, both recorded.
 */
export async function checkPassword(
  { db, audit }: RecordingContext,
  request: SignInRequest,
): Promise<{ account: SignedIn; password_hash: string }> {
  const username = request.username.toLowerCase().slice(0, 64)
  const turned_away: Verdict = { outcome: 'throttled', account: undefined }
  const verdict = (await turns.take(username, () => judge(db, { ...request, username }))) ?? turned_away
  if (verdict.outcome === 'right') {
    const { account, password_hash, signed_in_at_seconds } = verdict
    return { account: { ...account, signed_in_at_seconds }, password_hash }
  }
  // What was typed is recorded only as the account it names: people type passwords into the wrong field.
  await audit.append({
    type: 'login.failed',
    ...recordedBy({ ...request, actor: UNAUTHENTICATED }),
    account_id: verdict.account?.id,
    client_id: request.client_id,
    detail: { reason: verdict.outcome },
  })
  if (verdict.outcome === 'throttled')
    throw new AppError('throttled', 'Too many attempts to sign in. Wait 15 minutes, then try again.')
  throw new AppError('unauthenticated', 'That username and password do not match.')
}

/** Lets somebody in by a password, and records it. Throws as `checkPassword` does. */
export async function signIn(dependencies: RecordingContext, request: SignInRequest): Promise<SignedIn> {
  const { account } = await checkPassword(dependencies, request)
  await dependencies.audit.append({
    type: 'login.succeeded',
    ...recordedBy({ ...request, actor: { kind: 'account', id: account.id } }),
    account_id: account.id,
    client_id: request.client_id,
  })
  return account
}
