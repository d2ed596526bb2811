import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import type { RecordingContext } from '../audit/log/recorded.ts'
import { pageEvents } from '../audit/query/audit-store.ts'
import { AppError } from '../base/errors.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import type { PageWanted } from '../storage/keyset.ts'
import {
  type Account,
  type AccountFilter,
  accountSchema,
  countLiveGrants,
  listAccounts,
  usernames,
} from './account-store.ts'
import { accountNamed, changeAccount, createAccount } from './accounts.ts'
import { type Ended, sessionsOf, sessionsSchema, signOutEverywhere } from './sessions/sessions.ts'

/** What operators do with accounts, however they ask. An account is named by its id or its username. */
export type ManagementDependencies = RecordingContext & { catalogues: CatalogueCache }

const PAGE_ROWS = 50

/** By username. Throws `invalid_input` for an invalid cursor. */
export async function pageOfAccounts(
  { db }: Pick<ManagementDependencies, 'db'>,
  filter: AccountFilter,
  page: Partial<PageWanted> = {},
): Promise<{ accounts: Account[]; next?: string }> {
  const { rows, ...more } = await usernames.page({ limit: PAGE_ROWS, ...page }, (wanted) =>
    listAccounts(db, filter, wanted),
  )
  return { accounts: rows, ...more }
}

/** Every name that an account may have as a role: those of the catalogue in force and the built-in ones. */
export async function knownRoles({ db, catalogues }: ManagementDependencies): Promise<string[]> {
  const roles = (await catalogues.roles(db)).map(({ name }) => name)
  return [...new Set(roles)].sort()
}

async function assertKnownRoles(context: ManagementDependencies, roles: readonly string[]): Promise<void> {
  const known = await knownRoles(context)
  const unknown = roles.filter((role) => !known.includes(role))
  if (unknown.length === 0) return
  const told = unknown.slice(0, 5).map((role) => JSON.stringify(role.slice(0, 64)))
  throw new AppError('invalid_input', `There is no role ${told.join(', ')}; there are: ${known.join(', ')}`)
}

const GRANTS_COUNTED_MAX = 1_000

export const accountView = accountSchema.extend({
  ...sessionsSchema.shape,
  live_grants: z.int().describe('Counted up to 1,000'),
  more_grants: z.boolean(),
  last_signed_in_at: z.date().nullable(),
})
export type AccountView = z.infer<typeof accountView>

/** One account with what is live of it. Throws `not_found`. */
export async function showAccount({ db }: ManagementDependencies, name: string): Promise<AccountView> {
  const account = await accountNamed(db, name)
  const { id } = account
  const [sessions, counted, signed_in] = await Promise.all([
    sessionsOf(db, id),
    countLiveGrants(db, id, GRANTS_COUNTED_MAX + 1),
    pageEvents(db, { account_id: id, type: 'login.succeeded' }, 1),
  ])
  return {
    ...account,
    ...sessions,
    live_grants: Math.min(counted, GRANTS_COUNTED_MAX),
    more_grants: counted > GRANTS_COUNTED_MAX,
    last_signed_in_at: signed_in.events[0]?.occurred_at ?? null,
  }
}

/** A password to be shown once, when none was chosen. */
function choose(password: string | undefined): { password: string; shown: { password?: string } } {
  if (password !== undefined) return { password, shown: {} }
  const made = randomBytes(15).toString('base64url')
  return { password: made, shown: { password: made } }
}

/** Makes an account. `password` is in the answer when it was made here; it is not shown again. */
export async function addAccount(
  context: ManagementDependencies,
  request: { username: string; password?: string | undefined; roles: readonly string[] },
  origin: ActionOrigin,
): Promise<{ id: string; username: string; password?: string }> {
  await assertKnownRoles(context, request.roles)
  const { password, shown } = choose(request.password)
  return { ...(await createAccount(context, { ...request, password }, origin)), ...shown }
}

/** Replaces the roles. Throws `invalid_input` with the known ones when one is unknown. */
export async function setRoles(
  context: ManagementDependencies,
  name: string,
  roles: readonly string[],
  origin: ActionOrigin,
): Promise<Account> {
  await assertKnownRoles(context, roles)
  return changeAccount(context, name, { roles }, origin)
}

/** Replaces the password and ends all sessions. `password` is in the answer when it was made here. */
export async function resetPassword(
  context: ManagementDependencies,
  name: string,
  wanted: string | undefined,
  origin: ActionOrigin,
): Promise<{ id: string; username: string; password?: string }> {
  const { password, shown } = choose(wanted)
  const { id, username } = await changeAccount(context, name, { password }, origin)
  return { id, username, ...shown }
}

/** Ends all sessions of the account; its grants stay. */
export async function signOutAccount(
  context: ManagementDependencies,
  name: string,
  origin: ActionOrigin,
): Promise<Ended> {
  const { id } = await accountNamed(context.db, name)
  return signOutEverywhere(context, { account_id: id }, origin)
}
