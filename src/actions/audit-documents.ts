import { z } from 'zod'
import { auditDetailSchema } from '../audit/events/audit-event.ts'
import { callGroup } from '../audit/story/story-grouping.ts'
import { eachText } from '../audit-chain/event-fields.ts'
import { moment } from './fields.ts'

/** What answers about the audit log are made of. */
const textOrNull = z.string().nullable()

/** As `eventDocument` makes it. */
export const eventSchema = z.object({
  occurred_at: moment,
  writer_id: z.string(),
  seq: z.int(),
  id: z.string(),
  type: z.string(),
  actor_kind: z.string(),
  actor_id: textOrNull,
  ...eachText(textOrNull),
  token_id: textOrNull.describe('The SHA-256 of a token in base64url'),
  detail: auditDetailSchema.nullable(),
  prev_hash: z.string().describe('Of the row before in the chain of this writer, in hex'),
  hash: z.string(),
})

const names = { client_name: z.string().optional(), username: z.string().optional() }

/** As `storyDocument` makes it. */
export const storyEntrySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('event'),
    event: eventSchema,
    tools: z.array(z.string()).optional().describe('What the scopes of the event opened'),
    ...names,
  }),
  callGroup.extend(names),
])

export const faultSchema = z.object({
  writer_id: z.string(),
  seq: z.int(),
  kind: z.string(),
  message: z.string(),
  event_id: z.string().optional(),
  occurred_at: z.string().optional(),
})
