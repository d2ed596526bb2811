import { explainOAuthError } from '../explanation/refusals.ts'
import { API } from '../export/ocsf-classes.ts'
import { because, by, clean, short } from '../story/words.ts'
import type { Refusal } from './authorization.ts'
import { event, type Optional, type Tellable, type Told, times } from './event-definition.ts'

/** What a token response was given for, and the refresh token in it, each by the SHA-256 that names it. */
type Links = Optional<{ code_id: string; spent_refresh_token_id: string; refresh_token_id: string }>
type Reuse = { presented: 'refresh_token' | 'authorization_code' } & Optional<{ presented_id: string }>
type Revocation = { found: boolean } & Optional<{ token: 'access_token' | 'refresh_token' }>

function tokens({ event, detail }: Told<Links>): string {
  const access = `access token ${short(event.token_id)}`
  if (detail.refresh_token_id === undefined) return access
  return `${access} and refresh token ${short(detail.refresh_token_id)}`
}

/** RFC 7009 §2.2: revoking what is no token of the client is no error; anybody may ask for it, as often as they like. */
function wasFound({ found }: Partial<Revocation>, { grant_id }: Tellable): 'account' | 'nothing' {
  return found === false && grant_id === null ? 'nothing' : 'account'
}

export const TOKEN_EVENTS = {
  /** Presented again within the grace: the identical successor was given again. */
  'refresh_token.replayed': event<Links>('nothing', API.read, {
    sentence: (told) =>
      `refresh token ${short(told.detail.spent_refresh_token_id)} came again within the grace: the same ${tokens(told)} again`,
  }),
  /** Presented again after the grace: the family was revoked. */
  'refresh_token.reused': event<Reuse>('account', API.delete, {
    sentence: ({ detail }) =>
      `REVOKED: ${detail.presented === 'refresh_token' ? 'refresh token' : 'code'} ${short(detail.presented_id)} was used twice, the grant ended with all its tokens`,
    failure: 'severe',
    ends_grant: true,
    personal: ({ app }) =>
      `${app} was disconnected, because one of its tokens was used twice; it may have been copied`,
  }),
  'token.issued': event<Links>('nothing', API.create, {
    sentence: (told) =>
      `code ${short(told.detail.code_id)} became ${tokens(told)}: ${clean(told.event.scope)}`,
    gives_scopes: true,
  }),
  // The access tokens before live on.
  'token.refreshed': event<Links>('nothing', API.update, {
    sentence: (told) =>
      `refresh token ${short(told.detail.spent_refresh_token_id)} became ${tokens(told)}: ${clean(told.event.scope)}`,
    gives_scopes: true,
  }),
  'token.refused': event<Refusal & { status: string }>('nothing', API.create, {
    sentence: (told) => `a token request was refused${because(told)}`,
    failure: 'failed',
    explain: explainOAuthError,
    personal: ({ app, count }) => `${app} was refused a token ${times(count)}`,
    is_counted: true,
  }),
  'token.revoked': event<Revocation>(wasFound, API.delete, {
    sentence(told) {
      const id = short(told.event.token_id)
      if (told.detail.found === false) return `a token that is none was given back${by(told)}`
      if (told.detail.token === 'access_token') return `access token ${id} revoked${by(told)}`
      return `REVOKED${by(told)}: refresh token ${id}, and the grant with it`
    },
    ends_grant: ({ token }) => token === 'refresh_token',
    personal: ({ app }) => `${app} gave back a token`,
  }),
}
