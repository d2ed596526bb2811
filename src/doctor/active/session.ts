import type { Exchange } from '../crawl/exchange.ts'
import type { McpProber } from '../crawl/mcp-prober.ts'
import { challengeParameters, successOf } from '../crawl/response.ts'
import { type ReviewCrawl, refusalOf } from '../crawl/review-crawl.ts'
import type { ActiveProbe } from './active-probe.ts'
import {
  type Authorization,
  authorizationRequest,
  type Endpoints,
  endpointsOf,
  type OAuthClient,
  openPage,
  postRegistration,
  type Tokens,
  tokensOf,
} from './oauth-client.ts'
import type { RedirectListener } from './redirect-listener.ts'

/** What the steps of the active part share. */
export type ActiveSession = {
  prober: McpProber
  crawl: ReviewCrawl
  probe: ActiveProbe
  endpoints: Endpoints
  client: OAuthClient
  listener: RedirectListener
  parameters: { resource: string; scope: string | undefined }
}

/** The person did not come, or the server did not do what comes before: nothing more can be asked. */
export class Ended extends Error {}

const PERSON_TIMEOUT_MS = 5 * 60_000

/** @throws Ended when the server lets no one become a client */
export async function beginSession(
  prober: McpProber,
  crawl: ReviewCrawl,
  probe: ActiveProbe,
  listener: RedirectListener,
): Promise<ActiveSession> {
  const server = serverToUse(crawl)
  const endpoints = server?.document && endpointsOf(server.issuer, server.document)
  if (!endpoints) throw new Ended('the metadata names no authorization and token endpoint')
  const client = await becomeClient(prober, endpoints, listener)
  probe.client_id = client.client_id
  const { resource } = crawl.metadata.document ?? {}
  const parameters = {
    resource: typeof resource === 'string' ? resource : crawl.url,
    scope: challengeParameters(refusalOf(crawl))?.get('scope'),
  }
  return { prober, crawl, probe, endpoints, client, listener, parameters }
}

/** A server may name any issuer as its own: what the reviewer was trusted with goes only to the one that they named. */
function serverToUse({ options, servers }: ReviewCrawl): ReviewCrawl['servers'][number] | undefined {
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

async function becomeClient(
  { options, hidden, send }: McpProber,
  { register }: Endpoints,
  { redirect_uri }: RedirectListener,
): Promise<OAuthClient> {
  if (options.active?.client_id) return { client_id: options.active.client_id, redirect_uri }
  const metadata = {
    client_name: 'MCP server review',
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }
  const response = register && (await postRegistration(send, register, metadata))
  const { client_id, client_secret } = response ? successOf(response) : {}
  if (typeof client_id !== 'string')
    throw new Ended('the server registered no client; name one by --client-id')
  if (typeof client_secret !== 'string') return { client_id, redirect_uri }
  hidden.add(client_secret)
  return { client_id, client_secret, redirect_uri }
}

/** What the authorization endpoint has to refuse, sent without a browser: it must not go on to the person. */
export async function sendWrongRequests(session: ActiveSession): Promise<void> {
  const { endpoints, client, parameters, prober, probe } = session
  const send = (changed: Record<string, string>) =>
    openPage(prober.send, authorizationRequest(endpoints.authorize, client, parameters, changed).url)
  probe.without_challenge = await send({ without: 'code_challenge' })
  probe.wrong_redirect = await send({ redirect_uri: `${client.redirect_uri}/elsewhere` })
  probe.unknown_resource = await send({ resource: 'https://review.invalid/mcp' })
}

export type Code = { code: string; authorization: Authorization }

/**
 * Lets a person decide.
 * @throws Ended when no one came, or came without a code
 */
export async function letPersonDecide(session: ActiveSession): Promise<Code> {
  const { prober, probe, endpoints, client, listener, parameters } = session
  const { onPerson = () => {}, person_timeout_ms = PERSON_TIMEOUT_MS } = prober.options.active ?? {}
  const authorization = authorizationRequest(endpoints.authorize, client, parameters)
  const redirect = listener.nextRedirect(person_timeout_ms)
  onPerson(authorization.url)
  const callback = await redirect
  if (!callback) throw new Ended('no one signed in in time')
  if (callback.get('state') !== authorization.state) throw new Ended('the redirect has another state')
  const code = callback.get('code')
  if (code === null) throw new Ended('the redirect has no code: the person or the server refused')
  prober.hidden.add(code)
  probe.callback = callback
  return { code, authorization }
}

/** A form to the token or revocation endpoint, as this client. */
export function postForm(
  { prober, client }: ActiveSession,
  endpoint: string,
  form: Record<string, string>,
): Promise<Exchange> {
  const { redirect_uri: _, ...credentials } = client
  const body = new URLSearchParams({ ...form, ...credentials })
  return prober.send(endpoint, { method: 'POST', body })
}

export function redeem(session: ActiveSession, { code, authorization }: Code, code_verifier?: string) {
  const { client, endpoints, parameters } = session
  return postForm(session, endpoints.token, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirect_uri,
    code_verifier: code_verifier ?? authorization.code_verifier,
    resource: parameters.resource,
  })
}

export function refresh(session: ActiveSession, refresh_token: string) {
  const { resource } = session.parameters
  return postForm(session, session.endpoints.token, { grant_type: 'refresh_token', refresh_token, resource })
}

/**
 * A whole code flow.
 * @throws Ended when it ends without tokens
 */
export async function getTokens(session: ActiveSession): Promise<Tokens & { code: Code }> {
  const code = await letPersonDecide(session)
  const response = await redeem(session, code)
  session.probe.token_response = response
  const tokens = tokensOf(session.prober, response)
  if (!tokens) throw new Ended('the token endpoint gave no token for the code')
  return { ...tokens, code }
}
