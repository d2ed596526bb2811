/** The operator's pages, under /operator. Each performs actions of the operator and shows what they answer. */
import type { PageRoute } from '../page.ts'
import { ACCOUNTS_PAGES } from './accounts.ts'
import { AUDIT_PAGES } from './audit/audit.ts'
import { AUDIT_CALLERS_PAGES } from './audit/audit-callers.ts'
import { AUDIT_EVENT_PAGES } from './audit/audit-event.ts'
import { AUDIT_STORY_PAGES } from './audit/audit-story.ts'
import { AUDIT_TRACE_PAGES } from './audit/audit-trace.ts'
import { EXPLANATION_PAGES } from './audit/explanation.ts'
import { CATALOGUE_PAGES } from './catalogue.ts'
import { CLIENT_CHANGE_PAGES } from './client-changes.ts'
import { CLIENT_PAGES } from './clients.ts'
import { GRANT_PAGES } from './grants.ts'
import { OPERATOR_TOKEN_PAGES } from './operator-tokens.ts'
import { OVERVIEW_PAGES } from './overview.ts'
import { PERSONAL_TOKEN_PAGES } from './personal-tokens.ts'
import { REFRESH_TOKEN_PAGES } from './refresh-tokens.ts'
import { RESOURCE_SERVER_PAGES } from './resource-servers.ts'

export const OPERATOR_PAGES: readonly PageRoute[] = [
  ...ACCOUNTS_PAGES,
  ...AUDIT_CALLERS_PAGES,
  ...AUDIT_EVENT_PAGES,
  ...AUDIT_PAGES,
  ...AUDIT_STORY_PAGES,
  ...AUDIT_TRACE_PAGES,
  ...CATALOGUE_PAGES,
  ...CLIENT_CHANGE_PAGES,
  ...CLIENT_PAGES,
  ...EXPLANATION_PAGES,
  ...GRANT_PAGES,
  ...OPERATOR_TOKEN_PAGES,
  ...OVERVIEW_PAGES,
  ...PERSONAL_TOKEN_PAGES,
  ...REFRESH_TOKEN_PAGES,
  ...RESOURCE_SERVER_PAGES,
]
