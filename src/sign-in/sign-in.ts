import type { Knex } from 'knex'
import { type Account, findByUsername } from '../accounts/account-store.ts'
import { PASSWORD_MAX, verifyPassword } from '../accounts/password.ts'
import { SCRYPT_THREADS } from '../accounts/scrypt-pool.ts'
import { confirmSignIn } from '../accounts/sessions/page-session-store.ts'
import type { SignedIn } from '../accounts/sessions/page-sessions.ts'
import { typedUsername, USERNAME } from '../accounts/username.ts'
import { type RequestOrigin, recordedBy } from '../audit/log/action-origin.ts'
import type { RecordingContext } from '../audit/log/recorded.ts'
import { UNAUTHENTICATED } from '../audit-chain/actor.ts'
import { AppError } from '../base/errors.ts'
import { FairQueue } from '../base/fair-queue.ts'
import { siteOf } from '../base/network.ts'
import {
  type Attempt,
  type Counter,
  countAttempt,
  forgetAttempts,
  giveAttemptsBack,
} from './attempt-store.ts'
import { limitsOf, WINDOW_SECONDS } from './limits.ts'

/** Checking passwords, for everybody who asks to be let in with one. */
export type SignInRequest = RequestOrigin & {
  username: string
  password: string
  client_id?: string | undefined
  /** What proved to be in use by this account before: a browser, or the session that asks. */
  browser?: string | undefined
  /** Aborted when nobody waits for the answer any more. */
  signal?: AbortSignal | undefined
}

/** `form_key` keeps what is counted from being told by the database alone. */
export type SignInDependencies = RecordingContext & { form_key: string }

/**
 * One check costs as much as thousands of other requests, and anybody may ask for it: so as many at once as there are threads
 * for it, a line with a bound, and those who are known before those who are not. An attempt counts before it is known to be
 * right, so that of one account there is one at a time: else people who sign in at the same moment would throttle each other.
 */
const line = new FairQueue({ width: SCRYPT_THREADS, waiting_max: 32, lane_max: 16, deadline_ms: 10_000 })

const TOO_MANY = 'Too many attempts to sign in. Wait 15 minutes, then try again.'

type Verdict = { account?: Account | undefined } & (
  | { outcome: 'throttled'; words: string }
  | { outcome: 'refused' }
  | { outcome: 'right'; account: Account; password_hash: string; signed_in_at_seconds: number }
)

/** Counts the attempt; undefined when that was one too many. Every instance counts in the same place. */
async function countWithin(db: Knex, ...stages: Counter[][]): Promise<Attempt[] | undefined> {
  const counted: Attempt[] = []
  for (const counters of stages) {
    if (counters.length === 0) continue
    counted.push(...(await countAttempt(db, counters, WINDOW_SECONDS)))
    if (counted.some(({ failures, max }) => failures > max)) return undefined
  }
  return counted
}

/** Looks at the password unless too many were wrong. */
async function judge(
  { db, form_key }: SignInDependencies,
  { username, password, ip, browser }: SignInRequest,
): Promise<Verdict> {
  const account = USERNAME.test(username) ? await findByUsername(db, username) : undefined
  const limits = limitsOf(form_key, { username, account_id: account?.id, ip, browser })
  const counted = await countWithin(db, limits.first, limits.last)
  if (!counted) return { outcome: 'throttled', account, words: TOO_MANY }
  const matches = await verifyPassword(password.slice(0, PASSWORD_MAX), account?.password_hash)
  // Asked again after the work of hashing, in which the password may have been changed.
  const signed_in_at_seconds = account && matches ? await confirmSignIn(db, account) : undefined
  if (!account || signed_in_at_seconds === undefined) return { outcome: 'refused', account }
  const { forget } = limits.on_success
  await forgetAttempts(db, forget)
  // Not forgotten: with one account of their own, guessers would get as many guesses at others as they like.
  await giveAttemptsBack(
    db,
    counted.filter(({ key }) => key !== forget),
  )
  const { password_hash, ...known } = account
  return { outcome: 'right', account: known, password_hash, signed_in_at_seconds }
}

/** Judges when it is this request's turn. Throws `unavailable` when too many others wait, or nobody waits for this one. */
async function judgeInTurn(dependencies: SignInDependencies, request: SignInRequest): Promise<Verdict> {
  const { username, browser, ip, signal } = request
  const lane = browser === undefined ? siteOf(ip) : `browser ${browser}`
  const place = { lane, key: username, first: browser !== undefined, signal }
  return line
    .take(place, () => judge(dependencies, request))
    .catch((error) => {
      if (error instanceof AppError && error.code === 'throttled')
        return { outcome: 'throttled', words: error.message }
      throw error
    })
}

/**
 * The account and the hash that the password fits. Throws `unauthenticated` (same words and same work whether the
 * account is unknown, disabled or the password wrong) or `throttled` after too many failures, both recorded; `unavailable` when
 * too many others sign in.
 */
export async function checkPassword(
  dependencies: SignInDependencies,
  request: SignInRequest,
): Promise<{ account: SignedIn; password_hash: string }> {
  const username = typedUsername(request.username)
  const verdict = await judgeInTurn(dependencies, { ...request, username })
  if (verdict.outcome === 'right') {
    const { account, password_hash, signed_in_at_seconds } = verdict
    return { account: { ...account, signed_in_at_seconds }, password_hash }
  }
  // What was typed is recorded only as the account it names: people type passwords into the wrong field.
  await dependencies.audit.append({
    type: 'login.failed',
    ...recordedBy({ ...request, actor: UNAUTHENTICATED }),
    account_id: verdict.account?.id,
    client_id: request.client_id,
    detail: { reason: verdict.outcome },
  })
  if (verdict.outcome === 'throttled') throw new AppError('throttled', verdict.words)
  throw new AppError('unauthenticated', 'That username and password do not match.')
}

/** Lets somebody in by a password, and records it. Throws as `checkPassword` does. */
export async function signIn(dependencies: SignInDependencies, request: SignInRequest): Promise<SignedIn> {
  const { account } = await checkPassword(dependencies, request)
  await dependencies.audit.append({
    type: 'login.succeeded',
    ...recordedBy({ ...request, actor: { kind: 'account', id: account.id } }),
    account_id: account.id,
    client_id: request.client_id,
  })
  return account
}
