import type { Knex } from 'knex'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { heldBy } from '../catalogue/held.ts'
import { growthOf, openTo } from '../permission/consented.ts'
import type { PageWanted } from '../storage/keyset.ts'
import { oauthClientOf } from './oauth-clients.ts'
import { EXPIRING_DAYS } from './personal-access-tokens.ts'
import type { TokenName } from './personal-token-store.ts'
import {
  findPersonalToken,
  listPersonalTokenRows,
  listValues,
  storedTokenView,
  type TokenFilter,
  type TokenRow,
  tokenValue,
} from './personal-token-view-store.ts'

/** Personal access tokens as lists and pages show them; never with the token itself. */
export const tokenView = storedTokenView.extend({
  expiring: z.boolean().describe('It expires within seven days'),
  could_use_oauth: z
    .object({ client: z.string() })
    .nullable()
    .describe('The client that uses it, by its User-Agent, and could sign in with OAuth instead'),
})
export type TokenView = z.infer<typeof tokenView>

const DAY_MS = 86_400_000

function viewOf({ account_roles: _, scope_versions: __, used_by, ...row }: TokenRow): TokenView {
  return {
    ...row,
    expiring: row.expires_at.getTime() - Date.now() <= EXPIRING_DAYS * DAY_MS,
    could_use_oauth: oauthClientOf(used_by),
  }
}

/** Live tokens, newest first. Throws `invalid_input` for an invalid cursor. */
export async function pageOfPersonalTokens(
  { db }: { db: Knex },
  filter: TokenFilter,
  page: PageWanted,
): Promise<{ personal_tokens: TokenView[]; next?: string }> {
  const { rows, ...more } = await listPersonalTokenRows(db, filter, page)
  return { personal_tokens: rows.map(viewOf), ...more }
}

export const wholeToken = tokenView.extend({
  tools: z
    .array(z.string())
    .describe('What it opens now, under the catalogue in force and the roles of its owner'),
  withheld: z
    .array(z.string())
    .describe('What came under its scopes since they were chosen; a new token has it'),
  values: z.array(tokenValue),
})
export type WholeToken = z.infer<typeof wholeToken>

/** One live token. Throws `not_found`. */
export async function showPersonalToken(
  { db, catalogues }: { db: Knex; catalogues: CatalogueCache },
  named: TokenName,
): Promise<WholeToken> {
  const row = await findPersonalToken(db, named)
  if (!row) throw new AppError('not_found', 'There is no such live personal access token')
  const history = await catalogues.currentHistory(db, row.scope_versions)
  const held = history && heldBy(history, row, row.account_roles)
  const tools = held ? openTo(held, 'tools') : []
  const grown = held ? growthOf(held).filter(({ what }) => what === 'new') : []
  const withheld = grown.map(({ name }) => name)
  return { ...viewOf(row), tools, withheld, values: await listValues(db, row.id) }
}
