import { perform } from '../../actions/action.ts'
import { text } from '../../actions/fields.ts'
import {
  createOnePersonalToken,
  listPersonalTokens,
  revokeOnePersonalToken,
  rotateOnePersonalToken,
  showOnePersonalToken,
} from '../../actions/personal-tokens.ts'
import { AppError } from '../../base/errors.ts'
import { validate } from '../../http/validate.ts'
import { offerPersonalToken, type TokenOffer } from '../../personal-tokens/personal-token-offer.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'
import {
  asked,
  readCreation,
  readRotation,
  showMade,
  showNewToken,
  showToken,
  showTokens,
  type TokenPlace,
  tokenIn,
} from '../personal-token-form.ts'
import { redisplayOnInvalid, WITH_NAMES } from '../redisplay-on-invalid.ts'

/** Everybody's personal access tokens. */
const AT = '/operator/personal-tokens'

function placeFor({ caller: { scopes } }: Page): TokenPlace {
  return {
    at: AT,
    for_operator: true,
    may_change: scopes.has('operator:admin'),
    may_revoke: scopes.has('operator:revoke'),
  }
}

async function resources({ catalogues, db }: Page): Promise<{ resource: string; name: string }[]> {
  return (
    (await catalogues.current(db))?.catalogue.resources.map(({ resource, name }) => ({ resource, name })) ??
    []
  )
}

async function listTokens(page: Page): Promise<void> {
  const filter = {
    account: asked(page, 'account'),
    resource: asked(page, 'resource'),
    expiring_days: asked(page, 'expiring_days'),
  }
  const input = { ...filter, after: asked(page, 'after') }
  const { personal_tokens, next } = await perform(listPersonalTokens, page, page.caller, input)
  showTokens(page, placeFor(page), {
    personal_tokens,
    filter,
    resources: await resources(page),
    older: olderHref(page, next),
  })
}

/** Offers what the account may have, once one is named. */
async function showForm(
  page: Page,
  account: string | undefined,
  resource: string | undefined,
  error?: string,
): Promise<void> {
  const show = (shown: { offer?: TokenOffer | undefined; error?: string | undefined }) =>
    showNewToken(page, placeFor(page), { account, ...shown })
  const work = async () => {
    const offered = account !== undefined && { account: validate(text, account), resource }
    show({ offer: offered ? await offerPersonalToken(page, offered) : undefined, error })
  }
  await redisplayOnInvalid(page, work, (fault) => show({ error: error ?? fault }), WITH_NAMES)
}

async function createToken(page: Page): Promise<void> {
  const account = page.form.get('account')
  const work = async () => {
    const input = { account, ...readCreation(page.form) }
    showMade(page, placeFor(page), await perform(createOnePersonalToken, page, page.caller, input))
  }
  const redisplay = (error: string) => showForm(page, account, page.form.get('resource'), error)
  await redisplayOnInvalid(page, work, redisplay, WITH_NAMES)
}

async function showOne(page: Page): Promise<void> {
  const token = await perform(showOnePersonalToken, page, page.caller, { id: tokenIn(page) })
  showToken(page, placeFor(page), token)
}

async function rotateToken(page: Page): Promise<void> {
  const input = { id: tokenIn(page), ...readRotation(page.form) }
  showMade(page, placeFor(page), await perform(rotateOnePersonalToken, page, page.caller, input))
}

async function revokeToken(page: Page): Promise<void> {
  const reason = page.form.get('reason')?.trim()
  if (!reason) throw new AppError('invalid_input', 'Say why; it is kept in the audit log.')
  const { revoked } = await perform(revokeOnePersonalToken, page, page.caller, { id: tokenIn(page), reason })
  page.goTo(
    AT,
    revoked.length > 0
      ? 'The token is revoked. Its next call will be refused.'
      : 'There was no such token any more.',
  )
}

export const PERSONAL_TOKEN_PAGES: readonly PageRoute[] = [
  { method: 'get', path: AT, needs: 'operator:read', handle: listTokens },
  {
    method: 'get',
    path: `${AT}/new`,
    needs: 'operator:admin',
    handle: (page) => showForm(page, asked(page, 'account'), asked(page, 'resource')),
  },
  { method: 'post', path: AT, needs: 'operator:admin', lists: ['scope'], handle: createToken },
  { method: 'get', path: `${AT}/:id`, needs: 'operator:read', handle: showOne },
  { method: 'post', path: `${AT}/:id/rotate`, needs: 'operator:admin', handle: rotateToken },
  { method: 'post', path: `${AT}/:id/revoke`, needs: 'operator:revoke', handle: revokeToken },
]
