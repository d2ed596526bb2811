import { endSession, sessionsOf, signOutEverywhere } from '../../accounts/sessions/sessions.ts'
import { AppError } from '../../base/errors.ts'
import { changeOwnPassword } from '../../sign-in/own-password.ts'
import type { Page, PageRoute } from '../page.ts'
import { redisplayOnInvalid, WITH_PASSWORD } from '../redisplay-on-invalid.ts'
import { clearSessionCookie } from '../sign-in/session-cookie.ts'

async function showSessions(page: Page): Promise<void> {
  const { account_id, id } = page.session
  page.show('account/sessions', { ...(await sessionsOf(page.db, account_id)), this_one: id })
}

async function end(page: Page): Promise<void> {
  const { form, session, ctx, issuer } = page
  const kind = form.get('kind')
  const id = form.get('session')
  if ((kind !== 'page' && kind !== 'browser') || id === undefined || id.length > 128)
    throw new AppError('invalid_input', 'This form names no session. Go back and try again.')
  await endSession(page, { account_id: session.account_id, kind, id }, page.caller)
  if (kind === 'page' && id === session.id) {
    clearSessionCookie(ctx, issuer)
    return page.goTo('/sign-in')
  }
  page.goTo('/account/sessions', 'That session is over.')
}

async function endOthers(page: Page): Promise<void> {
  const { account_id, id: except } = page.session
  await signOutEverywhere(page, { account_id, except }, page.caller)
  page.goTo('/account/sessions', 'You are signed out everywhere else.')
}

async function showPassword(page: Page, error?: string): Promise<void> {
  page.show('account/password', { error })
}

async function changePassword(page: Page): Promise<void> {
  const { form, session, caller } = page
  const { account_id, username, id: session_id } = session
  const wanted = form.get('wanted') ?? ''
  const work = async () => {
    if (wanted !== form.get('again'))
      throw new AppError('invalid_input', 'The new password is not the same both times.')
    const change = { account_id, username, session_id, current: form.get('current') ?? '', wanted }
    await changeOwnPassword(page, change, caller)
    page.goTo('/account/sessions', 'Your password is changed, and all your other sessions ended.')
  }
  await redisplayOnInvalid(page, work, (error) => showPassword(page, error), WITH_PASSWORD)
}

export const SESSION_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/account/sessions', needs: 'account', handle: showSessions },
  { method: 'post', path: '/account/sessions/end', needs: 'account', handle: end },
  { method: 'post', path: '/account/sessions/end-others', needs: 'account', handle: endOthers },
  { method: 'get', path: '/account/password', needs: 'account', handle: (page) => showPassword(page) },
  { method: 'post', path: '/account/password', needs: 'account', handle: changePassword },
]
