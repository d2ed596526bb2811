/** The operator's pages, under /operator. Each performs actions of the operator and shows what they answer. */
import type { PageRoute } from '../pages/page.ts'
import { ACCOUNTS_PAGES } from './accounts.ts'
import { OVERVIEW_PAGES } from './overview.ts'

export const OPERATOR_PAGES: readonly PageRoute[] = [...OVERVIEW_PAGES, ...ACCOUNTS_PAGES]
