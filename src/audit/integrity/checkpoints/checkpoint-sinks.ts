import { open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** Places outside the database where checkpoints go. Each has a queue of its own, so that one never waits for another. */
export type Deliver = (jws: string, signal: AbortSignal) => Promise<void>

export type SinkEvents = {
  /** The first failure after a success. `sink` names the place without what may be secret in its address. */
  onOutage(sink: string, error: Error): void
  /** It takes checkpoints again; `failures` attempts had failed, `dropped` checkpoints will never arrive. */
  onRecovery(sink: string, outage: { failures: number; dropped: number }): void
}

const QUEUE_MAX = 1_000
const WEBHOOK_TIMEOUT_MS = 10_000
const RETRY_MS = { first: 1_000, most: 60_000 }
const NEWLINE = 0x0a

/**
 * Appends one line to a file and waits until it is on the disk. A line that a crash cut short is ended first, so
 * that it spoils only itself.
 */
export async function appendCheckpoint(path: string, jws: string): Promise<void> {
  const file = await open(path, 'a+')
  try {
    const { size } = await file.stat()
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(size - 1, 0))
    const is_torn = size > 0 && buffer[0] !== NEWLINE
    await file.appendFile(`${is_torn ? '\n' : ''}${jws}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function post(url: string, jws: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/jose' },
    body: jws,
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(WEBHOOK_TIMEOUT_MS)]),
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`it answered ${response.status}`)
}

/** `stdout`, `file:<path>`, or the URL of a webhook, which gets each checkpoint as the body of a POST. */
export function deliveryTo(place: string): { name: string; deliver: Deliver } {
  if (place === 'stdout')
    return { name: 'stdout', deliver: async (jws) => void process.stdout.write(`${jws}\n`) }
  if (place.startsWith('file:'))
    return { name: place, deliver: (jws) => appendCheckpoint(place.slice('file:'.length), jws) }
  return { name: new URL(place).origin, deliver: (jws, signal) => post(place, jws, signal) }
}

/** One place, with what waits for it; the oldest is dropped when too much waits. */
export class CheckpointSink {
  readonly #name: string
  readonly #deliver: Deliver
  readonly #events: SinkEvents
  readonly #retry_ms: { first: number; most: number }
  readonly #ending = new AbortController()
  #queue: string[] = []
  #running: Promise<void> | undefined
  #failures = 0
  #dropped = 0

  constructor(place: { name: string; deliver: Deliver }, events: SinkEvents, retry_ms = RETRY_MS) {
    this.#name = place.name
    this.#deliver = place.deliver
    this.#events = events
    this.#retry_ms = retry_ms
  }

  /** Never waits and never throws. */
  push(jws: string): void {
    this.#queue.push(jws)
    if (this.#queue.length > QUEUE_MAX) {
      this.#queue.shift()
      this.#dropped += 1
    }
    this.#running ??= this.#run()
  }

  /** Gives what waits at most `grace_ms` to arrive. Answers how many checkpoints did not. */
  async close(grace_ms: number): Promise<number> {
    const cut = setTimeout(() => this.#ending.abort(), grace_ms)
    await this.#running
    clearTimeout(cut)
    return this.#queue.length
  }

  async #run(): Promise<void> {
    let wait_ms = this.#retry_ms.first
    while (this.#queue.length > 0 && !this.#ending.signal.aborted) {
      if (await this.#deliverFirst()) {
        wait_ms = this.#retry_ms.first
        continue
      }
      await delay(wait_ms, undefined, { ref: false, signal: this.#ending.signal }).catch(() => undefined)
      wait_ms = Math.min(wait_ms * 2, this.#retry_ms.most)
    }
    this.#running = undefined
  }

  async #deliverFirst(): Promise<boolean> {
    const [jws] = this.#queue
    if (jws === undefined) return true
    try {
      await this.#deliver(jws, this.#ending.signal)
    } catch (error) {
      this.#failures += 1
      if (this.#failures === 1) this.#events.onOutage(this.#name, error as Error)
      return false
    }
    // What was dropped meanwhile was the first.
    if (this.#queue[0] === jws) this.#queue.shift()
    if (this.#failures > 0)
      this.#events.onRecovery(this.#name, { failures: this.#failures, dropped: this.#dropped })
    this.#failures = 0
    this.#dropped = 0
    return true
  }
}
