import { z } from 'zod'
import { OPERATOR_SCOPES } from '../accounts/operator-scopes.ts'
import { operatorTokenView } from '../accounts/operator-token-store.ts'
import {
  createOperatorToken,
  OPERATOR_TOKEN_DAYS_MAX,
  pageOfOperatorTokens,
  revokeOperatorToken,
} from '../accounts/operator-tokens.ts'
import { defineAction } from './action.ts'
import { cursor, limit, text, why } from './fields.ts'

export const listTokens = defineAction({
  name: 'list_operator_tokens',
  scope: 'operator:read',
  summary: 'Lists the tokens that open the operator API, newest first, with what each may do.',
  method: 'get',
  path: '/operator-tokens',
  command: 'operator-tokens list',
  cli: { columns: 'id name scope created_by created_at expires_at' },
  page: '/operator/operator-tokens',
  input: z.strictObject({ limit, after: cursor.optional() }),
  output: z.object({ operator_tokens: z.array(operatorTokenView), next: z.string().optional() }),
  run: (context, page) => pageOfOperatorTokens(context, page),
})

export const createToken = defineAction({
  name: 'create_operator_token',
  scope: 'operator:admin',
  summary: 'Makes a token for the operator API with at most what you may do yourself. It is not shown again.',
  method: 'post',
  created: true,
  path: '/operator-tokens',
  command: 'operator-tokens create',
  cli: {
    arguments: ['name'],
    options: { scopes: '--scope' },
    lines: ({ token }) => [token, 'Keep it now: it is not shown again.'],
  },
  page: '/operator/operator-tokens',
  input: z.strictObject({
    name: text.max(128).describe('What it is for'),
    days: z.coerce
      .number()
      .int()
      .min(1)
      .max(OPERATOR_TOKEN_DAYS_MAX)
      .default(90)
      .describe('How long it lives'),
    scopes: z
      .array(z.enum(OPERATOR_SCOPES))
      .min(1)
      .default(['operator:read', 'operator:revoke'])
      .describe('What it may do'),
    ...why,
  }),
  output: z.object({ id: z.string(), token: z.string() }),
  run: (context, input, caller) => createOperatorToken(context, { ...input, held: caller.scopes }, caller),
})

export const revokeToken = defineAction({
  name: 'revoke_operator_token',
  scope: 'operator:revoke',
  summary: 'Revokes a token of the operator API at once.',
  method: 'post',
  path: '/operator-tokens/{id}/revoke',
  command: 'operator-tokens revoke',
  cli: {
    nothing: ({ revoked }, { id }) => (revoked.length > 0 ? undefined : `There is no operator token ${id}`),
    lines: (_, { id }) => [`Revoked ${id}.`],
  },
  page: '/operator/operator-tokens/:id/revoke',
  input: z.strictObject({ id: text.describe('As the list has it; never the token itself'), ...why }),
  output: z.object({ revoked: z.array(z.string()) }),
  run: (context, { id }, caller) => revokeOperatorToken(context, id, caller),
})

export const OPERATOR_TOKEN_ACTIONS = [listTokens, createToken, revokeToken]
