import type { z } from 'zod'
import { knownRoles } from '../../accounts/account-management.ts'
import {
  createOneAccount,
  disableOneAccount,
  enableOneAccount,
  listAccounts,
  resetAccountPassword,
  setAccountRoles,
  showOneAccount,
  signOutOneAccount,
  unlockOneAccount,
} from '../../actions/accounts.ts'
import { type Action, perform } from '../../actions/action.ts'
import { filledIn } from '../filled-in.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'
import { redisplayOnInvalid } from '../redisplay-on-invalid.ts'

/** What is told on a form that is shown again. */
type Refused = { error: string; username?: string | undefined; roles?: readonly string[] }

async function showAccounts(page: Page, filter: Record<string, unknown>, refused?: Refused): Promise<void> {
  const { accounts, next } = await perform(listAccounts, page, page.caller, filter)
  page.show('operator/accounts', {
    accounts,
    filter,
    roles: await knownRoles(page),
    next: olderHref(page, next),
    refused,
  })
}

async function create(page: Page): Promise<void> {
  const { form } = page
  const roles = form.all('role')
  const username = form.get('username')
  const work = async () => {
    const input = { ...filledIn({ username, password: form.get('password') }), roles }
    const made = await perform(createOneAccount, page, page.caller, input)
    if (made.password === undefined)
      return page.goTo(
        `/operator/accounts/${encodeURIComponent(made.id)}`,
        `${made.username} has an account now.`,
      )
    page.show('operator/account-password', { ...made, is_new: true })
  }
  await redisplayOnInvalid(page, work, (error) => showAccounts(page, {}, { error, username, roles }))
}

const idOf = (page: Page): string => page.ctx.params.id ?? ''

async function showAccount(page: Page, refused?: Refused): Promise<void> {
  const account = await perform(showOneAccount, page, page.caller, { id: idOf(page) })
  const known = await knownRoles(page)
  page.show('operator/account', {
    account,
    // A role that the catalogue lost is shown all the same: it comes back with the catalogue.
    roles: [...new Set([...known, ...account.roles])],
    known,
    is_own: account.id === page.session.account_id,
    path: `/operator/accounts/${encodeURIComponent(account.id)}`,
    refused,
  })
}

/** Performs one action on the account of the path and says so on its page, or says there why not. */
async function act<Input extends z.ZodObject, Output extends z.ZodType>(
  page: Page,
  action: Action<Input, Output>,
  input: Record<string, unknown>,
  done: string,
): Promise<void> {
  const work = async () => {
    const id = idOf(page)
    await perform(action, page, page.caller, { id, ...input })
    page.goTo(`/operator/accounts/${encodeURIComponent(id)}`, done)
  }
  await redisplayOnInvalid(page, work, (error) => showAccount(page, { error }))
}

function reasonOf({ form }: Page): Record<string, unknown> {
  return filledIn({ reason: form.get('reason') })
}

async function resetPassword(page: Page): Promise<void> {
  const work = async () => {
    const input = { id: idOf(page), ...reasonOf(page), ...filledIn({ password: page.form.get('password') }) }
    const reset = await perform(resetAccountPassword, page, page.caller, input)
    if (reset.password !== undefined)
      return page.show('operator/account-password', { ...reset, is_new: false })
    const notice = 'The password was changed, and all sessions ended.'
    page.goTo(`/operator/accounts/${encodeURIComponent(reset.id)}`, notice)
  }
  await redisplayOnInvalid(page, work, (error) => showAccount(page, { error }))
}

const one = '/operator/accounts/:id'

export const ACCOUNTS_PAGES: readonly PageRoute[] = [
  {
    method: 'get',
    path: '/operator/accounts',
    needs: 'operator:read',
    handle: (page) => showAccounts(page, filledIn(page.ctx.query)),
  },
  { method: 'post', path: '/operator/accounts', needs: 'operator:admin', lists: ['role'], handle: create },
  { method: 'get', path: one, needs: 'operator:read', handle: (page) => showAccount(page) },
  {
    method: 'post',
    path: `${one}/roles`,
    needs: 'operator:admin',
    lists: ['role'],
    handle: (page) =>
      act(
        page,
        setAccountRoles,
        { roles: page.form.all('role') },
        'The roles count from the next request on.',
      ),
  },
  {
    method: 'post',
    path: `${one}/disable`,
    needs: 'operator:admin',
    handle: (page) =>
      act(
        page,
        disableOneAccount,
        reasonOf(page),
        'The account is disabled. Its sessions ended, and its tokens answer inactive.',
      ),
  },
  {
    method: 'post',
    path: `${one}/enable`,
    needs: 'operator:admin',
    handle: (page) => act(page, enableOneAccount, reasonOf(page), 'The account may sign in again.'),
  },
  {
    method: 'post',
    path: `${one}/unlock`,
    needs: 'operator:admin',
    handle: (page) => act(page, unlockOneAccount, reasonOf(page), 'The failed sign-ins are forgotten.'),
  },
  { method: 'post', path: `${one}/password`, needs: 'operator:admin', handle: resetPassword },
  {
    method: 'post',
    path: `${one}/sign-out`,
    needs: 'operator:revoke',
    handle: (page) =>
      act(page, signOutOneAccount, reasonOf(page), 'All sessions ended. What was allowed to apps stays.'),
  },
]
