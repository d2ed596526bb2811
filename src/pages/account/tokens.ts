import {
  createPersonalToken,
  revokePersonalToken,
  rotatePersonalToken,
} from '../../personal-tokens/personal-access-tokens.ts'
import { offerPersonalToken } from '../../personal-tokens/personal-token-offer.ts'
import type { TokenName } from '../../personal-tokens/personal-token-store.ts'
import { pageOfPersonalTokens, showPersonalToken } from '../../personal-tokens/personal-token-views.ts'
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

/** A person's own personal access tokens. Every function names the account of the session, and nothing else is found. */
const PLACE: TokenPlace = { at: '/account/tokens', for_operator: false, may_change: true, may_revoke: true }
const PAGE_TOKENS = 50

function own(page: Page): TokenName {
  return { id: tokenIn(page), account_id: page.session.account_id }
}

async function listTokens(page: Page): Promise<void> {
  const { account_id } = page.session
  const list = { limit: PAGE_TOKENS, after: asked(page, 'after') }
  const { personal_tokens, next } = await pageOfPersonalTokens(page, { account_id }, list)
  showTokens(page, PLACE, { personal_tokens, older: olderHref(page, next) })
}

async function newToken(page: Page): Promise<void> {
  const wanted = { account: page.session.account_id, resource: asked(page, 'resource') }
  showNewToken(page, PLACE, { offer: await offerPersonalToken(page, wanted) })
}

async function createToken(page: Page): Promise<void> {
  const account = page.session.account_id
  const work = async () => {
    const creation = { account, ...readCreation(page.form) }
    showMade(page, PLACE, await createPersonalToken(page, creation, page.caller))
  }
  const redisplay = async (error: string) => {
    const offer = await offerPersonalToken(page, { account, resource: page.form.get('resource') })
    showNewToken(page, PLACE, { offer, error })
  }
  await redisplayOnInvalid(page, work, redisplay, WITH_NAMES)
}

async function showOne(page: Page): Promise<void> {
  showToken(page, PLACE, await showPersonalToken(page, own(page)))
}

async function rotateToken(page: Page): Promise<void> {
  const rotation = readRotation(page.form)
  showMade(page, PLACE, await rotatePersonalToken(page, own(page), rotation, page.caller))
}

async function revokeToken(page: Page): Promise<void> {
  const { revoked } = await revokePersonalToken(page, own(page), page.caller)
  page.goTo(
    PLACE.at,
    revoked.length > 0
      ? 'The token is revoked. Its next call will be refused.'
      : 'There was no such token any more.',
  )
}

export const TOKEN_PAGES: readonly PageRoute[] = [
  { method: 'get', path: PLACE.at, needs: 'account', handle: listTokens },
  { method: 'get', path: `${PLACE.at}/new`, needs: 'account', handle: newToken },
  { method: 'post', path: PLACE.at, needs: 'account', lists: ['scope'], handle: createToken },
  { method: 'get', path: `${PLACE.at}/:id`, needs: 'account', handle: showOne },
  { method: 'post', path: `${PLACE.at}/:id/rotate`, needs: 'account', handle: rotateToken },
  { method: 'post', path: `${PLACE.at}/:id/revoke`, needs: 'account', handle: revokeToken },
]
