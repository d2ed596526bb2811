import type { Context } from 'koa'
import type { SignedIn } from '../../accounts/sessions/page-sessions.ts'
import { typedUsername } from '../../accounts/username.ts'
import type { Form } from '../../http/form.ts'
import { hungUp, requestOrigin } from '../../http/request-context.ts'
import { knownBrowser, rememberBrowser } from '../../sign-in/known-browser.ts'
import { type SignInDependencies, signIn } from '../../sign-in/sign-in.ts'
import { readKnownBrowser, setKnownBrowser } from './session-cookie.ts'

/**
 * Signs in whoever sent a form with a username and a password, on whichever page, does what that page does then, and remembers
 * this browser. Throws as `signIn` and `letIn` do.
 */
export async function signInByForm(
  dependencies: SignInDependencies & { issuer: string },
  ctx: Context,
  form: Form,
  { client_id, letIn }: { client_id?: string; letIn(account: SignedIn): Promise<void> },
): Promise<void> {
  const { issuer, form_key } = dependencies
  const username = typedUsername(form.get('username') ?? '')
  const cookie = readKnownBrowser(ctx, issuer)
  const account = await signIn(dependencies, {
    username,
    password: form.get('password') ?? '',
    client_id,
    browser: knownBrowser(form_key, cookie, username),
    signal: hungUp(ctx),
    ...requestOrigin(ctx),
  })
  await letIn(account)
  setKnownBrowser(ctx, issuer, rememberBrowser(form_key, cookie, username))
}
