/** The operator's pages, under /operator. Each performs actions of the operator and shows what they answer. */
import type { PageRoute } from '../pages/page.ts'
import { CLIENT_CHANGE_PAGES } from './client-changes.ts'
import { CLIENT_PAGES } from './clients.ts'
import { GRANT_PAGES } from './grants.ts'
import { OPERATOR_TOKEN_PAGES } from './operator-tokens.ts'
import { OVERVIEW_PAGES } from './overview.ts'
import { RESOURCE_SERVER_PAGES } from './resource-servers.ts'

export const OPERATOR_PAGES: readonly PageRoute[] = [
  ...OVERVIEW_PAGES,
  ...GRANT_PAGES,
  ...CLIENT_PAGES,
  ...CLIENT_CHANGE_PAGES,
  ...RESOURCE_SERVER_PAGES,
  ...OPERATOR_TOKEN_PAGES,
]
