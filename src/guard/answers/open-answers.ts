import { type Dropped, droppedFrom, hashOf } from '../introspection-client/answer-cache.ts'
import type { ActiveToken, Introspect } from '../introspection-client/introspection.ts'
import type { RevocationFeed } from '../introspection-client/revocation-feed.ts'
import type { ServerSettings } from '../introspection-client/server-settings.ts'

export type OpenAnswer = { bearer: string; token: ActiveToken; cut: () => void }

type Settings = { introspect: Introspect; server: ServerSettings; on_error: (error: Error) => void }

const REVIEW_MS = 15_000
const LEASE_MS = 15_000
/** The longest that a timer can wait. */
const TIMER_MAX_MS = 2 ** 31 - 1

/**
 * Answers that go on, as event streams do, and with them the word of a token that may end meanwhile. Each ends when its token
 * expires, and when it counts no more: upon the revocation feed, else within 15 seconds by asking.
 */
export class OpenAnswers {
  readonly #settings: Settings
  readonly #open = new Set<OpenAnswer>()
  #feed: Promise<RevocationFeed> | undefined
  #reviews: ReturnType<typeof setInterval> | undefined

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** From now on; `cut` ends the answer. What it gives back is called when the answer has ended by itself. */
  follow(answer: OpenAnswer): () => void {
    this.#begin(answer)
    const left_ms = Math.min(answer.token.exp * 1_000 - Date.now(), TIMER_MAX_MS)
    const expiry = setTimeout(() => this.#end(answer), left_ms)
    unref(expiry)
    return () => {
      clearTimeout(expiry)
      this.#open.delete(answer)
      if (this.#open.size === 0) this.close()
    }
  }

  /** Until the next answer that goes on, nothing is heard or asked. */
  close(): void {
    clearInterval(this.#reviews)
    this.#reviews = undefined
    this.#feed?.then((heard) => heard.close()).catch(() => {})
    this.#feed = undefined
  }

  #begin(answer: OpenAnswer): void {
    this.#open.add(answer)
    this.#feed ??= this.#listen()
    this.#feed.then((heard) => heard.use()).catch(() => {})
    if (this.#reviews) return
    this.#reviews = setInterval(() => void this.#look().catch(() => {}), REVIEW_MS)
    unref(this.#reviews)
  }

  #end(answer: OpenAnswer): void {
    if (this.#open.delete(answer)) answer.cut()
  }

  /** Loaded with the first answer that goes on: most servers have none. */
  async #listen(): Promise<RevocationFeed> {
    const { RevocationFeed } = await import('../introspection-client/revocation-feed.ts')
    const { server, on_error } = this.#settings
    const drop = (dropped: Dropped) => void this.#reviewDropped(dropped).catch(() => {})
    return new RevocationFeed({ server, lease_ms: LEASE_MS, idle_ms: 4 * REVIEW_MS, drop, on_error })
  }

  async #look(): Promise<void> {
    const heard = await this.#feed
    heard?.use()
    if (!heard?.isLive()) await this.#review([...this.#open])
  }

  async #reviewDropped(dropped: Dropped): Promise<void> {
    const isOf = droppedFrom(dropped)
    for (const answer of [...this.#open]) {
      const { sub, client_id } = answer.token
      if (isOf([await hashOf(sub), await hashOf(client_id)])) await this.#review([answer])
    }
  }

  async #review(answers: Iterable<OpenAnswer>): Promise<void> {
    for (const answer of answers) {
      if (this.#open.has(answer) && !(await this.#counts(answer))) this.#end(answer)
    }
  }

  /** What nobody can say is not allowed. */
  async #counts({ bearer, token }: OpenAnswer): Promise<boolean> {
    const { introspect, on_error } = this.#settings
    try {
      const now = await introspect(bearer, { request_id: crypto.randomUUID() })
      return now?.sub === token.sub && now.client_id === token.client_id
    } catch (error) {
      on_error(error instanceof Error ? error : new Error('An open answer could not be reviewed'))
      return false
    }
  }
}

/** No timer of this keeps a process alive. */
function unref(timer: unknown): void {
  ;(timer as { unref?: () => void }).unref?.()
}
