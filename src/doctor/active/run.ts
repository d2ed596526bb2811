/**
 * Active probes, which the review and the doctor run only when told to. That of the review becomes a client, lets a person
 * sign in, spends, replays and revokes the tokens that it got, and calls tools. It touches nothing that it was not given for that.
 */
import type { McpProber } from '../crawl/mcp-prober.ts'
import { listTools } from '../crawl/mcp-session.ts'
import { isReadOnly, type ReviewCrawl } from '../crawl/review-crawl.ts'
import { randomToken } from '../crawl/token-probes.ts'
import type { ActiveProbe } from './active-probe.ts'
import { searchAudit } from './audit-search.ts'
import { type Family, presentSpent, revokeSome, rotate } from './lifecycle.ts'
import { type Tokens, tokensOf } from './oauth-client.ts'
import { listenForRedirect } from './redirect-listener.ts'
import {
  type ActiveSession,
  beginSession,
  type Code,
  Ended,
  getTokens,
  letPersonDecide,
  redeem,
  refresh,
  sendWrongRequests,
} from './session.ts'
import { callClosedTool, callOpenTool } from './tool-calls.ts'

/** Says what it will do, for the person who has to agree. */
export const ACTIVE_STEPS = [
  'registers a client at the authorization server (unless --client-id names one)',
  'opens the authorization endpoint with requests that it has to refuse',
  'asks you to sign in and consent, once or a few times (unless --refresh-token is given)',
  'calls one tool that only reads, and one that the token does not allow, both without arguments',
  'spends, replays and revokes the tokens that it was given',
]

export async function runActive(prober: McpProber, crawl: ReviewCrawl): Promise<ActiveProbe> {
  const listener = await listenForRedirect()
  const probe: ActiveProbe = {}
  try {
    await runSteps(await beginSession(prober, crawl, probe, listener))
  } catch (error) {
    if (!(error instanceof Ended)) throw error
    probe.ended = error.message
  } finally {
    await listener.close()
  }
  const call = await callForbidden(prober, crawl, probe)
  return call ? { ...probe, read_only_call: call } : probe
}

type First = Tokens & { code?: Code }

async function runSteps(session: ActiveSession): Promise<void> {
  const { prober, probe } = session
  const begun_at = new Date()
  prober.say('requests that the authorization server has to refuse')
  await sendWrongRequests(session)
  const first = await firstTokens(session)
  prober.say('calls with the new token')
  await callTools(session, first.access_token)
  const audit = await searchAudit(session, begun_at)
  if (audit) probe.audit = audit
  prober.say('rotation, revocation and reuse')
  const family = first.refresh_token === undefined ? undefined : await rotate(session, first.refresh_token)
  const is_alive = await revokeSome(session, family, first)
  const living = is_alive ? family : await anotherFamily(session, first)
  if (living && probe.rotation?.is_new) await presentSpent(session, living)
  if (first.code) probe.code_replay = await redeem(session, first.code)
}

/** That a family is dead shows nothing about reuse when it died before. */
async function anotherFamily(session: ActiveSession, first: First): Promise<Family | undefined> {
  if (!first.code) return undefined
  const { refresh_token } = await getTokens(session)
  return refresh_token === undefined ? undefined : rotate(session, refresh_token)
}

async function firstTokens(session: ActiveSession): Promise<First> {
  const { prober, probe } = session
  const given = prober.options.active?.refresh_token
  if (given === undefined) return tokensOfPerson(session)
  const refreshed = await refresh(session, given)
  const tokens = tokensOf(prober, refreshed)
  if (!tokens) throw new Ended('the refresh token that was given got no token')
  probe.token_response = refreshed
  return tokens
}

/** With a wrong verifier first. A server may spend the code on that, and then the person is asked once more. */
async function tokensOfPerson(session: ActiveSession): Promise<First> {
  const { prober, probe } = session
  const code = await letPersonDecide(session)
  probe.wrong_verifier = await redeem(session, code, randomToken())
  const redeemed = await redeem(session, code)
  const tokens = tokensOf(prober, redeemed)
  if (!tokens) return getTokens(session)
  probe.token_response = redeemed
  return { ...tokens, code }
}

async function callTools({ prober, crawl, probe }: ActiveSession, token: string): Promise<void> {
  const { ask } = await prober.open(token)
  probe.listed = await listTools(ask)
  const { tools } = probe.listed
  if (!tools) return
  const open_call = await callOpenTool(ask, crawl, tools)
  const closed_call = await callClosedTool(ask, crawl, probe, tools)
  if (open_call) probe.open_call = open_call
  if (closed_call) probe.closed_call = closed_call
}

async function callForbidden(prober: McpProber, crawl: ReviewCrawl, probe: ActiveProbe) {
  const { read_only_token } = crawl.options
  if (read_only_token === undefined || !crawl.read_only?.tools) return undefined
  prober.say('a call that the read-only token must not make')
  const { ask } = await prober.open(read_only_token)
  const reading = crawl.read_only.tools.filter((tool) => isReadOnly(crawl, tool))
  return callClosedTool(ask, crawl, probe, reading)
}
