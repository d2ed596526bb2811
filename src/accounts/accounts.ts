import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { recorded } from '../audit/recorded.ts'
import { AppError } from '../errors.ts'
import {
  type Account,
  countAttempt,
  findByUsername,
  forgetAttempts,
  insertAccount,
  updateAccount,
} from './account-store.ts'
import { hashPassword, PASSWORD_MAX, PASSWORD_MIN, verifyPassword } from './password.ts'

/** Creating accounts, changing them, and signing in. Every outcome is in the audit log before it is told. */
export type AccountDependencies = { db: Knex; audit: AuditLog }

const USERNAME = /^[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?$/

const WINDOW_SECONDS = 15 * 60
const FAILURES_PER_ACCOUNT = 10
const FAILURES_PER_ADDRESS = 100

function assertPassword(password: string): void {
  if (password.length < PASSWORD_MIN || password.length > PASSWORD_MAX)
    throw new AppError('invalid_input', `A password has ${PASSWORD_MIN} to ${PASSWORD_MAX} characters`)
}

/** Creates an account; a conflict when the username is taken. */
export async function createAccount(
  { db, audit }: AccountDependencies,
  request: { username: string; password: string; roles: readonly string[]; actor: string },
): Promise<{ id: string; username: string }> {
  const username = request.username.toLowerCase()
  if (!USERNAME.test(username))
    throw new AppError(
      'invalid_input',
      'A username has 1 to 64 letters, digits or . _ @ + - and ends with a letter or digit',
    )
  assertPassword(request.password)
  const id = `usr_${randomBytes(12).toString('base64url')}`
  const password_hash = await hashPassword(request.password)
  const event: AuditEvent = {
    type: 'account.created',
    actor: request.actor,
    account_id: id,
    detail: { roles: [...request.roles] },
  }
  return recorded(db, audit, async (trx) => {
    if (!(await insertAccount(trx, { id, username, password_hash, roles: request.roles })))
      throw new AppError('conflict', `The username ${username} is taken`)
    return { result: { id, username }, events: [event] }
  })
}

export type AccountChange = { roles?: readonly string[]; password?: string; disabled?: boolean }

/** Changes roles, password or whether the account may act. All of it bites on the next request anywhere. */
export async function changeAccount(
  { db, audit }: AccountDependencies,
  request: { username: string; change: AccountChange; actor: string },
): Promise<Account> {
  const account = await findByUsername(db, request.username.toLowerCase())
  if (!account) throw new AppError('not_found', `There is no account ${request.username}`)
  const { password, ...rest } = request.change
  if (password !== undefined) assertPassword(password)
  const password_hash = password === undefined ? {} : { password_hash: await hashPassword(password) }
  const detail = {
    ...(rest.roles === undefined ? {} : { roles: [...rest.roles] }),
    ...(rest.disabled === undefined ? {} : { disabled: rest.disabled }),
    ...(password === undefined ? {} : { password: 'changed' }),
  }
  return recorded(db, audit, async (trx) => {
    await updateAccount(trx, account.id, { ...rest, ...password_hash })
    const result = { ...account, ...(rest.roles === undefined ? {} : { roles: [...rest.roles] }) }
    return {
      result,
      events: [{ type: 'account.changed', actor: request.actor, account_id: account.id, detail }],
    }
  })
}

export type SignInRequest = {
  username: string
  password: string
  ip: string | undefined
  request_id: string
  client_id?: string | undefined
}

/**
 * Checks a password. Returns the account, or throws `unauthenticated` (same words and same work whether the
 * account is unknown, disabled or the password wrong) or `throttled` after too many failures.
 */
export async function signIn({ db, audit }: AccountDependencies, request: SignInRequest): Promise<Account> {
  const username = request.username.toLowerCase().slice(0, 64)
  const account_key = `account ${username}`
  const base = { request_id: request.request_id, ip: request.ip, client_id: request.client_id }
  const [of_account = 0, of_address = 0] = await countAttempt(
    db,
    [account_key, `address ${request.ip ?? 'unknown'}`],
    WINDOW_SECONDS,
  )
  const account = USERNAME.test(username) ? await findByUsername(db, username) : undefined
  // What was typed is recorded only as the account it names: people type passwords into the wrong field.
  const failed = (reason: string) =>
    audit.append({
      type: 'login.failed',
      actor: 'anonymous',
      account_id: account?.id,
      ...base,
      detail: { reason },
    })
  if (of_account > FAILURES_PER_ACCOUNT || of_address > FAILURES_PER_ADDRESS) {
    await failed('throttled')
    throw new AppError('throttled', 'Too many attempts to sign in. Wait 15 minutes, then try again.')
  }
  const matches = await verifyPassword(request.password.slice(0, PASSWORD_MAX), account?.password_hash)
  if (!account || !matches || account.disabled_at) {
    await failed('refused')
    throw new AppError('unauthenticated', 'That username and password do not match.')
  }
  await forgetAttempts(db, account_key)
  await audit.append({ type: 'login.succeeded', actor: account.id, account_id: account.id, ...base })
  return account
}
