import { ANSWER_CHECKS } from './checks/answers.ts'
import { CHALLENGE_CHECKS } from './checks/challenge.ts'
import { EXPOSURE_CHECKS } from './checks/exposure.ts'
import { FLOW_CHECKS } from './checks/flow.ts'
import { LIFECYCLE_CHECKS } from './checks/lifecycle.ts'
import { RESOURCE_METADATA_CHECKS } from './checks/resource-metadata.ts'
import { SCOPE_CHECKS } from './checks/scopes.ts'
import { SERVER_METADATA_CHECKS } from './checks/server-metadata.ts'
import { TOKEN_CHECKS } from './checks/tokens.ts'
import { TRANSPORT_CHECKS } from './checks/transport.ts'
import type { Check } from './finding.ts'

/** Every check, in the order in which a report has them. */
export const CHECKS: readonly Check[] = [
  ...EXPOSURE_CHECKS,
  ...CHALLENGE_CHECKS,
  ...RESOURCE_METADATA_CHECKS,
  ...SERVER_METADATA_CHECKS,
  ...TOKEN_CHECKS,
  ...SCOPE_CHECKS,
  ...TRANSPORT_CHECKS,
  ...ANSWER_CHECKS,
  ...FLOW_CHECKS,
  ...LIFECYCLE_CHECKS,
]
