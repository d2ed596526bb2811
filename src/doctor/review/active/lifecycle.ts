import { setTimeout as delay } from 'node:timers/promises'
import type { Exchange } from '../../probe/exchange.ts'
import { isLetIn, statusOf } from '../seen.ts'
import type { Revocation } from './active-seen.ts'
import { postForm, type Tokens, tokensOf } from './oauth-client.ts'
import { type ActiveSession, refresh } from './session.ts'

/** The life of a family of refresh tokens: rotation, the revocation of single access tokens, and reuse. */
const REVOCATIONS = 3
const REVOCATION_TIMEOUT_MS = 15_000
const GRACE_MS = 35_000
const POLL_MS = 100

/** `spent`: presented, and what came of it. `newest`: what the family has now. */
export type Family = { spent: { token: string; successor: string | undefined }; newest: Tokens }

/** The first refresh. Undefined when no refresh token came of it. */
export async function rotate(session: ActiveSession, refresh_token: string): Promise<Family | undefined> {
  const { asking, active } = session
  const answer = await refresh(session, refresh_token)
  const newest = tokensOf(asking, answer)
  const successor = newest?.refresh_token
  active.rotation = { answer, is_new: successor !== undefined && successor !== refresh_token }
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
  const { active, asking, endpoints } = session
  if (!endpoints.revoke) return true
  let tokens: Tokens | undefined = family?.newest ?? first
  for (let round = 0; tokens !== undefined && round < REVOCATIONS; round++) {
    if (!isLetIn(await asking.listOnce(tokens.access_token))) return true
    active.revocations.push(await revokeOne(session, endpoints.revoke, tokens.access_token))
    if (active.revocations.at(-1)?.bit_after_ms === undefined || !family || !tokens.refresh_token) return true
    tokens = tokensOf(asking, await refresh(session, tokens.refresh_token))
    if (!tokens?.refresh_token) return false
    family.newest = tokens
  }
  return true
}

async function revokeOne(session: ActiveSession, endpoint: string, token: string): Promise<Revocation> {
  const { asking, client } = session
  const { revocation_timeout_ms = REVOCATION_TIMEOUT_MS } = asking.options.active ?? {}
  const form = { token, token_type_hint: 'access_token' }
  const answer = await postForm(asking, endpoint, client, form)
  const begun_ms = performance.now()
  while (performance.now() - begun_ms < revocation_timeout_ms) {
    const listed = await asking.listOnce(token)
    if (statusOf(listed) === 401) return { answer, bit_after_ms: Math.round(performance.now() - begun_ms) }
    await delay(POLL_MS)
  }
  return { answer, bit_after_ms: undefined }
}

/**
 * Presents the spent token. Servers may repeat their answer for a short while, for clients that lost it: that is no new
 * token, and afterwards it has to be caught.
 */
export async function presentSpent(session: ActiveSession, { spent, newest }: Family): Promise<void> {
  const { asking, active } = session
  const { grace_ms = GRACE_MS } = asking.options.active ?? {}
  const isRepetition = (answer: Exchange) =>
    spent.successor !== undefined && tokensOf(asking, answer)?.refresh_token === spent.successor
  let replayed = await refresh(session, spent.token)
  const is_repetition = isRepetition(replayed)
  if (is_repetition && grace_ms > 0) {
    asking.say(
      `the spent token got the same answer again; waiting ${Math.round(grace_ms / 1000)} s for the grace to end`,
    )
    await delay(grace_ms)
    replayed = await refresh(session, spent.token)
  }
  const successor = await refresh(session, newest.refresh_token ?? '')
  tokensOf(asking, successor)
  active.reuse = { replayed, is_repetition, successor }
}
