import { type Dropped, droppedFrom, hashOf } from './introspection-client/answer-cache.ts'
import type { ActiveToken, Introspect } from './introspection-client/introspection.ts'
import type { RevocationFeed } from './introspection-client/revocation-feed.ts'
import type { ServerSettings } from './introspection-client/server-settings.ts'

/**
 * Answers that go on, as event streams do, and with them the word of a token that may end meanwhile. Each ends when its token
 * expires, and when it counts no more: upon the revocation feed, else within 15 seconds by asking.
 */
export type OpenAnswers = {
  /** From now on; `cut` ends the answer. What it gives back is called when the answer has ended by itself. */
  follow(answer: OpenAnswer): () => void
  close(): void
}

export type OpenAnswer = { bearer: string; token: ActiveToken; cut: () => void }

type Settings = { introspect: Introspect; server: ServerSettings; on_error: (error: Error) => void }

const REVIEW_MS = 15_000
const LEASE_MS = 15_000
/** The longest that a timer can wait. */
const TIMER_MAX_MS = 2 ** 31 - 1

export function createOpenAnswers({ introspect, server, on_error }: Settings): OpenAnswers {
  const open = new Set<OpenAnswer>()
  let feed: Promise<RevocationFeed> | undefined
  let reviews: ReturnType<typeof setInterval> | undefined

  async function review(answers: Iterable<OpenAnswer>): Promise<void> {
    for (const answer of answers) if (open.has(answer) && !(await counts(answer))) end(answer)
  }

  async function reviewDropped(dropped: Dropped): Promise<void> {
    const isOf = droppedFrom(dropped)
    for (const answer of [...open]) {
      const { sub, client_id } = answer.token
      if (isOf([await hashOf(sub), await hashOf(client_id)])) await review([answer])
    }
  }

  /** What nobody can say is not allowed. */
  async function counts({ bearer, token }: OpenAnswer): Promise<boolean> {
    try {
      const now = await introspect(bearer, { request_id: crypto.randomUUID() })
      return now?.sub === token.sub && now.client_id === token.client_id
    } catch (error) {
      on_error(error instanceof Error ? error : new Error('An open answer could not be reviewed'))
      return false
    }
  }

  function end(answer: OpenAnswer): void {
    if (open.delete(answer)) answer.cut()
  }

  /** Loaded with the first answer that goes on: most servers have none. */
  function listen(): Promise<RevocationFeed> {
    return import('./introspection-client/revocation-feed.ts').then(({ RevocationFeed }) => {
      const drop = (dropped: Dropped) => void reviewDropped(dropped).catch(() => {})
      return new RevocationFeed({ server, lease_ms: LEASE_MS, idle_ms: 4 * REVIEW_MS, drop, on_error })
    })
  }

  async function look(): Promise<void> {
    const heard = await feed
    heard?.use()
    if (!heard?.isLive()) await review([...open])
  }

  /** Until the next answer that goes on, nothing is heard or asked. */
  function rest(): void {
    clearInterval(reviews)
    reviews = undefined
    feed?.then((heard) => heard.close()).catch(() => {})
    feed = undefined
  }

  function begin(answer: OpenAnswer): void {
    open.add(answer)
    feed ??= listen()
    feed.then((heard) => heard.use()).catch(() => {})
    if (reviews) return
    reviews = setInterval(() => void look().catch(() => {}), REVIEW_MS)
    unref(reviews)
  }

  return {
    follow(answer) {
      begin(answer)
      const left_ms = Math.min(answer.token.exp * 1_000 - Date.now(), TIMER_MAX_MS)
      const expiry = setTimeout(() => end(answer), left_ms)
      unref(expiry)
      return () => {
        clearTimeout(expiry)
        open.delete(answer)
        if (open.size === 0) rest()
      }
    },
    close: rest,
  }
}

/** No timer of this keeps a process alive. */
function unref(timer: unknown): void {
  ;(timer as { unref?: () => void }).unref?.()
}
