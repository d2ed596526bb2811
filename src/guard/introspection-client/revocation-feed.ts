import { parseJson } from '../../base/json.ts'
import type { Dropped } from './answer-cache.ts'
import { createClientAuthentication } from './client-authentication.ts'
import { elapsedMs, moment } from './elapsed.ts'
import type { ClientAuthentication, ServerSettings } from './server-settings.ts'

export type RevocationFeedSettings = {
  server: ServerSettings
  lease_ms: number
  /** It is closed when nobody asked for so long. */
  idle_ms: number
  drop(dropped: Dropped): void
  on_error: (error: Error) => void
}

const PAUSE_MAX_MS = 10_000

/**
 * Hears from the authorization server what no longer counts, by server-sent events over `fetch` (WHATWG HTML §9.2), because
 * an EventSource does not authenticate.
 */
export class RevocationFeed {
  readonly #settings: RevocationFeedSettings
  readonly #authentication: ClientAuthentication
  readonly #closed = new AbortController()
  #is_running = false
  #is_live = false
  #failures = 0
  #last_id = ''
  #used = moment()
  #heard = this.#used

  constructor(settings: RevocationFeedSettings) {
    this.#settings = settings
    this.#authentication = createClientAuthentication(settings.server)
  }

  /** Somebody asks: it is opened, and stays open until nobody has for a while. */
  use(): void {
    this.#used = moment()
    if (this.#is_running) return
    this.#is_running = true
    void this.#run()
  }

  /** Whether everything is heard that was said until a lease ago. */
  isLive(): boolean {
    return this.#is_live && !this.#isSilent()
  }

  close(): void {
    this.#closed.abort()
  }

  #isSilent(): boolean {
    return elapsedMs(this.#heard) > this.#settings.lease_ms
  }

  #isWanted(): boolean {
    return !this.#closed.signal.aborted && elapsedMs(this.#used) <= this.#settings.idle_ms
  }

  #hear(message: string): void {
    const { event, data, id } = fieldsOf(message)
    if (data !== undefined && event !== 'alive') this.#settings.drop(droppedBy(data))
    // After that: what could not be dropped is to be told again.
    if (id !== undefined) this.#last_id = id
    if (event !== 'alive') return
    this.#heard = moment()
    this.#is_live = true
    this.#failures = 0
  }

  /** Until it breaks off, or nobody asks any more. */
  async #listen(): Promise<void> {
    const cut = new AbortController()
    this.#heard = moment()
    const watch = setInterval(() => this.#isSilent() && cut.abort(), this.#settings.lease_ms / 4)
    unref(watch)
    try {
      const body = await this.#open(AbortSignal.any([this.#closed.signal, cut.signal]))
      for await (const message of messagesIn(body)) {
        // What waited somewhere for so long says nothing about now.
        if (this.#isSilent() || !this.#isWanted()) return
        this.#hear(message)
      }
    } finally {
      this.#is_live = false
      clearInterval(watch)
      cut.abort()
    }
  }

  async #open(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { server } = this.#settings
    const { headers, parameters } = await this.#authentication.proof()
    const { status, body } = await server.fetch(`${server.introspection_endpoint}/changes`, {
      method: 'POST',
      headers: { ...headers, 'last-event-id': this.#last_id },
      body: new URLSearchParams(parameters),
      redirect: 'manual',
      signal,
    })
    if (status === 401) this.#authentication.refused()
    if (status !== 200 || !body) throw new Error(`Status ${status}`)
    return body
  }

  async #run(): Promise<void> {
    while (this.#isWanted()) {
      try {
        await this.#listen()
      } catch (cause) {
        // Once for each outage.
        if (this.#isWanted() && this.#failures === 0)
          this.#settings.on_error(new Error('No revocation feed: every call asks', { cause }))
      }
      const pause_ms = Math.min(PAUSE_MAX_MS, 100 * 2 ** this.#failures++) * (0.5 + Math.random() / 2)
      await new Promise<void>((resolve) => unref(setTimeout(resolve, pause_ms)))
    }
    this.#is_running = false
  }
}

async function* messagesIn(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const messages = (text + decoder.decode(value, { stream: true })).split('\n\n')
    text = messages.pop() ?? ''
    yield* messages
  }
}

/** Throws what breaks the feed off, so that it is told again. */
function droppedBy(data: string): Dropped {
  const dropped = parseJson(data)
  if (dropped === undefined) throw new Error('It said what is no JSON')
  return dropped as Dropped
}

function fieldsOf(message: string): { [field in 'event' | 'id' | 'data']?: string } {
  return Object.fromEntries(message.split('\n').map((line) => line.split(/: ?(.*)/, 2)))
}

/** No timer of this keeps a process alive. */
function unref(timer: unknown): void {
  ;(timer as { unref?: () => void }).unref?.()
}
