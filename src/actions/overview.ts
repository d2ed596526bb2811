import { z } from 'zod'
import { eventDocument } from '../audit/export/json-lines.ts'
import { grantCount } from '../holders/holders.ts'
import { overview } from '../usage/overview.ts'
import { defineAction } from './action.ts'
import { moment } from './fields.ts'

const calls = z.number()
const tool = z.object({ resource: z.string(), tool: z.string(), calls })

export const showOverview = defineAction({
  name: 'overview',
  scope: 'operator:read',
  summary: 'Says what was called and refused lately, how many grants live, and what expires soon.',
  method: 'get',
  path: '/overview',
  command: 'overview',
  page: '/operator',
  input: z.strictObject({}),
  output: z.object({
    hours: z
      .array(z.object({ hour: moment, allowed: calls, denied: calls, other: calls }))
      .describe('Calls of the last 24 hours'),
    denied_tools: z.array(tool).describe('Most denied in seven days'),
    used_tools: z.array(tool).describe('Most called in seven days'),
    live_grants: grantCount.describe('Counted up to 10,000 and estimated beyond'),
    expiring: z
      .object({
        personal_tokens: z.array(
          z.object({
            grant_id: z.string(),
            name: z.string(),
            username: z.string(),
            resource: z.string().nullable(),
            expires_at: moment,
          }),
        ),
        operator_tokens: z.array(z.object({ id: z.string(), name: z.string(), expires_at: moment })),
      })
      .describe('Within 14 days, at most 20 of each'),
    refusals: z.array(z.record(z.string(), z.unknown())).describe('The newest of 24 hours, at most 10'),
    checkpoint: z
      .object({ created_at: moment.nullable(), fresh: z.boolean() })
      .describe('The newest signed checkpoint of the audit log'),
  }),
  run: async ({ db, checkpoint_interval_seconds }) => {
    const { refusals, ...rest } = await overview(db, checkpoint_interval_seconds)
    return { ...rest, refusals: refusals.map(eventDocument) }
  },
})

export const OVERVIEW_ACTIONS = [showOverview]
