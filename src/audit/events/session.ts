import { explainSignIn } from '../explanation/refusals.ts'
import { AUTHENTICATION } from '../export/ocsf-classes.ts'
import { because, by, clean, person } from '../story/words.ts'
import { event, type Optional, type Why } from './event-definition.ts'

export type EndedSessions = Why & Optional<{ ended_page_sessions: number; ended_browser_sign_ins: number }>

export const SESSION_EVENTS = {
  'login.failed': event<{ reason: 'throttled' | 'refused' }>('nothing', AUTHENTICATION.logon, {
    sentence: (told) => `a sign-in as ${person(told)} failed from ${clean(told.event.ip)}${because(told)}`,
    failure: 'failed',
    explain: explainSignIn,
    personal: ({ count }) =>
      count === 1 ? 'A sign-in with your username failed' : `${count} sign-ins with your username failed`,
    is_counted: true,
    is_local: true,
  }),
  'login.succeeded': event('nothing', AUTHENTICATION.logon, {
    sentence: (told) => `${person(told)} signed in from ${clean(told.event.ip)}`,
    personal: () => 'You signed in',
    is_local: true,
  }),
  /** Somebody was signed out, by themselves or by an operator. */
  // Grants outlive the session in which they were given.
  'session.ended': event<EndedSessions>('nothing', AUTHENTICATION.logoff, {
    sentence: (told) => `${person(told)} was signed out${by(told)}`,
    personal: ({ is_own }) =>
      is_own ? 'You signed out' : 'You were signed out by those who run this server',
    is_local: true,
  }),
}
