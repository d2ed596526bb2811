import type { AuditRow } from '../../audit-chain/hash-chain.ts'

/** Which OCSF 1.8.0 class and activity each type of event is. */
export type OcsfActivity = {
  class_uid: number
  class_name: string
  activity_id: number
  activity_name: string
}

const ACCOUNT_CHANGE = { class_uid: 3001, class_name: 'Account Change' }
const AUTHENTICATION = { class_uid: 3002, class_name: 'Authentication' }
const ENTITY_MANAGEMENT = { class_uid: 3004, class_name: 'Entity Management' }
const USER_ACCESS = { class_uid: 3005, class_name: 'User Access Management' }
const LIFECYCLE = { class_uid: 6002, class_name: 'Application Lifecycle' }
const API_ACTIVITY = { class_uid: 6003, class_name: 'API Activity' }
/** For what this table does not know: the class that fits any event. */
const BASE = { class_uid: 0, class_name: 'Base Event', activity_id: 99, activity_name: 'Other' }

const CREATE = { activity_id: 1, activity_name: 'Create' }
const READ = { activity_id: 2, activity_name: 'Read' }
const UPDATE = { activity_id: 3, activity_name: 'Update' }
const DELETE = { activity_id: 4, activity_name: 'Delete' }
const LOGON = { activity_id: 1, activity_name: 'Logon' }
const LOGOFF = { activity_id: 2, activity_name: 'Logoff' }
const ASSIGN = { activity_id: 1, activity_name: 'Assign Privileges' }
const REVOKE = { activity_id: 2, activity_name: 'Revoke Privileges' }
const OTHER = { activity_id: 99, activity_name: 'Other' }

const ACTIVITIES: Readonly<Record<string, OcsfActivity>> = {
  'account.created': { ...ACCOUNT_CHANGE, ...CREATE },
  'audit.imported': { ...ENTITY_MANAGEMENT, ...CREATE },
  'audit.partition_dropped': { ...ENTITY_MANAGEMENT, ...DELETE },
  'authorization.denied': { ...API_ACTIVITY, ...CREATE },
  'authorization.granted': { ...API_ACTIVITY, ...CREATE },
  'authorization.refused': { ...API_ACTIVITY, ...CREATE },
  'catalogue.applied': { ...ENTITY_MANAGEMENT, ...UPDATE },
  'checkpoint.undelivered': { ...LIFECYCLE, ...OTHER },
  'client.admission_refused': { ...ENTITY_MANAGEMENT, ...CREATE },
  'client.blocked': { ...ENTITY_MANAGEMENT, ...UPDATE },
  'client.changed': { ...ENTITY_MANAGEMENT, ...UPDATE },
  'client.registered': { ...ENTITY_MANAGEMENT, ...CREATE },
  'client.registration_refused': { ...ENTITY_MANAGEMENT, ...CREATE },
  'client.unblocked': { ...ENTITY_MANAGEMENT, ...UPDATE },
  'consent.given': { ...USER_ACCESS, ...ASSIGN },
  'grant.narrowed': { ...USER_ACCESS, ...REVOKE },
  'grant.revoked': { ...USER_ACCESS, ...REVOKE },
  'introspection.refused': { ...API_ACTIVITY, ...READ },
  'login.failed': { ...AUTHENTICATION, ...LOGON },
  'login.succeeded': { ...AUTHENTICATION, ...LOGON },
  'operator.refused': { ...API_ACTIVITY, ...OTHER },
  'operator_token.created': { ...ENTITY_MANAGEMENT, ...CREATE },
  'operator_token.revoked': { ...ENTITY_MANAGEMENT, ...DELETE },
  'personal_token.created': { ...USER_ACCESS, ...ASSIGN },
  'personal_token.expiring': { ...LIFECYCLE, ...OTHER },
  'personal_token.revoked': { ...USER_ACCESS, ...REVOKE },
  'personal_token.rotated': { ...API_ACTIVITY, ...UPDATE },
  'refresh_token.replayed': { ...API_ACTIVITY, ...READ },
  'refresh_token.reused': { ...API_ACTIVITY, ...DELETE },
  'refresh_token.revoked': { ...API_ACTIVITY, ...DELETE },
  'resource_server.changed': { ...ENTITY_MANAGEMENT, ...UPDATE },
  'resource_server.created': { ...ENTITY_MANAGEMENT, ...CREATE },
  'server.started': { ...LIFECYCLE, activity_id: 3, activity_name: 'Start' },
  'server.stopped': { ...LIFECYCLE, activity_id: 4, activity_name: 'Stop' },
  'session.ended': { ...AUTHENTICATION, ...LOGOFF },
  'token.introspected': { ...API_ACTIVITY, ...READ },
  'token.issued': { ...API_ACTIVITY, ...CREATE },
  'token.refreshed': { ...API_ACTIVITY, ...UPDATE },
  'token.refused': { ...API_ACTIVITY, ...CREATE },
  'token.revoked': { ...API_ACTIVITY, ...DELETE },
  'tool.completed': { ...API_ACTIVITY, ...OTHER },
  'tool.decided': { ...API_ACTIVITY, ...READ },
  'writer.closed': { ...LIFECYCLE, ...OTHER },
  'writer.started': { ...LIFECYCLE, ...OTHER },
  'writer.stopped': { ...LIFECYCLE, ...OTHER },
}

/** An account's change is told by what the event's detail says. */
function accountChange({ detail }: AuditRow): OcsfActivity {
  if (detail?.password !== undefined)
    return { ...ACCOUNT_CHANGE, activity_id: 3, activity_name: 'Password Change' }
  if (detail?.disabled === true) return { ...ACCOUNT_CHANGE, activity_id: 5, activity_name: 'Disable' }
  if (detail?.disabled === false) return { ...ACCOUNT_CHANGE, activity_id: 2, activity_name: 'Enable' }
  return { ...ACCOUNT_CHANGE, ...OTHER }
}

export function ocsfActivity(event: AuditRow): OcsfActivity {
  if (event.type === 'account.changed') return accountChange(event)
  return Object.hasOwn(ACTIVITIES, event.type) ? (ACTIVITIES[event.type] ?? BASE) : BASE
}
