import { explainOAuthError } from '../explanation/refusals.ts'
import { API, USER_ACCESS } from '../export/ocsf-classes.ts'
import { because, clean, client, person, short } from '../story/words.ts'
import { event, type Optional } from './event-definition.ts'

/** The error of OAuth; and what the client said it was, where it is not known here or did not prove it. */
export type Refusal = Optional<{ error: string; error_description: string; presented_client_id: string }>

type Consent = { rejected: readonly string[]; receiver: string }

export const AUTHORIZATION_EVENTS = {
  /** By the person. */
  'authorization.denied': event<Refusal>('nothing', API.create, {
    sentence: (told) => `${person(told)} denied ${client(told)}`,
    failure: 'failed',
    personal: ({ app }) => `You did not allow ${app} anything`,
    is_local: true,
  }),
  'authorization.granted': event<Optional<{ code_id: string }>>('nothing', API.create, {
    sentence: ({ detail }) => `a code was given: ${short(detail.code_id)}`,
  }),
  /** By us. */
  'authorization.refused': event<Refusal>('nothing', API.create, {
    sentence: (told) => `${client(told)} was refused an authorization${because(told)}`,
    failure: 'failed',
    explain: explainOAuthError,
    personal: ({ app }) => `${app} could not be connected`,
    is_local: true,
  }),
  'consent.given': event<Consent>('nothing', USER_ACCESS.assign, {
    sentence: (told) =>
      `${person(told)} allowed ${client(told)}, back to ${clean(told.detail.receiver)}, on ${clean(told.event.resource)}: ${clean(told.event.scope)}`,
    gives_scopes: true,
    personal: ({ app, resource, scopes }) => `You allowed ${app} to use ${resource}: ${scopes}`,
    is_local: true,
  }),
}
