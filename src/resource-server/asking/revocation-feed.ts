import type { ServerSettings } from '../guard-options.ts'
import type { Dropped } from './answer-cache.ts'
import { createClientAuthentication } from './client-authentication.ts'
import { elapsedMs, moment } from './elapsed.ts'

/** Hears from the authorization server what no longer counts. */
export type RevocationFeed = {
  /** Somebody asks: it is opened, and stays open until nobody has for a while. */
  use(): void
  /** Whether everything is heard that was said until a lease ago. */
  isLive(): boolean
  close(): void
}

export type RevocationFeedSettings = {
  server: ServerSettings
  lease_ms: number
  /** It is closed when nobody asked for so long. */
  idle_ms: number
  drop(dropped: Dropped): void
  on_error: (error: Error) => void
}

const PAUSE_MAX_MS = 10_000

/** By server-sent events over `fetch` (WHATWG HTML §9.2), because an EventSource does not authenticate. */
export function createRevocationFeed(settings: RevocationFeedSettings): RevocationFeed {
  const { server, lease_ms, idle_ms, drop, on_error } = settings
  const authentication = createClientAuthentication(server)
  const closed = new AbortController()
  let is_running = false
  let is_live = false
  let failures = 0
  let last_id = ''
  let used = moment()
  let heard = used

  const isSilent = () => elapsedMs(heard) > lease_ms
  const isWanted = () => !closed.signal.aborted && elapsedMs(used) <= idle_ms

  function hear(message: string): void {
    const { event, data, id } = fieldsOf(message)
    if (data !== undefined && event !== 'alive') drop(JSON.parse(data))
    // After that: what could not be dropped is to be told again.
    if (id !== undefined) last_id = id
    if (event !== 'alive') return
    heard = moment()
    is_live = true
    failures = 0
  }

  /** Until it breaks off, or nobody asks any more. */
  async function listen(): Promise<void> {
    const cut = new AbortController()
    heard = moment()
    const watch = setInterval(() => isSilent() && cut.abort(), lease_ms / 4)
    unref(watch)
    try {
      const body = await open(AbortSignal.any([closed.signal, cut.signal]))
      for await (const message of messagesIn(body)) {
        // What waited somewhere for so long says nothing about now.
        if (isSilent() || !isWanted()) return
        hear(message)
      }
    } finally {
      is_live = false
      clearInterval(watch)
      cut.abort()
    }
  }

  async function open(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { headers, parameters } = await authentication.proof()
    const { status, body } = await server.fetch(`${server.introspection_endpoint}/changes`, {
      method: 'POST',
      headers: { ...headers, 'last-event-id': last_id },
      body: new URLSearchParams(parameters),
      redirect: 'error',
      signal,
    })
    if (status === 401) authentication.refused()
    if (status !== 200 || !body) throw new Error(`Status ${status}`)
    return body
  }

  async function run(): Promise<void> {
    while (isWanted()) {
      try {
        await listen()
      } catch (cause) {
        // Once for each outage.
        if (isWanted() && failures === 0)
          on_error(new Error('No revocation feed: every call asks', { cause }))
      }
      const pause_ms = Math.min(PAUSE_MAX_MS, 100 * 2 ** failures++) * (0.5 + Math.random() / 2)
      await new Promise<void>((resolve) => unref(setTimeout(resolve, pause_ms)))
    }
    is_running = false
  }

  return {
    use() {
      used = moment()
      if (is_running) return
      is_running = true
      void run()
    },
    isLive: () => is_live && !isSilent(),
    close: () => closed.abort(),
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

function fieldsOf(message: string): { [field in 'event' | 'id' | 'data']?: string } {
  return Object.fromEntries(message.split('\n').map((line) => line.split(/: ?(.*)/, 2)))
}

/** No timer of this keeps a process alive. */
function unref(timer: unknown): void {
  ;(timer as { unref?: () => void }).unref?.()
}
