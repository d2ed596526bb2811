/**
 * The audit log: who, through which client, called which tool, allowed or not, kept as evidence. One table that
 * only grows, in which every process keeps a hash chain of its own. This file is the closed set of events.
 */
import { z } from 'zod'
import type { Detail, EventWords } from '../../audit-chain/event-fields.ts'
import { ACCOUNT_EVENTS } from './account.ts'
import { AUTHORIZATION_EVENTS } from './authorization.ts'
import { CATALOGUE_EVENTS } from './catalogue.ts'
import { CLIENT_EVENTS } from './client.ts'
import type { EventDefinition, Tellable } from './event-definition.ts'
import { GRANT_EVENTS } from './grant.ts'
import { INTROSPECTION_EVENTS } from './introspection.ts'
import { OPERATOR_EVENTS } from './operator.ts'
import { PERSONAL_TOKEN_EVENTS } from './personal-token.ts'
import { RESOURCE_SERVER_EVENTS } from './resource-server.ts'
import { SERVER_EVENTS } from './server.ts'
import { SESSION_EVENTS } from './session.ts'
import { TOKEN_EVENTS } from './token.ts'
import { TOOL_EVENTS } from './tool.ts'
import { WRITER_EVENTS } from './writer.ts'

const EVENTS = {
  ...ACCOUNT_EVENTS,
  ...AUTHORIZATION_EVENTS,
  ...CATALOGUE_EVENTS,
  ...CLIENT_EVENTS,
  ...GRANT_EVENTS,
  ...INTROSPECTION_EVENTS,
  ...OPERATOR_EVENTS,
  ...PERSONAL_TOKEN_EVENTS,
  ...RESOURCE_SERVER_EVENTS,
  ...SERVER_EVENTS,
  ...SESSION_EVENTS,
  ...TOKEN_EVENTS,
  ...TOOL_EVENTS,
  ...WRITER_EVENTS,
}

export type AuditType = keyof typeof EVENTS
export type DetailOf<T extends AuditType> = (typeof EVENTS)[T] extends EventDefinition<infer D> ? D : never

/** Said where it must be said, left out where nothing of it must be. */
type WithDetail<D> = D extends undefined
  ? { detail?: undefined }
  : object extends D
    ? { detail?: D }
    : { detail: D }

export const DECISIONS = ['allowed', 'denied', 'active', 'inactive'] as const

type Columns = Omit<EventWords, 'type' | 'decision' | 'detail'> & {
  decision?: (typeof DECISIONS)[number] | undefined
}

/** Never in it: tokens, codes, passwords, tool arguments. Tokens are named by the base64url of their SHA-256. */
export type AuditEvent = {
  [T in AuditType]: Columns & { type: T } & WithDetail<DetailOf<T>>
}[AuditType]

/** As whoever reads the log knows it, where any detail may stand. */
type AnyDefinition = EventDefinition<Detail & Record<string, never>>

export const AUDIT_TYPES = Object.keys(EVENTS).sort() as readonly AuditType[] as [AuditType, ...AuditType[]]

/** Undefined for a type that is none: whoever writes past the log may write anything. */
export function definitionOf(type: string): AnyDefinition | undefined {
  return Object.hasOwn(EVENTS, type) ? (EVENTS[type as AuditType] as AnyDefinition) : undefined
}

/** Whether something was refused or went wrong; undefined where all was well. */
export function failureOf({ type, decision, detail }: Tellable): 'failed' | 'severe' | undefined {
  const failure = definitionOf(type)?.failure
  const found = typeof failure === 'function' ? failure((detail ?? {}) as never) : failure
  return found ?? (decision === 'denied' || decision === 'inactive' ? 'failed' : undefined)
}

/** The types whose definition says so. */
export function typesThat(fits: (definition: AnyDefinition) => boolean): AuditType[] {
  return AUDIT_TYPES.filter((type) => fits(EVENTS[type] as AnyDefinition))
}

export const FREQUENT_TYPES: readonly AuditType[] = typesThat(({ is_frequent }) => is_frequent === true)

/** Fractions are missing on purpose: their text differs between JSON, jsonb and other languages. */
const scalar = z.union([z.string(), z.boolean(), z.int(), z.null()])
export const auditTypeSchema = z.enum(AUDIT_TYPES)
export const auditDetailSchema = z.record(z.string(), z.union([scalar, z.array(scalar)]))
