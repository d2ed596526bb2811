import type { AuditEvent, DetailOf } from '../../audit/events/audit-event.ts'
import type { RequestOrigin } from '../../audit/log/action-origin.ts'
import { type Actor, UNAUTHENTICATED } from '../../audit-chain/actor.ts'
import { withoutSecrets } from '../../base/redaction.ts'
import type { CatalogueHistory } from '../../catalogue/held.ts'
import { decideMethod } from '../../permission/mcp-method.ts'
import { authenticates, type PresentedCredentials } from './resource-server-authentication.ts'
import { sharedDetail } from './shared-detail.ts'
import { standingOf } from './standing.ts'
import type { LiveToken, LookupRow } from './token-lookup.ts'

/** What a resource server asked: about a token, and, in MCP's own words, about one message. */
export type Question = RequestOrigin & {
  credentials: PresentedCredentials
  token_id: Buffer | undefined
  mcp_method: string | undefined
  mcp_name: string | undefined
  /** Of the MCP client, where the resource server says; a hint that decides nothing. */
  user_agent?: string | undefined
}

/** The RFC 7662 §2.2 answer with its status, and the event that must be durable before the answer leaves. */
export type Decision = { status: 200 | 401; body: Record<string, unknown>; event: AuditEvent }

type Inactivity = DetailOf<'token.introspected'>['reason'] & string

const INACTIVE = Object.freeze({ active: false })

/** The resource that asks. */
function resourceOf({ credentials }: Question, row: LookupRow): string | undefined {
  return credentials.built_in?.resource ?? row.resource_server?.resource
}

/** For whoever did not prove that it is a resource server: what it is told, and what is recorded. */
export function refusal({
  credentials: { id, assertion, fault },
  request_id,
  ip,
}: Pick<Question, 'credentials' | 'request_id' | 'ip'>): { description: string; event: AuditEvent } {
  return {
    description: fault ?? 'The resource server is not known, or its secret or signature is wrong',
    event: {
      type: 'introspection.refused',
      actor: UNAUTHENTICATED,
      decision: 'denied',
      request_id,
      ip,
      detail: {
        presented_client_id: id,
        authentication: assertion === undefined ? undefined : 'private_key_jwt',
        fault,
      },
    },
  }
}

function refuse(question: Question): Decision {
  const { description, event } = refusal(question)
  return { status: 401, body: { error: 'invalid_client', error_description: description }, event }
}

/** Whose token it is; of one that nobody has, whoever asks. Of Toolgate's own resource that is the caller, who is nobody then. */
function actorOf({ credentials }: Question, { token }: LookupRow): Actor {
  if (token) return { kind: 'account', id: token.account_id }
  return credentials.built_in ? UNAUTHENTICATED : { kind: 'resource_server', id: credentials.id }
}

/** What every event of a question says that a resource server asked. */
function baseEvent(question: Question, row: LookupRow) {
  return {
    actor: actorOf(question, row),
    account_id: row.token?.account_id,
    client_id: row.token?.client_id,
    resource: resourceOf(question, row),
    grant_id: row.token?.grant_id,
    token_id: question.token_id?.toString('base64url'),
    request_id: question.request_id,
    ip: question.ip,
  }
}

function inactive(question: Question, row: LookupRow, reason: Inactivity): Decision {
  const detail = sharedDetail({ resource_server: question.credentials.id, reason })
  const event = {
    type: 'token.introspected',
    ...baseEvent(question, row),
    decision: 'inactive',
    detail,
  } as const
  return { status: 200, body: INACTIVE, event }
}

function active(
  issuer: string,
  question: Question,
  token: LiveToken,
  scope: string,
): Record<string, unknown> {
  return {
    active: true,
    iss: issuer,
    sub: token.account_id,
    client_id: token.client_id,
    username: token.username,
    scope,
    aud: token.resource,
    exp: token.exp,
    iat: token.iat,
    jti: question.token_id?.toString('base64url'),
    token_type: 'Bearer',
  }
}

/** Pure: one row of the lookup, the catalogues and the question give the answer and its audit event. */
export function decide(
  issuer: string,
  history: CatalogueHistory | undefined,
  row: LookupRow,
  question: Question,
): Decision {
  if (!authenticates(question.credentials, row.resource_server?.credential_hash)) return refuse(question)
  const { token } = row
  if (!token) return inactive(question, row, 'not_live')
  // RFC 7662 §4: a resource server learns nothing about tokens that were not issued for it.
  if (token.resource !== resourceOf(question, row)) return inactive(question, row, 'wrong_resource')
  const standing = history && standingOf(history, token)
  if (!standing) return inactive(question, row, 'resource_not_in_catalogue')

  const body = active(issuer, question, token, standing.scope)
  const event = { ...baseEvent(question, row), scope: standing.scope }
  const { mcp_method, mcp_name } = question
  if (mcp_method === undefined) {
    const detail = sharedDetail({ resource_server: question.credentials.id })
    return { status: 200, body, event: { type: 'token.introspected', ...event, decision: 'active', detail } }
  }
  const answer = decideMethod(standing, question)
  const mcp = { method: mcp_method, ...(mcp_name === undefined ? {} : { name: mcp_name }), ...answer }
  return {
    status: 200,
    body: { ...body, mcp },
    event: {
      type: 'tool.decided',
      ...event,
      // Callers make up names, and paste tokens; those of the catalogue are recorded as they are.
      tool: answer.scope === '' && mcp_name !== undefined ? withoutSecrets(mcp_name) : mcp_name,
      decision: answer.allowed ? 'allowed' : 'denied',
      detail: sharedDetail({
        resource_server: question.credentials.id,
        method: mcp_method,
        needed: answer.scope,
      }),
    },
  }
}
