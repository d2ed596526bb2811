import { AGENTS } from './agents.ts'
import { CLAUDE } from './claude.ts'
import { type ClientFacts, type ClientProfile, profilesOf } from './client-facts.ts'
import { EDITORS } from './editors.ts'
import { OPENAI } from './openai.ts'
import { SDKS } from './sdks.ts'
import { TOOLS } from './tools.ts'

/** Every client that is known, in families. */
export const FAMILIES: Readonly<Record<string, readonly ClientFacts[]>> = {
  Claude: CLAUDE,
  OpenAI: OPENAI,
  Editors: EDITORS,
  Agents: AGENTS,
  Tools: TOOLS,
  'Official SDKs': SDKS,
}

/** Those of which enough is known to judge a deployment as they would. */
export const CLIENT_PROFILES: readonly ClientProfile[] = Object.values(FAMILIES).flat().flatMap(profilesOf)
