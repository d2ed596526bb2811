import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { definitionOf, failureOf } from '../events/audit-event.ts'
import { BASE_EVENT, type OcsfActivity } from './ocsf-classes.ts'

/** The Open Cybersecurity Schema Framework: one object for each event, of the class that fits its type. */
const OCSF_VERSION = '1.8.0'

const PRODUCT = { name: 'Toolgate', vendor_name: 'Toolgate' }

type Attributes = Record<string, unknown>

function severityOf(event: AuditRow): Attributes {
  const failure = failureOf(event)
  if (failure === 'severe') return { severity_id: 4, severity: 'High' }
  return failure ? { severity_id: 2, severity: 'Low' } : { severity_id: 1, severity: 'Informational' }
}

/** What came of a call, and how long it took, where the event says that. */
function outcomeOf({ detail }: AuditRow): string | undefined {
  return typeof detail?.outcome === 'string' ? detail.outcome : undefined
}

function durationOf({ detail }: AuditRow): Attributes {
  return typeof detail?.duration_ms === 'number' ? { duration: detail.duration_ms } : {}
}

function activityOf({ type, detail }: AuditRow): OcsfActivity {
  const { ocsf = BASE_EVENT } = definitionOf(type) ?? {}
  return typeof ocsf === 'function' ? ocsf((detail ?? {}) as never) : ocsf
}

function present(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null))
}

function user({ account_id }: AuditRow): Attributes {
  return account_id === null ? { name: 'unknown' } : { uid: account_id, type_id: 1, type: 'User' }
}

function actor({ actor_kind, actor_id, client_id }: AuditRow): Attributes {
  const who = actor_id === null ? { name: actor_kind } : { uid: actor_id }
  return present({ user: { ...who, type_id: 99, type: actor_kind }, app_uid: client_id })
}

function source({ ip }: AuditRow): Attributes {
  return ip === null ? { name: 'unknown' } : { ip }
}

function api(event: AuditRow): Attributes {
  const { detail, request_id, resource, tool, type } = event
  const method = typeof detail?.method === 'string' ? detail.method : type
  return {
    api: {
      operation: method,
      service: { name: resource ?? PRODUCT.name },
      ...(request_id === null ? {} : { request: { uid: request_id } }),
    },
    ...(tool === null ? {} : { resources: [{ name: tool, type: 'MCP tool' }] }),
  }
}

/** What the class requires of an event, and what it has room for. */
function classAttributes(event: AuditRow, { class_uid }: OcsfActivity): Attributes {
  const who = { actor: actor(event), src_endpoint: source(event) }
  switch (class_uid) {
    case 3001:
      return { ...who, user: user(event) }
    case 3002:
      return {
        ...who,
        user: user(event),
        service: { name: PRODUCT.name },
        auth_protocol_id: 6,
        auth_protocol: 'OAUTH 2.0',
      }
    case 3004:
      return { ...who, entity: entity(event) }
    case 3005: {
      const resource =
        event.resource === null ? {} : { resource: { uid: event.resource, type: 'OAuth protected resource' } }
      return { ...who, ...resource, user: user(event), privileges: event.scope?.split(' ') ?? ['unknown'] }
    }
    case 6002:
      return { app: PRODUCT }
    case 6003:
      return { ...who, ...api(event) }
    default:
      return {}
  }
}

/** What was made, changed or removed: the noun that its type begins with. */
function entity(event: AuditRow): Attributes {
  const [type = 'unknown'] = event.type.split('.')
  const uid = event.client_id ?? event.resource
  return { type: type.replaceAll('_', ' '), name: uid ?? type, ...(uid === null ? {} : { uid }) }
}

/** What has no attribute of its own. Times are in it nowhere: `time` is the event's, in milliseconds. */
function unmapped(event: AuditRow): Attributes {
  const { decision, scope, grant_id, token_id, writer_id, detail, prev_hash, hash } = event
  const hashes = { prev_hash: prev_hash.toString('hex'), hash: hash.toString('hex') }
  return present({ decision, scope, grant_id, token_id, writer_id, detail, ...hashes })
}

/** An event as an OCSF object. */
export function ocsfEvent(event: AuditRow): Attributes {
  const activity = activityOf(event)
  const failed = failureOf(event) !== undefined
  const said = event.decision ?? outcomeOf(event)
  return {
    ...activity,
    category_uid: Math.floor(activity.class_uid / 1_000),
    type_uid: activity.class_uid * 100 + activity.activity_id,
    time: event.occurred_at.getTime(),
    ...severityOf(event),
    status_id: failed ? 2 : 1,
    status: failed ? 'Failure' : 'Success',
    ...(said === undefined ? {} : { status_code: said }),
    ...durationOf(event),
    message: said === undefined ? event.type : `${event.type}: ${said}`,
    metadata: {
      version: OCSF_VERSION,
      product: PRODUCT,
      log_name: 'audit_events',
      uid: event.id,
      event_code: event.type,
      sequence: event.seq,
      ...(event.request_id === null ? {} : { correlation_uid: event.request_id }),
    },
    ...classAttributes(event, activity),
    unmapped: unmapped(event),
  }
}

/** One line with one OCSF object. */
export function ocsfLine(event: AuditRow): string {
  return `${JSON.stringify(ocsfEvent(event))}\n`
}
