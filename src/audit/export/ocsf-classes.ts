/** The OCSF 1.8.0 classes and activities that events are. */
export type OcsfActivity = {
  class_uid: number
  class_name: string
  activity_id: number
  activity_name: string
}

const classOf = (class_uid: number, class_name: string) => (activity_id: number, activity_name: string) => ({
  class_uid,
  class_name,
  activity_id,
  activity_name,
})

const account = classOf(3001, 'Account Change')
const authentication = classOf(3002, 'Authentication')
const entity = classOf(3004, 'Entity Management')
const access = classOf(3005, 'User Access Management')
const lifecycle = classOf(6002, 'Application Lifecycle')
const api = classOf(6003, 'API Activity')

export const ACCOUNT_CHANGE = {
  create: account(1, 'Create'),
  enable: account(2, 'Enable'),
  password: account(3, 'Password Change'),
  disable: account(5, 'Disable'),
  other: account(99, 'Other'),
}
export const AUTHENTICATION = { logon: authentication(1, 'Logon'), logoff: authentication(2, 'Logoff') }
export const ENTITY = {
  create: entity(1, 'Create'),
  update: entity(3, 'Update'),
  delete: entity(4, 'Delete'),
}
export const USER_ACCESS = { assign: access(1, 'Assign Privileges'), revoke: access(2, 'Revoke Privileges') }
export const LIFECYCLE = {
  start: lifecycle(3, 'Start'),
  stop: lifecycle(4, 'Stop'),
  other: lifecycle(99, 'Other'),
}
export const API = {
  create: api(1, 'Create'),
  read: api(2, 'Read'),
  update: api(3, 'Update'),
  delete: api(4, 'Delete'),
  other: api(99, 'Other'),
}
/** For what no definition is known of: the class that fits any event. */
export const BASE_EVENT: OcsfActivity = classOf(0, 'Base Event')(99, 'Other')
