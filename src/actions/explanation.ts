import { z } from 'zod'
import { explainEvent } from '../audit/explanation/explanation.ts'
import { PARTIES, VERDICTS } from '../audit/explanation/verdict.ts'
import { eventDocument } from '../audit/export/json-lines.ts'
import { defineAction } from './action.ts'

export const explainDenial = defineAction({
  name: 'explain_denial',
  scope: 'operator:read',
  summary: 'Explains a refusal in the audit log in plain words: why, and what each side can do about it.',
  method: 'get',
  path: '/audit/events/{id}/explanation',
  command: 'audit explain',
  page: '/operator/audit/explain/:id',
  input: z.strictObject({ id: z.guid().describe('The id of the event that refused something') }),
  output: z.object({
    event: z.record(z.string(), z.unknown()),
    verdict: z.enum(VERDICTS),
    reasons: z.array(z.string()),
    remedies: z.array(z.object({ who: z.enum(PARTIES), what: z.string() })),
  }),
  run: async (context, { id }) => {
    const { event, ...explanation } = await explainEvent(context, id)
    return { event: eventDocument(event), ...explanation }
  },
})

export const EXPLANATION_ACTIONS = [explainDenial]
