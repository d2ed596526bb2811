import { exchange } from '../../probe/exchange.ts'
import type { Asking } from '../asking.ts'
import { challengeParameter, type Seen } from '../seen.ts'
import type { ActiveSeen } from './active-seen.ts'
import {
  type Authorization,
  authorizationUrl,
  type Endpoints,
  endpointsOf,
  type OAuthClient,
  postForm,
  registerClient,
  type Tokens,
  tokensOf,
} from './oauth-client.ts'
import type { RedirectListener } from './redirect-listener.ts'

/** What the steps of the active part share. */
export type ActiveSession = {
  asking: Asking
  seen: Seen
  active: ActiveSeen
  endpoints: Endpoints
  client: OAuthClient
  listener: RedirectListener
  parameters: { resource: string; scope: string | undefined }
}

/** The person did not come, or the server did not do what comes before: nothing more can be asked. */
export class Ended extends Error {}

const PERSON_TIMEOUT_MS = 5 * 60_000

/** @throws Ended when the server lets nobody become a client */
export async function beginSession(
  asking: Asking,
  seen: Seen,
  listener: RedirectListener,
): Promise<ActiveSession> {
  const server = serverToUse(asking, seen)
  const endpoints = server?.document && endpointsOf(server.issuer, server.document)
  if (!endpoints) throw new Ended('the metadata names no authorization and token endpoint')
  const { redirect_uri } = listener
  const given = asking.options.active?.client_id
  const client = given
    ? { client_id: given, client_secret: undefined, redirect_uri }
    : endpoints.register && (await registerClient(asking, endpoints.register, redirect_uri))
  if (!client) throw new Ended('the server registered no client; name one by --client-id')
  const { resource } = seen.metadata.document ?? {}
  const parameters = {
    resource: typeof resource === 'string' ? resource : asking.options.url,
    scope: challengeParameter(seen, 'scope'),
  }
  const active: ActiveSeen = { ended: undefined, client_id: client.client_id, revocations: [] }
  return { asking, seen, active, endpoints, client, listener, parameters }
}

/** A server may name any issuer as its own: what the reviewer was trusted with goes only to the one that he named. */
function serverToUse({ options }: Asking, { servers }: Seen): Seen['servers'][number] | undefined {
  const { issuer, operator_token, active } = options
  const is_entrusted = operator_token !== undefined || active?.refresh_token !== undefined
  if (is_entrusted && issuer === undefined)
    throw new Ended('the operator token and the refresh token go only to the server that --issuer names')
  const known = servers.filter(({ document }) => document !== undefined)
  if (issuer === undefined) return known[0]
  const named = known.find((server) => server.issuer === issuer && server.document?.issuer === issuer)
  if (!named) throw new Ended('the metadata does not name the authorization server of --issuer')
  return named
}

/** What the authorization endpoint has to refuse, asked without anybody: it must not go on to the person. */
export async function askWrongly({ asking, active, ...session }: ActiveSession): Promise<void> {
  const { endpoints, client, parameters } = session
  const { timeout_ms } = asking.options
  const ask = (changed: Record<string, string>) =>
    exchange(authorizationUrl(endpoints, client, parameters, changed).url, {
      headers: { accept: 'text/html' },
      ...(timeout_ms && { timeout_ms }),
    })
  active.without_challenge = await ask({ without: 'code_challenge' })
  active.wrong_redirect = await ask({ redirect_uri: `${client.redirect_uri}/elsewhere` })
  active.unknown_resource = await ask({ resource: 'https://review.invalid/mcp' })
}

export type Code = { code: string; authorization: Authorization }

/**
 * Lets a person decide.
 * @throws Ended when nobody came, or came without a code
 */
export async function letPersonDecide(session: ActiveSession): Promise<Code> {
  const { asking, active, endpoints, client, listener, parameters } = session
  const { onPerson = () => {}, person_timeout_ms = PERSON_TIMEOUT_MS } = asking.options.active ?? {}
  const authorization = authorizationUrl(endpoints, client, parameters)
  const visit = listener.visit(person_timeout_ms)
  onPerson(authorization.url)
  const callback = await visit
  if (!callback) throw new Ended('nobody signed in in time')
  if (callback.get('state') !== authorization.state) throw new Ended('the redirect has another state')
  const code = callback.get('code')
  if (code === null) throw new Ended('the redirect has no code: the person or the server refused')
  asking.hidden.add(code)
  active.callback = callback
  return { code, authorization }
}

export function redeem(session: ActiveSession, { code, authorization }: Code, code_verifier?: string) {
  const { asking, client, endpoints, parameters } = session
  return postForm(asking, endpoints.token, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirect_uri,
    code_verifier: code_verifier ?? authorization.code_verifier,
    resource: parameters.resource,
  })
}

export function refresh({ asking, client, endpoints, parameters }: ActiveSession, refresh_token: string) {
  const { resource } = parameters
  const form = { grant_type: 'refresh_token', refresh_token, resource }
  return postForm(asking, endpoints.token, client, form)
}

/**
 * A whole code flow.
 * @throws Ended when it ends without tokens
 */
export async function getTokens(session: ActiveSession): Promise<Tokens & { code: Code }> {
  const code = await letPersonDecide(session)
  const answer = await redeem(session, code)
  session.active.redeemed = answer
  const tokens = tokensOf(session.asking, answer)
  if (!tokens) throw new Ended('the token endpoint gave no token for the code')
  return { ...tokens, code }
}
