/** The operator's pages, under /operator. Each performs actions of the operator and shows what they answer. */
import type { PageRoute } from '../pages/page.ts'
import { ACCOUNTS_PAGES } from './accounts.ts'
import { AUDIT_PAGES } from './audit.ts'
import { AUDIT_EVENT_PAGES } from './audit-event.ts'
import { AUDIT_STORY_PAGES } from './audit-story.ts'
import { CATALOGUE_PAGES } from './catalogue.ts'
import { EXPLANATION_PAGES } from './explanation.ts'
import { GRANT_PAGES } from './grants.ts'
import { OVERVIEW_PAGES } from './overview.ts'
import { PERSONAL_TOKEN_PAGES } from './personal-tokens.ts'

export const OPERATOR_PAGES: readonly PageRoute[] = [
  ...ACCOUNTS_PAGES,
  ...AUDIT_EVENT_PAGES,
  ...AUDIT_PAGES,
  ...AUDIT_STORY_PAGES,
  ...CATALOGUE_PAGES,
  ...EXPLANATION_PAGES,
  ...GRANT_PAGES,
  ...OVERVIEW_PAGES,
  ...PERSONAL_TOKEN_PAGES,
]
