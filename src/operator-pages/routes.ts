/** The operator's pages, under /operator. Each performs actions of the operator and shows what they answer. */
import type { PageRoute } from '../pages/page.ts'
import { GRANT_PAGES } from './grants.ts'
import { OVERVIEW_PAGES } from './overview.ts'
import { PERSONAL_TOKEN_PAGES } from './personal-tokens.ts'

export const OPERATOR_PAGES: readonly PageRoute[] = [
  ...GRANT_PAGES,
  ...OVERVIEW_PAGES,
  ...PERSONAL_TOKEN_PAGES,
]
