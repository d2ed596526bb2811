import { OPERATOR_SCOPES } from '../../accounts/operator-scopes.ts'
import { OPERATOR_TOKEN_DAYS_MAX } from '../../accounts/operator-tokens.ts'
import { perform } from '../../actions/action.ts'
import { createToken, listTokens, revokeToken } from '../../actions/operator-tokens.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'
import { redisplayOnInvalid } from '../redisplay-on-invalid.ts'
import { showSecret } from './secret.ts'

/** Tokens that open the operator API to programs. */
const LIST = '/operator/operator-tokens'

const SCOPE_WORDS: Record<(typeof OPERATOR_SCOPES)[number], string> = {
  'operator:read': 'See everything',
  'operator:revoke': 'Revoke grants and tokens, block clients',
  'operator:admin': 'Change everything',
}
const DEFAULTS = { days: '90', scopes: ['operator:read', 'operator:revoke'] }

async function showList(page: Page, again: object = {}): Promise<void> {
  const { after } = page.ctx.query
  const input = after === undefined ? {} : { after }
  const { operator_tokens, next } = await perform(listTokens, page, page.caller, input)
  const now = Date.now()
  page.show('operator/operator-tokens', {
    tokens: operator_tokens.map((token) => ({ ...token, is_expired: token.expires_at.getTime() <= now })),
    offered: OPERATOR_SCOPES.map((name) => ({ name, words: SCOPE_WORDS[name] })),
    days_max: OPERATOR_TOKEN_DAYS_MAX,
    typed: DEFAULTS,
    older: olderHref(page, next),
    ...again,
  })
}

async function create(page: Page): Promise<void> {
  const { form } = page
  const typed = { name: form.get('name'), days: form.get('days'), scopes: [...form.all('scope')] }
  await redisplayOnInvalid(
    page,
    async () => {
      const { token } = await perform(createToken, page, page.caller, typed)
      const back = { path: LIST, label: 'Back to the operator tokens' }
      showSecret(page, { title: 'The operator token is made', name: 'Token', secret: token, back })
    },
    (error) => showList(page, { typed, error }),
  )
}

async function revoke(page: Page): Promise<void> {
  const { id } = page.ctx.params
  await perform(revokeToken, page, page.caller, { id })
  page.goTo(LIST, 'The operator token is revoked. Its next request is refused.')
}

export const OPERATOR_TOKEN_PAGES: readonly PageRoute[] = [
  { method: 'get', path: LIST, needs: 'operator:read', handle: (page) => showList(page) },
  { method: 'post', path: LIST, needs: 'operator:admin', lists: ['scope'], handle: create },
  { method: 'post', path: `${LIST}/:id/revoke`, needs: 'operator:revoke', handle: revoke },
]
