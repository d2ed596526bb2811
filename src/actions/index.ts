/** Everything that operators can do, each once. A file here is one subject. */

import { ACCOUNT_ACTIONS } from './accounts.ts'
import type { Action } from './action.ts'
import { AUDIT_ACTIONS } from './audit.ts'
import { CATALOGUE_ACTIONS } from './catalogue.ts'
import { CLIENT_ACTIONS } from './clients.ts'
import { EXPLANATION_ACTIONS } from './explanation.ts'
import { GRANT_ACTIONS } from './grants.ts'
import { OPERATOR_TOKEN_ACTIONS } from './operator-tokens.ts'
import { OVERVIEW_ACTIONS } from './overview.ts'
import { PERSONAL_TOKEN_ACTIONS } from './personal-tokens.ts'
import { REFRESH_TOKEN_ACTIONS } from './refresh-tokens.ts'
import { RESOURCE_SERVER_ACTIONS } from './resource-servers.ts'
import { RESOURCE_ACTIONS } from './resources.ts'

export const ACTIONS: readonly Action[] = [
  ...ACCOUNT_ACTIONS,
  ...AUDIT_ACTIONS,
  ...CATALOGUE_ACTIONS,
  ...CLIENT_ACTIONS,
  ...EXPLANATION_ACTIONS,
  ...GRANT_ACTIONS,
  ...REFRESH_TOKEN_ACTIONS,
  ...OPERATOR_TOKEN_ACTIONS,
  ...OVERVIEW_ACTIONS,
  ...PERSONAL_TOKEN_ACTIONS,
  ...RESOURCE_SERVER_ACTIONS,
  ...RESOURCE_ACTIONS,
] as unknown as readonly Action[]
