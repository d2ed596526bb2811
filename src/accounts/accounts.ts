import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import type { AuditEvent } from '../audit/events/audit-event.ts'
import type { AuditLog } from '../audit/log/audit-log.ts'
import { recorded } from '../audit/log/recorded.ts'
import type { AuditDetail } from '../audit-chain/event-fields.ts'
import { AppError } from '../base/errors.ts'
import {
  type Account,
  findAccount,
  holdAccount,
  holdActiveWithRole,
  insertAccount,
  updateAccount,
} from './account-store.ts'
import { hashPassword, PASSWORD_MAX, PASSWORD_MIN } from './password.ts'
import { endAllSessions } from './sessions/sessions.ts'
import { USERNAME } from './username.ts'

/** Creating and changing accounts. Every change is in the audit log, or did not happen. */
export type AccountDependencies = { db: Knex; audit: AuditLog }

/** Who asks for a change, and why. */
export type ChangedBy = {
  actor: string
  /** Of a person who is signed in: some changes cannot be made to oneself. */
  account_id?: string | undefined
  reason?: string | undefined
  request_id?: string | undefined
  ip?: string | undefined
}

/** The role of those who may do everything here. */
export const OPERATOR_ROLE = 'operator'

export function assertPassword(password: string): void {
  if (password.length < PASSWORD_MIN || password.length > PASSWORD_MAX)
    throw new AppError('invalid_input', `A password has ${PASSWORD_MIN} to ${PASSWORD_MAX} characters`)
}

function eventOf(
  type: AuditEvent['type'],
  id: string,
  { actor, reason, request_id, ip }: ChangedBy,
  detail: AuditDetail,
): AuditEvent {
  const why = reason === undefined ? {} : { reason }
  return { type, actor, account_id: id, request_id, ip, detail: { ...detail, ...why } }
}

/** Creates an account; a conflict when the username is taken. */
export async function createAccount(
  { db, audit }: AccountDependencies,
  request: { username: string; password: string; roles: readonly string[] } & ChangedBy,
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
  const roles = [...new Set(request.roles)]
  return recorded(db, audit, async (trx) => {
    if (!(await insertAccount(trx, { id, username, password_hash, roles })))
      throw new AppError('conflict', `The username ${username} is taken`)
    return { result: { id, username }, events: [eventOf('account.created', id, request, { roles })] }
  })
}

export type AccountChange = {
  roles?: readonly string[] | undefined
  password?: string | undefined
  disabled?: boolean | undefined
}

/** An account by its id or username. Throws `not_found`. */
export async function accountNamed(db: Knex, name: string): Promise<Account> {
  const account = await findAccount(db, name)
  if (!account) throw new AppError('not_found', `There is no account ${name}`)
  return account
}

/**
 * Operators who are signed in must not lock everybody out. Their accounts are held in one order, so that of two who take
 * each other's role the second finds himself the last.
 */
async function assertOperatorRemains(
  trx: Knex,
  id: string,
  change: AccountChange,
  by: ChangedBy,
): Promise<void> {
  const loses = change.disabled === true || (change.roles && !change.roles.includes(OPERATOR_ROLE))
  if (by.account_id === undefined || !loses) return
  if (change.disabled === true && by.account_id === id)
    throw new AppError('conflict', 'You cannot disable your own account. Ask another operator to.')
  const operators = await holdActiveWithRole(trx, OPERATOR_ROLE)
  if (operators.length === 1 && operators[0] === id)
    throw new AppError(
      'conflict',
      'This is the last account with the role operator that is not disabled. Give the role to another account first.',
    )
}

/** What of a change is one: what is so already is left out. */
function differences(account: Account, { roles, disabled, password }: AccountChange): AccountChange {
  const same_roles = roles && [...roles].sort().join(' ') === account.roles.toSorted().join(' ')
  return {
    ...(roles && !same_roles && { roles: [...new Set(roles)] }),
    ...(disabled !== undefined && disabled !== (account.disabled_at !== null) && { disabled }),
    ...(password !== undefined && { password }),
  }
}

/**
 * Changes roles, password or whether the account may act. All of it bites on the next request anywhere. A new password
 * and being disabled end all sessions of the account. `username` may be the id. Throws `not_found`, and `conflict` for
 * what operators must not do to themselves.
 */
export async function changeAccount(
  { db, audit }: AccountDependencies,
  request: { username: string; change: AccountChange } & ChangedBy,
): Promise<Account> {
  const { id } = await accountNamed(db, request.username)
  const { password } = request.change
  if (password !== undefined) assertPassword(password)
  const password_hash = password === undefined ? undefined : await hashPassword(password)
  return recorded(db, audit, async (trx) => {
    await assertOperatorRemains(trx, id, request.change, request)
    const before = await holdAccount(trx, id)
    if (!before) throw new AppError('not_found', `There is no account ${request.username}`)
    const { roles, disabled, ...rest } = differences(before, request.change)
    const detail: AuditDetail = {
      ...(roles && { roles: [...roles] }),
      ...(disabled !== undefined && { disabled }),
      ...(rest.password !== undefined && { password: 'changed' }),
    }
    if (Object.keys(detail).length === 0) return { result: before, events: [] }
    await updateAccount(trx, id, { roles, disabled, password_hash })
    const ends = disabled === true || rest.password !== undefined
    const ended = ends ? await endAllSessions(trx, id) : undefined
    const result = (await holdAccount(trx, id)) ?? before
    return { result, events: [eventOf('account.changed', id, request, { ...detail, ...ended })] }
  })
}
