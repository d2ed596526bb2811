/** Everything that operators can do, each once. A file here is one subject. */
import type { Action } from '../action.ts'
import { AUDIT_ACTIONS } from './audit.ts'
import { CATALOGUE_ACTIONS } from './catalogue.ts'
import { CLIENT_ACTIONS } from './clients.ts'
import { EXPLANATION_ACTIONS } from './explanation.ts'
import { GRANT_ACTIONS } from './grants.ts'
import { OPERATOR_TOKEN_ACTIONS } from './operator-tokens.ts'
import { OVERVIEW_ACTIONS } from './overview.ts'
import { RESOURCE_SERVER_ACTIONS } from './resource-servers.ts'
import { RESOURCE_ACTIONS } from './resources.ts'

export const ACTIONS: readonly Action[] = [
  ...GRANT_ACTIONS,
  ...AUDIT_ACTIONS,
  ...EXPLANATION_ACTIONS,
  ...CATALOGUE_ACTIONS,
  ...RESOURCE_ACTIONS,
  ...OVERVIEW_ACTIONS,
  ...CLIENT_ACTIONS,
  ...RESOURCE_SERVER_ACTIONS,
  ...OPERATOR_TOKEN_ACTIONS,
] as unknown as readonly Action[]
