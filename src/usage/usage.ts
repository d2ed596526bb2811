import type { Knex } from 'knex'
import { addHours, addToolUses, type HourCount, type ToolUseCount } from './usage-store.ts'

/** One decision about a token. */
export type Use = {
  resource: string
  /** Of the grant whose live token it was. */
  grant_id: string | undefined
  /** Empty where no tool was called. */
  tool: string
  decision: string
}

/** Stands for every tool that no scope of the resource opens. */
export const UNKNOWN_TOOL = '(unknown)'

const FLUSH_MS = 5_000
const HOUR_MS = 3_600_000
/** What is kept at most, of each of both kinds; at half of it, it is written early. */
const KEPT_MAX = 20_000

type Log = { warn(values: object, message: string): void }

/**
 * Counts which grant called which tool, and what was decided each hour, in memory, and writes it every few seconds. It is a
 * hint for people: what a crash loses is still in the audit log. Whoever records waits for nothing and nothing it does fails.
 */
export class UsageRecorder {
  readonly #db: Knex
  readonly #log: Log | undefined
  readonly #kept_max: number
  readonly #timer: NodeJS.Timeout
  #tools = new Map<string, ToolUseCount>()
  #hours = new Map<string, HourCount>()
  #writing: Promise<void> | undefined
  #dropped = 0

  constructor(db: Knex, log?: Log, { kept_max = KEPT_MAX }: { kept_max?: number } = {}) {
    this.#db = db
    this.#log = log
    this.#kept_max = kept_max
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS).unref()
  }

  /** How many uses were not counted because too many kinds of them waited to be written. */
  get dropped(): number {
    return this.#dropped
  }

  record({ resource, grant_id, tool, decision }: Use, now_ms: number): void {
    const hour_ms = now_ms - (now_ms % HOUR_MS)
    this.#addHour({ hour_ms, resource, tool, decision, calls: 1 })
    if (grant_id === undefined) return
    const denied = decision === 'denied' ? 1 : 0
    this.#addTool({ grant_id, tool, first_ms: now_ms, last_ms: now_ms, allowed: 1 - denied, denied })
  }

  /** Resolves when what was recorded before is written, or is kept for the next time because it could not be. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing
    if (this.#tools.size + this.#hours.size === 0) return
    this.#writing = this.#write()
    await this.#writing
  }

  /** Stops the timer and writes what is left, once. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }

  // Postgres text holds no NUL, so no two keys are the same text.
  #addHour(count: HourCount): void {
    const key = `${count.hour_ms}\0${count.resource}\0${count.tool}\0${count.decision}`
    const known = this.#hours.get(key)
    if (known) known.calls += count.calls
    else if (this.#hasRoom(this.#hours, count.calls)) this.#hours.set(key, count)
  }

  #addTool(count: ToolUseCount): void {
    const key = `${count.grant_id}\0${count.tool}`
    const known = this.#tools.get(key)
    if (!known) {
      if (this.#hasRoom(this.#tools, count.allowed + count.denied)) this.#tools.set(key, count)
      return
    }
    known.allowed += count.allowed
    known.denied += count.denied
    known.first_ms = Math.min(known.first_ms, count.first_ms)
    known.last_ms = Math.max(known.last_ms, count.last_ms)
  }

  #hasRoom({ size }: Map<string, unknown>, uses: number): boolean {
    if (size * 2 >= this.#kept_max && !this.#writing) void this.flush()
    if (size < this.#kept_max) return true
    this.#dropped += uses
    return false
  }

  async #write(): Promise<void> {
    const tools = [...this.#tools.values()]
    const hours = [...this.#hours.values()]
    this.#tools = new Map()
    this.#hours = new Map()
    const failed = (what: string) => (error: { code?: unknown }) =>
      this.#log?.warn({ what, code: error?.code }, 'usage was not written; it is tried again')
    await addToolUses(this.#db, tools, (left) => this.#addTool(left)).catch(failed('tools'))
    await addHours(this.#db, hours, (left) => this.#addHour(left)).catch(failed('hours'))
    this.#writing = undefined
  }
}
