import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
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

/** The role of those who may do everything here. */
export const OPERATOR_ROLE = 'operator'

export function assertPassword(password: string): void {
  if (password.length < PASSWORD_MIN || password.length > PASSWORD_MAX)
    throw new AppError('invalid_input', `A password has ${PASSWORD_MIN} to ${PASSWORD_MAX} characters`)
}

/** Creates an account; a conflict when the username is taken. */
export async function createAccount(
  dependencies: RecordingContext,
  request: { username: string; password: string; roles: readonly string[] },
  origin: ActionOrigin,
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
  return recorded(dependencies, origin, async (trx, record) => {
    if (!(await insertAccount(trx, { id, username, password_hash, roles })))
      throw new AppError('conflict', `The username ${username} is taken`)
    record({ type: 'account.created', account_id: id, detail: { roles } })
    return { id, username }
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
  { actor }: ActionOrigin,
): Promise<void> {
  const loses = change.disabled === true || (change.roles && !change.roles.includes(OPERATOR_ROLE))
  if (actor.kind !== 'account' || !loses) return
  if (change.disabled === true && actor.id === id)
    throw new AppError('conflict', 'You cannot disable your own account. Ask another operator to.')
  const operators = await holdActiveWithRole(trx, OPERATOR_ROLE)
  if (operators.length === 1 && operators[0] === id)
    throw new AppError(
      'conflict',
      'This is the last account with the role operator that is not disabled. Give the role to another account first.',
    )
}

/** What of roles and access is a change: what is so already is left out. */
function differences(account: Account, { roles, disabled }: AccountChange): AccountChange {
  const same_roles = roles && [...roles].sort().join(' ') === account.roles.toSorted().join(' ')
  return {
    ...(roles && !same_roles && { roles: [...new Set(roles)] }),
    ...(disabled !== undefined && disabled !== (account.disabled_at !== null) && { disabled }),
  }
}

/**
 * Changes roles, password or whether the account may act. All of it bites on the next request anywhere. A new password
 * and being disabled end all sessions of the account. `username` may be the id. Throws `not_found`, and `conflict` for
 * what operators must not do to themselves.
 */
export async function changeAccount(
  dependencies: RecordingContext,
  username: string,
  change: AccountChange,
  origin: ActionOrigin,
): Promise<Account> {
  const { id } = await accountNamed(dependencies.db, username)
  const { password } = change
  if (password !== undefined) assertPassword(password)
  const password_hash = password === undefined ? undefined : await hashPassword(password)
  return recorded(dependencies, origin, async (trx, record) => {
    await assertOperatorRemains(trx, id, change, origin)
    const before = await holdAccount(trx, id)
    if (!before) throw new AppError('not_found', `There is no account ${username}`)
    const { roles, disabled } = differences(before, change)
    if (roles === undefined && disabled === undefined && password === undefined) return before
    await updateAccount(trx, id, { roles, disabled, password_hash })
    const ends = disabled === true || password !== undefined
    const ended = ends ? await endAllSessions(trx, id) : undefined
    const changed = password === undefined ? undefined : 'changed'
    record({
      type: 'account.changed',
      account_id: id,
      detail: { roles, disabled, password: changed, ...ended },
    })
    return (await holdAccount(trx, id)) ?? before
  })
}
