/** The operator's pages, under /operator. Each performs actions of the operator and shows what they answer. */
import type { PageRoute } from '../pages/page.ts'
import { AUDIT_PAGES } from './audit.ts'
import { AUDIT_EVENT_PAGES } from './audit-event.ts'
import { AUDIT_STORY_PAGES } from './audit-story.ts'
import { GRANT_PAGES } from './grants.ts'
import { OVERVIEW_PAGES } from './overview.ts'

export const OPERATOR_PAGES: readonly PageRoute[] = [
  ...OVERVIEW_PAGES,
  ...GRANT_PAGES,
  ...AUDIT_PAGES,
  ...AUDIT_EVENT_PAGES,
  ...AUDIT_STORY_PAGES,
]
