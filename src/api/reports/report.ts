import { z } from 'zod'

/** What a resource server may say. Nothing else: a member that is not here refuses the whole body. */
const REPORTS_MAX = 100

const text = (max: number) => z.string().min(1).max(max)
const count = z.int().min(0)

const call = {
  id: z.uuid().toLowerCase(),
  occurred_at_ms: count,
  request_id: z.string().regex(/^[A-Za-z0-9._-]{8,64}$/),
  sub: text(256),
  client_id: text(2_048),
  token_id: z
    .string()
    .regex(/^[\w-]{43}$/)
    .optional(),
  method: text(128),
  name: text(2_048).optional(),
}

const decisionSchema = z.strictObject({
  ...call,
  type: z.literal('tool.decided'),
  allowed: z.boolean(),
  scope: z.string().max(2_048),
})

const outcomeSchema = z.strictObject({
  ...call,
  type: z.literal('tool.completed'),
  outcome: z.enum(['ok', 'tool_error', 'protocol_error', 'http_error', 'aborted']),
  duration_ms: count,
  size_bytes: count,
  arguments_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
})

const reportSchema = z.discriminatedUnion('type', [decisionSchema, outcomeSchema])

export type Report = z.infer<typeof reportSchema>

/** What of the body is looked at before it is known who sent it: the credentials, where they do not stand in the header. */
export const postedSchema = z.strictObject({
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  client_assertion_type: z.string().optional(),
  client_assertion: z.string().optional(),
  reports: z.array(z.unknown()).min(1).max(REPORTS_MAX),
})

export const reportsSchema = z.strictObject({ reports: z.array(reportSchema) })
