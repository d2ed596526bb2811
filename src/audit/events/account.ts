import { ACCOUNT_CHANGE, type OcsfActivity } from '../export/ocsf-classes.ts'
import { by, clean, person } from '../story/words.ts'
import { event, type Optional, type Why } from './event-definition.ts'
import type { EndedSessions } from './session.ts'

type Change = EndedSessions & Optional<{ roles: readonly string[]; disabled: boolean; password: 'changed' }>

function activityOf({ password, disabled }: Partial<Change>): OcsfActivity {
  if (password !== undefined) return ACCOUNT_CHANGE.password
  if (disabled === undefined) return ACCOUNT_CHANGE.other
  return disabled ? ACCOUNT_CHANGE.disable : ACCOUNT_CHANGE.enable
}

export const ACCOUNT_EVENTS = {
  'account.changed': event<Change>('account', activityOf, {
    sentence: (told) => `account ${person(told)} changed${by(told)}: ${clean(JSON.stringify(told.detail))}`,
    personal: ({ is_own }) =>
      is_own ? 'You changed your account' : 'Your account was changed by those who run this server',
    is_local: true,
  }),
  'account.created': event<Why & { roles: readonly string[] }>('nothing', ACCOUNT_CHANGE.create, {
    sentence: (told) => `account ${person(told)} created${by(told)}`,
    personal: () => 'Your account was made',
    is_local: true,
  }),
  /** `limits`: of how many, which failed sign-ins had reached. */
  'account.unlocked': event<Why & { limits: number }>('nothing', ACCOUNT_CHANGE.other, {
    sentence: (told) => `failed sign-ins as ${person(told)} were forgotten${by(told)}`,
    personal: () => 'Those who run this server let you try to sign in again',
    is_local: true,
  }),
}
