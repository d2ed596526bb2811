/** Everything that operators can do, each once. A file here is one subject. */
import type { Action } from '../action.ts'
import { AUDIT_ACTIONS } from './audit.ts'
import { CLIENT_ACTIONS } from './clients.ts'
import { GRANT_ACTIONS } from './grants.ts'
import { OPERATOR_TOKEN_ACTIONS } from './operator-tokens.ts'
import { RESOURCE_SERVER_ACTIONS } from './resource-servers.ts'

export const ACTIONS: readonly Action[] = [
  ...GRANT_ACTIONS,
  ...CLIENT_ACTIONS,
  ...RESOURCE_SERVER_ACTIONS,
  ...OPERATOR_TOKEN_ACTIONS,
  ...AUDIT_ACTIONS,
] as unknown as readonly Action[]
