/**
 * What a review does only when it is told to: it becomes a client, lets a person sign in, spends, replays and revokes the
 * tokens that it got, and calls tools. It touches nothing that it was not given for that.
 */
import type { Asking } from '../asking.ts'
import { randomToken } from '../made-up-token.ts'
import type { Seen } from '../seen.ts'
import type { ActiveSeen } from './active-seen.ts'
import { searchAudit } from './audit-search.ts'
import { type Family, presentSpent, revokeSome, rotate } from './lifecycle.ts'
import { type Tokens, tokensOf } from './oauth-client.ts'
import { listenForRedirect } from './redirect-listener.ts'
import {
  type ActiveSession,
  askWrongly,
  beginSession,
  type Code,
  Ended,
  getTokens,
  letPersonDecide,
  redeem,
  refresh,
} from './session.ts'
import { callClosedTool, callOpenTool } from './tool-calls.ts'

/** Says what it will do, for whoever has to agree. */
export const ACTIVE_STEPS = [
  'registers a client at the authorization server (unless --client-id names one)',
  'opens the authorization endpoint with requests that it has to refuse',
  'asks you to sign in and consent, once or a few times (unless --refresh-token is given)',
  'calls one tool that only reads, and one that the token does not open, both without arguments',
  'spends, replays and revokes the tokens that it was given',
]

type First = Tokens & { code: Code | undefined }

export async function runActive(asking: Asking, seen: Seen): Promise<ActiveSeen> {
  const listener = await listenForRedirect()
  let active: ActiveSeen = { ended: undefined, client_id: undefined, revocations: [] }
  try {
    const session = await beginSession(asking, seen, listener)
    active = session.active
    await runSteps(session)
  } catch (error) {
    if (!(error instanceof Ended)) throw error
    active.ended = error.message
  } finally {
    await listener.close()
  }
  return active
}

async function runSteps(session: ActiveSession): Promise<void> {
  const { asking, active } = session
  const begun_at = new Date()
  asking.say('requests that the authorization server has to refuse')
  await askWrongly(session)
  const first = await firstTokens(session)
  asking.say('calls with the new token')
  await callTools(session, first.access_token)
  const audit = await searchAudit(session, begun_at)
  if (audit) active.audit = audit
  asking.say('rotation, revocation and reuse')
  const family = first.refresh_token === undefined ? undefined : await rotate(session, first.refresh_token)
  const is_alive = await revokeSome(session, family, first)
  const living = is_alive ? family : await anotherFamily(session, first)
  if (living && active.rotation?.is_new) await presentSpent(session, living)
  if (first.code) active.code_replay = await redeem(session, first.code)
}

/** That a family is dead shows nothing about reuse when it died before. */
async function anotherFamily(session: ActiveSession, first: First): Promise<Family | undefined> {
  if (!first.code) return undefined
  const { refresh_token } = await getTokens(session)
  return refresh_token === undefined ? undefined : rotate(session, refresh_token)
}

async function firstTokens(session: ActiveSession): Promise<First> {
  const { asking } = session
  const given = asking.options.active?.refresh_token
  if (given === undefined) return byPerson(session)
  asking.hidden.add(given)
  const tokens = tokensOf(asking, await refresh(session, given))
  if (!tokens) throw new Ended('the refresh token that was given got no token')
  return { ...tokens, code: undefined }
}

/** With a wrong verifier first. A server may spend the code on that, and then the person is asked once more. */
async function byPerson(session: ActiveSession): Promise<First> {
  const { asking, active } = session
  const code = await letPersonDecide(session)
  active.wrong_verifier = await redeem(session, code, randomToken())
  const redeemed = await redeem(session, code)
  const tokens = tokensOf(asking, redeemed)
  if (!tokens) return getTokens(session)
  active.redeemed = redeemed
  return { ...tokens, code }
}

async function callTools({ asking, seen, active }: ActiveSession, token: string): Promise<void> {
  const { ask } = await asking.open(token)
  const listed = await asking.list(ask)
  active.listed = listed
  if (!listed.tools) return
  const open_call = await callOpenTool(ask, seen, listed.tools)
  const closed_call = await callClosedTool(ask, seen, listed.tools)
  if (open_call) active.open_call = open_call
  if (closed_call) active.closed_call = closed_call
}
