import { CHALLENGE_RULES } from './challenge.ts'
import { EXPOSURE_RULES } from './exposure.ts'
import { FLOW_RULES } from './flow.ts'
import { LIFECYCLE_RULES } from './lifecycle.ts'
import { RESOURCE_METADATA_RULES } from './resource-metadata.ts'
import { RESPONSE_RULES } from './responses.ts'
import type { Rule } from './rule.ts'
import { SCOPE_RULES } from './scopes.ts'
import { SERVER_METADATA_RULES } from './server-metadata.ts'
import { TOKEN_RULES } from './tokens.ts'
import { TRANSPORT_RULES } from './transport.ts'

/** The rules of a review, in the order in which a report has them: one file for each theme. Each sends nothing, and judges what was collected. */
export const RULES: readonly Rule[] = [
  ...EXPOSURE_RULES,
  ...CHALLENGE_RULES,
  ...RESOURCE_METADATA_RULES,
  ...SERVER_METADATA_RULES,
  ...TOKEN_RULES,
  ...SCOPE_RULES,
  ...TRANSPORT_RULES,
  ...RESPONSE_RULES,
  ...FLOW_RULES,
  ...LIFECYCLE_RULES,
]
