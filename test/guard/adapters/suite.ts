import { afterAll, beforeAll, describe } from 'vitest'
import type { NotesMcp } from '../../../examples/notes-server/mcp-server.ts'
import type { Guard, GuardOptions } from '../../../src/guard/index.ts'
import { describeAnswers } from './suite/answers.ts'
import { describeBodies } from './suite/bodies.ts'
import { describeChallenges } from './suite/challenges.ts'
import { describeCors, describeDiscovery } from './suite/discovery.ts'
import { describeNone } from './suite/mode-none.ts'
import { describeToken } from './suite/mode-token.ts'
import { describeSessions } from './suite/sessions.ts'
import { Stage } from './suite/stage.ts'
import { describeTools } from './suite/tools.ts'

/**
 * What the guard guarantees, whatever an MCP server is built with. Every adapter has a test file that calls
 * `describeGuarantees` with its way to serve the example.
 */
export type Behind = {
  guard: Guard
  /** What the guard was made of, for adapters that make their own. */
  options: GuardOptions
  /** To be served at `/mcp`. */
  mcp: NotesMcp
  /** 0 = any free port, on 127.0.0.1. */
  port: number
}

export type Served = { port: number; close(): Promise<void> }

export type ServeBehind = (behind: Behind) => Promise<Served>

const GROUPS = {
  discovery: describeDiscovery,
  cors: describeCors,
  challenges: describeChallenges,
  bodies: describeBodies,
  tools: describeTools,
  sessions: describeSessions,
  answers: describeAnswers,
  'mode token': describeToken,
  'mode none': describeNone,
} satisfies Record<string, (stage: Stage) => void>

export type Group = keyof typeof GROUPS

/** @param without what this adapter does not offer, as its documentation says */
export function describeGuarantees(
  adapter: string,
  serve: ServeBehind,
  without: readonly Group[] = [],
): void {
  describe(`behind ${adapter}`, () => {
    const stage = new Stage(serve)
    beforeAll(() => stage.open())
    afterAll(() => stage.close())
    for (const [group, describeGroup] of Object.entries(GROUPS))
      if (!without.includes(group as Group)) describe(group, () => describeGroup(stage))
  })
}
