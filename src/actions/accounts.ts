import { z } from 'zod'
import {
  accountView,
  addAccount,
  pageOfAccounts,
  resetPassword,
  setRoles,
  showAccount,
  signOutAccount,
} from '../accounts/account-management.ts'
import { accountSchema } from '../accounts/account-store.ts'
import { changeAccount } from '../accounts/accounts.ts'
import { endedSchema } from '../accounts/sessions/sessions.ts'
import { heldAgainst, heldSchema, unlockAccount } from '../sign-in/unlock.ts'
import { defineAction } from './action.ts'
import { cursor, limit, text, why } from './fields.ts'

const named = { id: text.describe('The id of an account, or its username') }
const roles = z.array(text).max(100).describe('Names of roles: of the catalogue, operator, auditor')
const password = text.optional().describe('12 to 256 characters; without it one is made and shown once')
const with_password = z.object({ id: z.string(), username: z.string(), password: z.string().optional() })

/** A password is never typed on a command line, which others on the machine can read. */
const from_stdin = {
  options: { password: '--password-stdin' },
  read: { password: 'standard input' },
} as const

function passwordLines(password: string | undefined): string[] {
  return password === undefined ? [] : [`Password: ${password}`, 'Keep it now: it is not shown again.']
}

export const listAccounts = defineAction({
  name: 'list_accounts',
  scope: 'operator:read',
  summary: 'Lists the accounts of people by username.',
  method: 'get',
  path: '/accounts',
  command: 'accounts list',
  cli: { columns: 'id username roles created_at disabled_at' },
  page: '/operator/accounts',
  input: z.strictObject({
    username: text.optional().describe('What the username begins with'),
    role: text.optional().describe('A role that the account has'),
    disabled: z.enum(['true', 'false']).optional().describe('Whether the account is disabled'),
    limit,
    after: cursor.optional(),
  }),
  output: z.object({ accounts: z.array(accountSchema), next: z.string().optional() }),
  run: (context, { limit, after, disabled, ...filter }) => {
    const only = disabled === undefined ? undefined : disabled === 'true'
    return pageOfAccounts(context, { ...filter, disabled: only }, { limit, after })
  },
})

export const showOneAccount = defineAction({
  name: 'show_account',
  scope: 'operator:read',
  summary:
    'Shows one account: roles, live grants, where the person is signed in, and which limits of failed sign-ins are reached.',
  method: 'get',
  path: '/accounts/{id}',
  command: 'accounts show',
  page: '/operator/accounts/:id',
  input: z.strictObject(named),
  output: accountView.extend({ failed_sign_ins: heldSchema }),
  async run(context, { id }) {
    const account = await showAccount(context, id)
    return { ...account, failed_sign_ins: await heldAgainst(context, account.id) }
  },
})

export const createOneAccount = defineAction({
  name: 'create_account',
  scope: 'operator:admin',
  summary: 'Makes an account for a person.',
  method: 'post',
  created: true,
  path: '/accounts',
  command: 'accounts create',
  cli: {
    arguments: ['username'],
    options: { roles: '--role', ...from_stdin.options },
    read: from_stdin.read,
    lines: ({ id, username, password }) => [`Created ${username} (${id}).`, ...passwordLines(password)],
  },
  page: '/operator/accounts',
  input: z.strictObject({
    username: text.describe('What the person signs in as'),
    roles: roles.default([]),
    password,
    ...why,
  }),
  output: with_password,
  run: (context, input, caller) => addAccount(context, input, caller),
})

export const disableOneAccount = defineAction({
  name: 'disable_account',
  scope: 'operator:admin',
  summary: 'Disables an account: it is signed out, cannot sign in, and its tokens answer inactive.',
  method: 'post',
  path: '/accounts/{id}/disable',
  command: 'accounts disable',
  cli: { lines: ({ username }) => [`${username} is disabled. This takes effect on the next request.`] },
  page: '/operator/accounts/:id/disable',
  input: z.strictObject({ ...named, ...why }),
  output: accountSchema,
  run: (context, { id }, caller) => changeAccount(context, id, { disabled: true }, caller),
})

export const enableOneAccount = defineAction({
  name: 'enable_account',
  scope: 'operator:admin',
  summary: 'Lets a disabled account act again; grants that have not expired work again.',
  method: 'post',
  path: '/accounts/{id}/enable',
  command: 'accounts enable',
  cli: { lines: ({ username }) => [`${username} is enabled. This takes effect on the next request.`] },
  page: '/operator/accounts/:id/enable',
  input: z.strictObject({ ...named, ...why }),
  output: accountSchema,
  run: (context, { id }, caller) => changeAccount(context, id, { disabled: false }, caller),
})

export const setAccountRoles = defineAction({
  name: 'set_account_roles',
  scope: 'operator:admin',
  summary: 'Replaces the roles of an account; it counts from the next call on.',
  method: 'put',
  path: '/accounts/{id}/roles',
  command: 'accounts roles',
  cli: {
    arguments: ['id', 'roles'],
    lines: ({ username, roles }) => [
      `${username}: ${roles.join(' ') || 'no roles'}. This takes effect on the next request.`,
    ],
  },
  page: '/operator/accounts/:id/roles',
  input: z.strictObject({ ...named, roles, ...why }),
  output: accountSchema,
  run: (context, { id, roles }, caller) => setRoles(context, id, roles, caller),
})

export const resetAccountPassword = defineAction({
  name: 'reset_account_password',
  scope: 'operator:admin',
  summary: 'Gives an account another password and signs it out everywhere.',
  method: 'post',
  path: '/accounts/{id}/password',
  command: 'accounts set-password',
  cli: {
    ...from_stdin,
    lines: ({ username, password }) => [
      `${username}: the password is changed, and all sessions have ended.`,
      ...passwordLines(password),
    ],
  },
  page: '/operator/accounts/:id/password',
  input: z.strictObject({ ...named, password, ...why }),
  output: with_password,
  run: (context, { id, password }, caller) => resetPassword(context, id, password, caller),
})

export const signOutOneAccount = defineAction({
  name: 'sign_out_account',
  scope: 'operator:revoke',
  summary:
    'Ends all sessions of an account in browsers. What it allowed apps to do stays; revoke grants for that.',
  method: 'post',
  path: '/accounts/{id}/sign-out',
  command: 'accounts sign-out',
  cli: {
    lines: ({ ended_page_sessions, ended_browser_sign_ins }, { id }) => [
      `${id}: ended ${ended_page_sessions} sessions here and ${ended_browser_sign_ins} for apps.`,
    ],
  },
  page: '/operator/accounts/:id/sign-out',
  input: z.strictObject({ ...named, ...why }),
  output: endedSchema,
  run: (context, { id }, caller) => signOutAccount(context, id, caller),
})

export const unlockOneAccount = defineAction({
  name: 'unlock_account',
  scope: 'operator:admin',
  summary: 'Forgets the failed sign-ins of an account, so that its owner can try again at once.',
  method: 'post',
  path: '/accounts/{id}/unlock',
  command: 'accounts unlock',
  cli: {
    lines: ({ username, unlocked }) => [
      unlocked === 0
        ? `Nothing was changed: ${username} had reached no limit.`
        : `${username} may try to sign in again.`,
    ],
  },
  page: '/operator/accounts/:id/unlock',
  input: z.strictObject({ ...named, ...why }),
  output: z.object({
    id: z.string(),
    username: z.string(),
    unlocked: z.int().describe('How many limits were reached, of networks, of browsers or of the account'),
  }),
  run: (context, { id }, caller) => unlockAccount(context, id, caller),
})

export const ACCOUNT_ACTIONS = [
  listAccounts,
  showOneAccount,
  createOneAccount,
  disableOneAccount,
  enableOneAccount,
  setAccountRoles,
  resetAccountPassword,
  signOutOneAccount,
  unlockOneAccount,
]
