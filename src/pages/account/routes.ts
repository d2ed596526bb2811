/** The pages of a person, under /account: what they connected, their tokens, where they are signed in, what happened. */
import type { PageRoute } from '../page.ts'
import { SIGN_OUT } from '../sign-in/sign-in.ts'
import { ACTIVITY_PAGES } from './activity.ts'
import { APPS_PAGES } from './apps.ts'
import { SESSION_PAGES } from './sessions.ts'
import { TOKEN_PAGES } from './tokens.ts'

export const ACCOUNT_PAGES: readonly PageRoute[] = [
  ...APPS_PAGES,
  ...ACTIVITY_PAGES,
  ...SESSION_PAGES,
  ...TOKEN_PAGES,
  SIGN_OUT,
]
