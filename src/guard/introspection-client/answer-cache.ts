import { parseJson } from '../../base/json.ts'
import type { Question } from '../mcp-messages.ts'
import type { DecisionReport, Recorder } from '../reports/call-report.ts'
import { base64url } from './base64url.ts'
import { elapsedMs, type Moment, moment } from './elapsed.ts'
import type { ActiveToken, Introspect } from './introspection.ts'

/** What the revocation feed says no longer counts; accounts and clients by the SHA-256 of their ids, in base64url. */
export type Dropped = { drop?: unknown; accounts?: unknown; clients?: unknown }

export type AnswerCacheSettings = {
  ask: Introspect
  /** What is kept counts only while the authorization server would say when it no longer does. */
  isLive: () => boolean
  max_age_ms: number
  recorder: Pick<Recorder, 'record'>
  on_error: (error: Error) => void
}

type Kept = { text: string; of: string[]; asked: Moment; for_ms: number }

const KEPT_MAX = 5_000
const KEPT_CHARS_MAX = 8_192

/**
 * Answers about what is read only, by the hash of the token, each recorded like an answer that was asked for. Never kept:
 * what is denied, destructive, or of a risk that nobody declared. Of more than 5,000 those used longest ago are forgotten.
 */
export class AnswerCache {
  readonly #settings: AnswerCacheSettings
  readonly #entries = new Map<string, Kept>()
  // Whatever was asked before something was dropped may be what was dropped.
  #drops = 0

  constructor(settings: AnswerCacheSettings) {
    this.#settings = settings
  }

  /** Answers from what is kept where that may be, and else asks. */
  async introspect(token: string, question: Question): Promise<ActiveToken | undefined> {
    const { ask, max_age_ms } = this.#settings
    if (!mayBeKept(question)) return ask(token, question)
    const key = JSON.stringify([await hashOf(token), question.mcp_method, question.mcp_name])
    const known = await this.#answerKept(key, question)
    if (known) return known
    const asked = moment()
    const drops = this.#drops
    const answer = await ask(token, question)
    if (!answer || !isReadOnly(answer, question)) return answer
    const of = [await hashOf(answer.sub), await hashOf(answer.client_id)]
    const text = JSON.stringify(answer)
    if (drops === this.#drops && text.length <= KEPT_CHARS_MAX)
      this.#keep(key, { text, of, asked, for_ms: Math.min(max_age_ms, answer.exp * 1000 - asked[1]) })
    return answer
  }

  drop({ drop, accounts, clients }: Dropped): void {
    this.#drops++
    const isOf = droppedFrom({ drop, accounts, clients })
    for (const [key, { of }] of this.#entries) if (isOf(of)) this.#entries.delete(key)
  }

  #find(key: string): Kept | undefined {
    const kept = this.#entries.get(key)
    return kept && this.#settings.isLive() && elapsedMs(kept.asked) < kept.for_ms ? kept : undefined
  }

  #keep(key: string, kept: Kept): void {
    this.#entries.delete(key)
    this.#entries.set(key, kept)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= KEPT_MAX) break
      this.#entries.delete(oldest)
    }
  }

  async #answerKept(key: string, question: Question): Promise<ActiveToken | undefined> {
    const { recorder, on_error } = this.#settings
    const kept = this.#find(key)
    if (!kept) return undefined
    const answer = parseJson(kept.text) as ActiveToken
    try {
      await recorder.record([reportOf(answer, question)])
    } catch (cause) {
      on_error(new Error('A decision could not be recorded', { cause }))
      return undefined
    }
    // It may have been dropped while it was recorded.
    if (this.#find(key) !== kept) return undefined
    this.#keep(key, kept)
    return answer
  }
}

/** Tools, and what is about nothing in particular: of prompts and resources the catalogue says nothing. */
function mayBeKept({ mcp_method, mcp_name }: Question): boolean {
  return mcp_method !== undefined && (mcp_name === undefined) === (mcp_method !== 'tools/call')
}

function isReadOnly({ mcp }: ActiveToken, { mcp_name }: Question): boolean {
  return mcp?.allowed === true && (mcp_name === undefined || mcp.risk === 'read_only')
}

function reportOf({ sub, client_id, jti, mcp }: ActiveToken, question: Question): DecisionReport {
  const { request_id, mcp_method = '', mcp_name } = question
  return {
    type: 'tool.decided',
    id: crypto.randomUUID(),
    occurred_at_ms: Date.now(),
    request_id,
    sub,
    client_id,
    token_id: jti,
    method: mcp_method,
    name: mcp_name,
    allowed: true,
    scope: mcp?.scope ?? '',
  }
}

/** Whether what is of these accounts and clients, by their hashes, was dropped. What is not understood may mean everything. */
export function droppedFrom({ drop, accounts, clients }: Dropped): (of: readonly string[]) => boolean {
  const named = [accounts, clients].flat()
  const is_all = drop !== undefined || !named.some((id) => typeof id === 'string')
  return (of) => is_all || of.some((id) => named.includes(id))
}

/** SHA-256 in base64url. */
export async function hashOf(text: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
}
