import { ENTITY } from '../export/ocsf-classes.ts'
import { because, by, clean, client } from '../story/words.ts'
import type { Refusal } from './authorization.ts'
import { event, type Optional, type Why } from './event-definition.ts'

/** `receivers`: who gets a code at these addresses, as people are told. */
type Said = { client_name: string; redirect_uris: readonly string[]; receivers: readonly string[] }
type Change = Why & Optional<Said> & { change: 'added' | 'secret_rotated' | 'removed' }
/** `registered_before`: the client of an earlier registration was given again. */
type Registration = Said & Optional<{ registered_before: true }>
type Admission = { presented_client_id: string; host: string; mode: string; dry_run: boolean }

export const CLIENT_EVENTS = {
  /** Its host is not admitted, or would not be where this is a dry run. */
  'client.admission_refused': event<Admission>('nothing', ENTITY.create, {
    sentence: ({ detail }) =>
      `the document ${clean(detail.presented_client_id)} was ${detail.dry_run ? 'let in, and would be refused' : 'refused'}: hosts are admitted by ${clean(detail.mode)}`,
    failure: 'failed',
  }),
  'client.blocked': event<{ reason: string; grants: number }>('client', ENTITY.update, {
    sentence: (told) => `${client(told)} was blocked${by(told)}`,
  }),
  'client.changed': event<Change>('client', ENTITY.update, {
    sentence: (told) => `${client(told)} was changed${by(told)}: ${clean(told.detail.change)}`,
  }),
  'client.registered': event<Registration>('nothing', ENTITY.create, {
    sentence: (told) =>
      `${client(told)} registered${told.detail.registered_before ? ' again' : ''}, back to ${clean(told.detail.receivers)}`,
  }),
  'client.registration_refused': event<Refusal & { status: string }>('nothing', ENTITY.create, {
    sentence: (told) => `a registration was refused${because(told)}`,
    failure: 'failed',
  }),
  // What was revoked with the block stays so.
  'client.unblocked': event<Why>('nothing', ENTITY.update, {
    sentence: (told) => `${client(told)} was let in again${by(told)}`,
  }),
}
