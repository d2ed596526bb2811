import { setTimeout as delay } from 'node:timers/promises'
import type { Exchange } from '../crawl/exchange.ts'
import { isLetIn, statusOf } from '../crawl/response.ts'
import type { Revocation } from './active-probe.ts'
import { type Tokens, tokensOf } from './oauth-client.ts'
import { type ActiveSession, postForm, refresh } from './session.ts'

/** The life of a family of refresh tokens: rotation, the revocation of single access tokens, and reuse. */
const REVOCATIONS = 3
const REVOCATION_TIMEOUT_MS = 15_000
const GRACE_MS = 35_000
const POLL_MS = 100

/** `spent`: presented, and what came of it. `newest`: what the family has now. */
export type Family = { spent: { token: string; successor: string }; newest: Tokens }

/** The first refresh. Undefined when no refresh token came of it. */
export async function rotate(session: ActiveSession, refresh_token: string): Promise<Family | undefined> {
  const response = await refresh(session, refresh_token)
  const newest = tokensOf(session.prober, response)
  const successor = newest?.refresh_token
  session.probe.rotation = { response, is_new: successor !== undefined && successor !== refresh_token }
  return newest && successor !== undefined
    ? { spent: { token: refresh_token, successor }, newest }
    : undefined
}

/**
 * Revokes access tokens that were just issued, one after the other, and waits for each to be refused.
 * @returns false when the family ended with one of them, as servers may do
 */
export async function revokeSome(
  session: ActiveSession,
  family: Family | undefined,
  first: Tokens,
): Promise<boolean> {
  const { probe, prober, endpoints } = session
  if (!endpoints.revoke) return true
  let tokens = family?.newest ?? first
  for (let round = 0; round < REVOCATIONS; round++) {
    if (!isLetIn(await prober.listOnce(tokens.access_token))) return true
    const revocation = await revokeOne(session, endpoints.revoke, tokens.access_token)
    probe.revocations = [...(probe.revocations ?? []), revocation]
    if (revocation.effective_after_ms === undefined || !family || !tokens.refresh_token) return true
    const next = tokensOf(prober, await refresh(session, tokens.refresh_token))
    if (!next?.refresh_token) return false
    tokens = family.newest = next
  }
  return true
}

async function revokeOne(session: ActiveSession, endpoint: string, token: string): Promise<Revocation> {
  const { prober } = session
  const { revocation_timeout_ms = REVOCATION_TIMEOUT_MS } = prober.options.active ?? {}
  const response = await postForm(session, endpoint, { token, token_type_hint: 'access_token' })
  const begun_ms = performance.now()
  const passed_ms = () => performance.now() - begun_ms
  while (passed_ms() < revocation_timeout_ms) {
    const status = statusOf(await prober.listOnce(token))
    if (status === 401) return { response, effective_after_ms: Math.round(passed_ms()) }
    await delay(POLL_MS)
  }
  return { response, effective_after_ms: undefined }
}

/**
 * Presents the spent token. Servers may repeat their response for a short while, for clients that lost it: that is no new
 * token, and afterwards it has to be caught.
 */
export async function presentSpent(session: ActiveSession, { spent, newest }: Family): Promise<void> {
  const { prober, probe } = session
  const { grace_ms = GRACE_MS } = prober.options.active ?? {}
  const replay = async (): Promise<[Exchange, boolean]> => {
    const response = await refresh(session, spent.token)
    return [response, tokensOf(prober, response)?.refresh_token === spent.successor]
  }
  let [replayed, is_repetition] = await replay()
  if (is_repetition && grace_ms > 0) {
    const seconds = Math.round(grace_ms / 1000)
    prober.say(`the spent token got the same response again; waiting ${seconds} s for the grace to end`)
    await delay(grace_ms)
    replayed = (await replay())[0]
  }
  const successor = await refresh(session, newest.refresh_token ?? '')
  tokensOf(prober, successor)
  probe.reuse = { replayed, is_repetition, successor }
}
