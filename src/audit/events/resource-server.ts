import { ENTITY } from '../export/ocsf-classes.ts'
import { by, clean } from '../story/words.ts'
import { event, type Optional, type Why } from './event-definition.ts'

/** `keys`: their thumbprints (RFC 7638). */
type Credential = Why & Optional<{ authentication: Authentication; keys: readonly string[] }>
type Authentication = 'client_secret' | 'private_key_jwt'
type Change = Credential & { change: 'secret_rotated' | 'keys_rotated' | 'removed' }

export const RESOURCE_SERVER_EVENTS = {
  // Of a resource server of this very resource, which may be the one that listens.
  'resource_server.changed': event<Change>('all', ENTITY.update, {
    sentence: (told) =>
      `resource server ${clean(told.event.client_id)} was changed${by(told)}: ${clean(told.detail.change)}`,
  }),
  'resource_server.created': event<Credential>('nothing', ENTITY.create, {
    sentence: (told) =>
      `resource server ${clean(told.event.client_id)} of ${clean(told.event.resource)} was added${by(told)}`,
  }),
}
