import { actorText } from '../../audit-chain/actor.ts'
import { findResource } from '../../catalogue/catalogue.ts'
import { client, type Explanation, type Facts, mcpServer, operator, type Remedy, user } from './verdict.ts'

/** Why a token answered inactive. */
const CONNECT_AGAIN: Remedy = user('Connect the client again.')

export function explainInactive(facts: Facts): Explanation {
  const reason = facts.event.detail?.reason
  if (reason === 'wrong_resource') return wrongResource(facts)
  if (reason === 'resource_not_in_catalogue') return resourceGone(facts)
  return notLive(facts)
}

function wrongResource({ event, token, grant }: Facts): Explanation {
  const issued_for = token?.resource ?? grant?.resource ?? 'another resource'
  return {
    verdict: 'wrong_resource',
    reasons: [
      `The token was issued for ${issued_for}, and ${event.resource} presented it. A resource server learns nothing about tokens for others.`,
    ],
    remedies: [
      client(`Get a token for ${event.resource}: name it as the resource when asking for authorization.`),
      mcpServer(
        `Check that the resource in your protected resource metadata is the one you are registered for, ${event.resource}, and never pass on a token that you were given.`,
      ),
    ],
  }
}

function resourceGone({ event, catalogue }: Facts): Explanation {
  const { resource } = event
  const is_back = catalogue !== undefined && findResource(catalogue, resource ?? '') !== undefined
  if (is_back)
    return {
      verdict: 'allowed_now',
      reasons: [`The catalogue did not have the resource ${resource} at that time. It has it now.`],
      remedies: [client('Call again.')],
    }
  return {
    verdict: 'resource_not_in_catalogue',
    reasons: [`The catalogue does not have the resource ${resource}, so no token for it is active.`],
    remedies: [operator(`Apply a catalogue that has the resource ${resource}.`)],
  }
}

function notLive(facts: Facts): Explanation {
  const { account, token, grant, issued } = facts
  if (token?.kind === 'refresh_token' || isRefreshTokenOf(facts)) return refreshToken()
  if (account?.disabled) return disabled(account.username)
  if (token && grant) return token.expired || grant.expired ? expired(facts) : liveNow()
  // While the grant lives, what ended another token of it did not end this one.
  if (grant && issued) return facts.end?.token_id === facts.event.token_id ? ended(facts) : expired(facts)
  if (issued) return ended(facts)
  return unknown()
}

/** A refresh token that is gone is still named by the event that gave it out. */
function isRefreshTokenOf({ event, issued }: Facts): boolean {
  return issued !== undefined && issued.detail?.refresh_token_id === event.token_id
}

function refreshToken(): Explanation {
  return {
    verdict: 'refresh_token_presented',
    reasons: ['A refresh token was sent where an access token belongs. It opens nothing at an MCP server.'],
    remedies: [client('Send the access token. Send refresh tokens to /token only.')],
  }
}

function disabled(username: string): Explanation {
  return {
    verdict: 'account_disabled',
    reasons: [`The account ${username} is disabled, so none of its tokens is active.`],
    remedies: [operator(`Enable ${username} again, if that is meant to be.`)],
  }
}

function expired({ token, grant }: Facts): Explanation {
  const whole = grant?.expired === true
  const when = token?.expired ? ` at ${token.expires_at.toISOString()}` : ''
  return {
    verdict: 'token_expired',
    reasons: [
      whole
        ? 'The grant has expired, and every token with it.'
        : `The access token expired${when}. Its grant lives.`,
    ],
    remedies: [whole ? CONNECT_AGAIN : client('Get a new access token with the refresh token.')],
  }
}

function liveNow(): Explanation {
  return {
    verdict: 'allowed_now',
    reasons: ['The token is active now. It was not then, for example because the account was disabled.'],
    remedies: [client('Call again.')],
  }
}

function ended({ end, issued }: Facts): Explanation {
  if (!end)
    return {
      verdict: 'grant_ended',
      reasons: [
        `The token was given out at ${issued?.occurred_at.toISOString()}, and its grant is gone since: it expired.`,
      ],
      remedies: [CONNECT_AGAIN],
    }
  const at = end.occurred_at.toISOString()
  if (end.type.endsWith('.reused'))
    return {
      verdict: 'token_revoked',
      reasons: [
        `A ${end.detail?.presented === 'authorization_code' ? 'code' : 'refresh token'} of the same grant was used twice (${at}), as a stolen one would be. That ended the grant with all its tokens.`,
      ],
      remedies: [
        client('Keep one copy of the refresh token, and replace it at every refresh.'),
        CONNECT_AGAIN,
      ],
    }
  const why = typeof end.detail?.reason === 'string' ? ` The reason given: ${end.detail.reason}` : ''
  return {
    verdict: 'token_revoked',
    reasons: [`It was revoked by ${actorText(end.actor_kind, end.actor_id)} at ${at}.${why}`],
    remedies: [CONNECT_AGAIN],
  }
}

function unknown(): Explanation {
  return {
    verdict: 'token_unknown',
    reasons: [
      'No token of this value is recorded here. It was issued by another server, was changed on its way, or is older than the audit log.',
    ],
    remedies: [
      client('Send the access token that this server issued, as it was issued.'),
      mcpServer('Check that your metadata names this server as the authorization server.'),
    ],
  }
}
