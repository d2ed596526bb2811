import { API, LIFECYCLE, USER_ACCESS } from '../export/ocsf-classes.ts'
import { by, clean, person, short } from '../story/words.ts'
import { event, type Told, type Why } from './event-definition.ts'

type Named = Why & { name: string }
type Rotation = Named & { replaced_token_id: string; overlap_hours: number; days: number }

function token({ detail }: Told<Named>): string {
  return `personal access token “${clean(detail.name)}”`
}

export const PERSONAL_TOKEN_EVENTS = {
  'personal_token.created': event<Named & { role: string; days: number }>('nothing', USER_ACCESS.assign, {
    sentence: (told) =>
      `${token(told)} made for ${person(told)}${by(told)}, on ${clean(told.event.resource)}: ${clean(told.event.scope)}; token ${short(told.event.token_id)}`,
    gives_scopes: true,
    personal: ({ who, resource, scopes }) => `${who} made a personal token for ${resource}: ${scopes}`,
  }),
  /** Once for each token, seven days before. */
  'personal_token.expiring': event<Named & { expires_at: string }>('nothing', LIFECYCLE.other, {
    sentence: (told) => `${token(told)} expires soon: ${clean(told.detail.expires_at)}`,
    personal: ({ app }) => `${app} expires within a week`,
  }),
  'personal_token.revoked': event<Named>('account', USER_ACCESS.revoke, {
    sentence: (told) => `REVOKED${by(told)}: ${token(told)} with all its values`,
    ends_grant: true,
    personal: ({ who, resource }) => `${who} revoked a personal token for ${resource}`,
  }),
  // The value before ends now, or earlier than it would have.
  'personal_token.rotated': event<Rotation>('account', API.update, {
    sentence: (told) =>
      `token ${short(told.detail.replaced_token_id)} of “${clean(told.detail.name)}” was replaced${by(told)} by ${short(told.event.token_id)}, and lives on for ${clean(told.detail.overlap_hours)} hours at most`,
    personal: ({ who, resource }) => `${who} gave a personal token for ${resource} a new value`,
  }),
}
