/** The pages of a person, under /account: what they connected, their tokens, where they are signed in, what happened. */

import type { Page, PageRoute } from '../pages/page.ts'
import { SIGN_OUT } from '../pages/sign-in.ts'
import { TOKEN_PAGES } from './tokens.ts'

async function showApps(page: Page): Promise<void> {
  page.show('account/apps', {})
}

export const ACCOUNT_PAGES: readonly PageRoute[] = [
  { method: 'get', path: '/account', needs: 'account', handle: showApps },
  ...TOKEN_PAGES,
  SIGN_OUT,
]
