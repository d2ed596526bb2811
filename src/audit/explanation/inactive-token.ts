import { actorText } from '../../audit-chain/actor.ts'
import { findResource } from '../../catalogue/catalogue.ts'
import {
  accountDisabled,
  CONNECT_AGAIN,
  client,
  type Explanation,
  explained,
  type Facts,
  mcpServer,
  operator,
} from './verdict.ts'

/** Why a token answered inactive. */
export function explainInactive(facts: Facts): Explanation {
  const reason = facts.event.detail?.reason
  if (reason === 'wrong_resource') return wrongResource(facts)
  if (reason === 'resource_not_in_catalogue') return resourceGone(facts)
  return notLive(facts)
}

function wrongResource({ event, token, grant }: Facts): Explanation {
  const issued_for = token?.resource ?? grant?.resource ?? 'another resource'
  return explained(
    'wrong_resource',
    `The token was issued for ${issued_for}, and ${event.resource} presented it. A resource server learns nothing about tokens for others.`,
    client(`Get a token for ${event.resource}: name it as the resource when asking for authorization.`),
    mcpServer(
      `Check that the resource in your protected resource metadata is the one you are registered for, ${event.resource}, and never pass on a token that you were given.`,
    ),
  )
}

function resourceGone({ event, catalogue }: Facts): Explanation {
  const { resource } = event
  if (catalogue && findResource(catalogue, resource ?? ''))
    return allowedNow(`The catalogue did not have the resource ${resource} at that time. It has it now.`)
  return explained(
    'resource_not_in_catalogue',
    `The catalogue does not have the resource ${resource}, so no token for it is active.`,
    operator(`Apply a catalogue that has the resource ${resource}.`),
  )
}

function allowedNow(reason: string): Explanation {
  return explained('allowed_now', reason, client('Call again.'))
}

function notLive(facts: Facts): Explanation {
  const { account, token, grant, issued } = facts
  if (token?.kind === 'refresh_token' || isRefreshTokenOf(facts)) return REFRESH_TOKEN
  if (account?.disabled) return accountDisabled(account.username, ', so none of its tokens is active')
  if (token && grant) return token.expired || grant.expired ? expired(facts) : LIVE_NOW
  // While the grant lives, what ended another token of it did not end this one.
  if (grant && issued) return facts.end?.token_id === facts.event.token_id ? ended(facts) : expired(facts)
  return issued ? ended(facts) : UNKNOWN
}

/** A refresh token that is gone is still named by the event that gave it out. */
function isRefreshTokenOf({ event, issued }: Facts): boolean {
  return issued !== undefined && issued.detail?.refresh_token_id === event.token_id
}

const REFRESH_TOKEN = explained(
  'refresh_token_presented',
  'A refresh token was sent where an access token belongs. It opens nothing at an MCP server.',
  client('Send the access token. Send refresh tokens to /token only.'),
)

const LIVE_NOW = allowedNow(
  'The token is active now. It was not then, for example because the account was disabled.',
)

const UNKNOWN = explained(
  'token_unknown',
  'No token of this value is recorded here. It was issued by another server, was changed on its way, or is older than the audit log.',
  client('Send the access token that this server issued, as it was issued.'),
  mcpServer('Check that your metadata names this server as the authorization server.'),
)

function expired({ token, grant }: Facts): Explanation {
  if (grant?.expired)
    return explained('token_expired', 'The grant has expired, and every token with it.', CONNECT_AGAIN)
  const when = token?.expired ? ` at ${token.expires_at.toISOString()}` : ''
  return explained(
    'token_expired',
    `The access token expired${when}. Its grant lives.`,
    client('Get a new access token with the refresh token.'),
  )
}

function ended({ end, issued }: Facts): Explanation {
  if (!end)
    return explained(
      'grant_ended',
      `The token was given out at ${issued?.occurred_at.toISOString()}, and its grant is gone since: it expired.`,
      CONNECT_AGAIN,
    )
  const at = end.occurred_at.toISOString()
  if (end.type.endsWith('.reused'))
    return explained(
      'token_revoked',
      `A ${end.detail?.presented === 'authorization_code' ? 'code' : 'refresh token'} of the same grant was used twice (${at}), as a stolen one would be. That ended the grant with all its tokens.`,
      client('Keep one copy of the refresh token, and replace it at every refresh.'),
      CONNECT_AGAIN,
    )
  const why = typeof end.detail?.reason === 'string' ? ` The reason given: ${end.detail.reason}` : ''
  const by = actorText(end.actor_kind, end.actor_id)
  return explained('token_revoked', `It was revoked by ${by} at ${at}.${why}`, CONNECT_AGAIN)
}
