import { UNAUTHENTICATED } from '../../audit-chain/actor.ts'
import { networkOf } from '../../base/network.ts'
import type { AuditEvent } from '../events/audit-event.ts'

/**
 * Bounds what callers who did not authenticate can make the log hold, which nobody can delete: the first few of a network in
 * a minute are recorded one by one, before their answer leaves; the others are one row when the minute is over. Only for
 * events that record no change: those commit with the change.
 */
export type RefusalLimits = {
  /** Recorded one by one in a minute, of one network and of all together. */
  of_network: number
  of_all: number
  /** How many networks get a row of their own when the minute is over; the others share one. */
  networks: number
  /** How long that minute is. */
  minute_ms: number
}

export const REFUSAL_LIMITS: RefusalLimits = {
  of_network: 20,
  of_all: 300,
  networks: 100,
  minute_ms: 60_000,
}

const OTHERS = 'other networks'

type Count = { ip: string | undefined; types: Map<AuditEvent['type'], number> }

export class RefusalCounter {
  readonly #limits: RefusalLimits
  readonly #append: (events: AuditEvent[]) => Promise<void>
  readonly #recorded = new Map<string, number>()
  #recorded_in_all = 0
  #counted = new Map<string, Count>()
  #since = new Date()
  #timer: NodeJS.Timeout | undefined

  constructor(append: (events: AuditEvent[]) => Promise<void>, limits: RefusalLimits) {
    this.#append = append
    this.#limits = limits
  }

  /** Those of the events that are to be recorded one by one; the others are counted. */
  admit(events: readonly AuditEvent[]): AuditEvent[] {
    return events.filter((event) => event.actor.kind !== UNAUTHENTICATED.kind || this.#isRecorded(event))
  }

  /** Ends the minute: records what was counted. What cannot be written now is kept for the next time. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#recorded.clear()
    this.#recorded_in_all = 0
    const counted = this.#counted
    this.#counted = new Map()
    const since = this.#since.toISOString()
    const events = [...counted].map(([network, count]) => summary(network, count, since))
    try {
      await this.#append(events)
    } catch (error) {
      for (const [network, { ip, types }] of counted)
        for (const [type, count] of types) this.#count(network, ip, type, count)
      throw error
    }
  }

  #isRecorded({ ip, type }: AuditEvent): boolean {
    this.#begin()
    const network = networkOf(ip)
    const of_network = this.#recorded.get(network) ?? 0
    const { of_all, ...limits } = this.#limits
    if (of_network < limits.of_network && this.#recorded_in_all < of_all) {
      this.#recorded.set(network, of_network + 1)
      this.#recorded_in_all += 1
      return true
    }
    this.#count(network, ip, type, 1)
    return false
  }

  #count(network: string, ip: string | undefined, type: AuditEvent['type'], count: number): void {
    this.#begin()
    const is_named = this.#counted.has(network) || this.#counted.size < this.#limits.networks
    const key = is_named ? network : OTHERS
    const { types } = this.#counted.get(key) ?? { types: new Map() }
    types.set(type, (types.get(type) ?? 0) + count)
    this.#counted.set(key, { ip: is_named ? ip : undefined, types })
  }

  #begin(): void {
    if (this.#timer) return
    this.#since = new Date()
    this.#timer = setTimeout(() => this.flush().catch(() => undefined), this.#limits.minute_ms).unref()
  }
}

function summary(network: string, { ip, types }: Count, since: string): AuditEvent {
  const of = [...types].map(([type, count]) => `${type} ${count}`)
  const count = [...types.values()].reduce((sum, each) => sum + each, 0)
  return { type: 'refusals.counted', actor: UNAUTHENTICATED, ip, detail: { network, since, count, of } }
}
