import type { ServerSettings } from '../introspection-client/server-settings.ts'
import type { CallReport, Recorder } from './call-report.ts'
import { createDelivery, type Deliver, type Delivered } from './delivery.ts'
import { memorySpool, type Spool } from './spool.ts'

export type ReportOptions = {
  /** Where reports wait; in memory when absent. `fileSpool(…)` of `toolgate-guard/spool` outlives the process. */
  spool?: Spool
  /** `<introspection_endpoint>/reports` when absent. */
  endpoint?: string
}

type Waiting = { id: string; text: string }

const BATCH_REPORTS_MAX = 100
/** With credentials in the body, the server reads no more than 64 KB. */
const BATCH_CHARS_MAX = 48 * 1024
const GATHER_MS = 1_000
const WAITING_MAX = 10_000
const RETRY_MS = 500
const RETRY_MAX_MS = 60_000
const STOPPED_MS = 300_000

/**
 * Takes reports to the authorization server, at least once each; it takes each id once. What comes after a silence goes at
 * once, what comes after that in batches. While it cannot be told, at most 10,000 wait; what is more is refused, and
 * `on_error` hears how many.
 */
export class ReportQueue implements Recorder {
  readonly #deliver: Deliver
  readonly #spool: Spool
  readonly #on_error: (error: Error) => void
  #waiting: Waiting[]
  /** Being put into the spool. */
  #entering = 0
  #batch_max = BATCH_REPORTS_MAX
  #failures = 0
  #lost = 0
  #is_open = true
  #is_stopped = false
  #stops = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #sending: Promise<boolean> | undefined
  #sent_at_ms = -GATHER_MS

  constructor(deliver: Deliver, spool: Spool, on_error: (error: Error) => void) {
    this.#deliver = deliver
    this.#spool = spool
    this.#on_error = on_error
    this.#waiting = spool.left.map(waitingOf)
    this.#schedule()
  }

  async record(reports: readonly CallReport[]): Promise<void> {
    if (!this.#is_open || this.#is_stopped) throw new Error('Reports are not taken')
    if (this.#waiting.length + this.#entering + reports.length > WAITING_MAX) {
      this.#lose(reports.length, 'too many wait')
      throw new Error('Too many reports wait')
    }
    this.#entering += reports.length
    try {
      await this.#spool.take(reports)
    } catch (error) {
      this.#lose(reports.length, 'the spool does not keep them')
      throw error
    } finally {
      this.#entering -= reports.length
    }
    this.#waiting.push(...reports.map(waitingOf))
    this.#schedule()
  }

  /** The same for whoever does not wait: what is lost is told of here. */
  readonly note = (reports: readonly CallReport[]): void => {
    this.record(reports).catch(() => {})
  }

  /** Sends what waits, until it is all taken or the first failure. What a spool keeps is sent by whoever opens it next. */
  async close(): Promise<void> {
    this.#is_open = false
    clearTimeout(this.#timer)
    await this.#sending
    this.#failures = 0
    while (this.#waiting.length > 0 && (await this.#send()));
    clearTimeout(this.#timer)
    const { length } = this.#waiting
    if (length > 0 && !this.#is_stopped)
      this.#on_error(new Error(`${length} reports were not taken before the end`))
    await this.#spool.close()
  }

  #schedule(): void {
    if (!this.#is_open || this.#is_stopped || this.#sending || this.#waiting.length === 0) return
    // While the server does not take them, the time for the next attempt is set already.
    if (this.#failures > 0 && this.#timer) return
    const gathered =
      this.#waiting.length >= this.#batch_max ? 0 : this.#sent_at_ms + GATHER_MS - performance.now()
    this.#wait(Math.max(0, gathered))
  }

  #wait(time_ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#sending = this.#send()
      void this.#sending.then(() => {
        this.#sending = undefined
        this.#schedule()
      })
    }, time_ms)
    unref(this.#timer)
  }

  /** False: it is not to be tried again now. Never rejects. */
  async #send(): Promise<boolean> {
    const batch = nextBatch(this.#waiting, this.#batch_max)
    const delivered = await this.#deliver(batch.map(({ text }) => text))
    this.#sent_at_ms = performance.now()
    if (delivered.outcome === 'taken') return this.#taken(batch, delivered.refused)
    if (delivered.outcome === 'unfit') return this.#unfit(batch, delivered.why)
    if (delivered.outcome === 'unknown_here') return this.#stop()
    return this.#later(delivered)
  }

  async #taken(batch: readonly Waiting[], refused: { reason: string }[]): Promise<boolean> {
    this.#failures = 0
    this.#stops = 0
    this.#batch_max = BATCH_REPORTS_MAX
    await this.#acknowledge(batch)
    const [first] = refused
    if (first) this.#lose(refused.length, String(first.reason))
    else if (this.#lost > 0) {
      this.#on_error(new Error(`Reports are taken again; ${this.#lost} were lost`))
      this.#lost = 0
    }
    return true
  }

  /** Which one of them it is, smaller batches show. */
  async #unfit(batch: readonly Waiting[], why: string): Promise<boolean> {
    this.#batch_max = Math.max(1, Math.floor(batch.length / 2))
    if (batch.length > 1) return true
    await this.#acknowledge(batch)
    this.#lose(1, why)
    return true
  }

  /** For a while: it may be a proxy that says so. What a spool has is sent by whoever opens it next. */
  #stop(): boolean {
    this.#waiting = []
    if (this.#stops++ === 0)
      this.#on_error(
        new Error('The authorization server takes no reports: what comes of calls is not recorded'),
      )
    this.#is_stopped = true
    this.#timer = setTimeout(() => {
      this.#is_stopped = false
    }, STOPPED_MS)
    unref(this.#timer)
    return false
  }

  #later({ why, after_ms }: Extract<Delivered, { outcome: 'later' }>): boolean {
    if (this.#failures === 0)
      this.#on_error(new Error(`The authorization server took no reports now (${why})`))
    this.#failures += 1
    const backoff_ms = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(this.#failures - 1, 10))
    // So that the guards of many servers do not all come back at once.
    if (this.#is_open) this.#wait(Math.max(after_ms, backoff_ms) * (1 + Math.random() / 2))
    return false
  }

  async #acknowledge(batch: readonly Waiting[]): Promise<void> {
    this.#waiting.splice(0, batch.length)
    // Sent again after a restart, they are duplicates and do no harm.
    await this.#spool.acknowledge(batch.map(({ id }) => id)).catch(this.#on_error)
  }

  #lose(count: number, why: string): void {
    if (this.#lost === 0) this.#on_error(new Error(`${count} reports are lost (${why})`))
    this.#lost += count
  }
}

/** The queue of a guard that asks a server. */
export function createReportQueue(
  server: ServerSettings,
  { spool = memorySpool(), endpoint = endpointBeside(server.introspection_endpoint) }: ReportOptions,
  on_error: (error: Error) => void,
): ReportQueue {
  return new ReportQueue(createDelivery(server, endpoint), spool, on_error)
}

function endpointBeside(introspection_endpoint: string): string {
  const url = new URL(introspection_endpoint)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/reports`
  return url.href
}

function waitingOf(report: CallReport): Waiting {
  return { id: report.id, text: JSON.stringify(report) }
}

function nextBatch(waiting: readonly Waiting[], batch_max: number): Waiting[] {
  let chars = 0
  const fits = waiting.slice(0, batch_max).findIndex(({ text }, index) => {
    chars += text.length
    return index > 0 && chars > BATCH_CHARS_MAX
  })
  return waiting.slice(0, fits < 0 ? batch_max : fits)
}

/** In Node a timer keeps the process; elsewhere it is a number. */
function unref(timer: { unref?: () => void } | number | undefined): void {
  if (typeof timer === 'object') timer.unref?.()
}
