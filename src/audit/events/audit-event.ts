/**
 * The audit log: who, through which client, called which tool, allowed or not, kept as evidence. One table that
 * only grows, in which every process keeps a hash chain of its own. This file is the closed set of events.
 */
import { z } from 'zod'
import type { EventWords } from '../../audit-chain/event-fields.ts'

export const AUDIT_TYPES = [
  'account.changed',
  'account.created',
  /** Rows of a local log were taken over; names the last of a chain, as `writer.closed` does. */
  'audit.imported',
  /** By retention; its closing names what was in it. */
  'audit.partition_dropped',
  /** By the person. */
  'authorization.denied',
  'authorization.granted',
  /** By us. */
  'authorization.refused',
  'catalogue.applied',
  /** A sink does not take checkpoints; once for each outage. */
  'checkpoint.undelivered',
  'client.admission_refused',
  'client.blocked',
  'client.changed',
  'client.registered',
  'client.registration_refused',
  'client.unblocked',
  'consent.given',
  /** Scopes were taken away. */
  'grant.narrowed',
  'grant.revoked',
  /** The resource server did not authenticate. */
  'introspection.refused',
  'login.failed',
  'login.succeeded',
  'operator.refused',
  'operator_token.created',
  'operator_token.revoked',
  'personal_token.created',
  /** Once for each token, seven days before. */
  'personal_token.expiring',
  'personal_token.revoked',
  'personal_token.rotated',
  /** Presented again within the grace: the identical successor was given again. */
  'refresh_token.replayed',
  /** Presented again after the grace: the family was revoked. */
  'refresh_token.reused',
  'refresh_token.revoked',
  'resource_server.changed',
  'resource_server.created',
  'server.started',
  'server.stopped',
  /** Somebody was signed out, by themselves or by an operator. */
  'session.ended',
  'token.introspected',
  'token.issued',
  'token.refreshed',
  'token.refused',
  'token.revoked',
  /** What came of a call, as its resource server says. */
  'tool.completed',
  /** An introspection that named an MCP method or tool, or a decision that its resource server made from its cache. */
  'tool.decided',
  /** Names the last row of another chain, which ended; written by the audit log itself, as the next two are. */
  'writer.closed',
  /** The first event of every chain; names the last row of the newest chain that had ended. */
  'writer.started',
  /** The last event of a chain that ended in order. */
  'writer.stopped',
] as const

/** Nearly all events are of these types; only for the others is there an index by each of their ids. */
export const FREQUENT_TYPES: readonly AuditType[] = ['tool.completed', 'tool.decided', 'token.introspected']

export const DECISIONS = ['allowed', 'denied', 'active', 'inactive', 'revoked', 'not_found'] as const

/** Fractions are missing on purpose: their text differs between JSON, jsonb and other languages. */
const scalar = z.union([z.string(), z.boolean(), z.int(), z.null()])
export const auditTypeSchema = z.enum(AUDIT_TYPES)
export const auditDetailSchema = z.record(z.string(), z.union([scalar, z.array(scalar)]))

export type AuditType = z.infer<typeof auditTypeSchema>

/** Never in it: tokens, codes, passwords, tool arguments. Tokens are named by the base64url of their SHA-256. */
export type AuditEvent = EventWords & { type: AuditType; decision?: (typeof DECISIONS)[number] | undefined }
