import { USER_ACCESS } from '../export/ocsf-classes.ts'
import { by, clean } from '../story/words.ts'
import { event, type Why } from './event-definition.ts'

export const GRANT_EVENTS = {
  /** Scopes were taken away. */
  'grant.narrowed': event<Why & { removed: readonly string[] }>('account', USER_ACCESS.revoke, {
    sentence: (told) =>
      `narrowed${by(told)}: ${clean(told.event.scope)} stays, ${clean(told.detail.removed)} is taken away`,
    personal: ({ who, app, scopes }) => `${who} narrowed what ${app} may do to: ${scopes}`,
  }),
  'grant.revoked': event<Why>('account', USER_ACCESS.revoke, {
    sentence: (told) => `REVOKED${by(told)}: the grant with all its tokens`,
    ends_grant: true,
    personal: ({ who, app }) => `${who} disconnected ${app}`,
  }),
}
