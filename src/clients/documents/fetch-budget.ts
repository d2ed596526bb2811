import { AppError } from '../../base/errors.ts'
import { Rate } from '../../base/rate.ts'

/**
 * How much fetching strangers may cause: for one who asks, from one host, and in all, per minute and at one time. Of one process.
 * A share of it is kept for what was good before, so that nobody who asks for what is not there keeps known clients out.
 */
export type Wanted = {
  host: string
  /** Who asks. */
  network: string
  /** There is a good copy of it, or something else of its host was good. */
  is_known: boolean
}

const PER_HOST = 24
const PER_NETWORK = 60
/** Of one host for one who asks: nobody alone uses up a host. */
const PER_PAIR = 12
const IN_ALL = 240
const AT_ONCE = 8
const AT_ONCE_PER_NETWORK = 3
/** For what is known: of all, and of those at one time. */
const RESERVED = 60
const RESERVED_AT_ONCE = 3

const KNOWN_HOSTS_MAX = 1_000
const BUSY = 'too many documents are being fetched now; try again in a minute'
export const BUSY_SECONDS = 60

export class FetchBudget {
  readonly #networks = new Rate({ of_one: PER_NETWORK, of_all: Number.POSITIVE_INFINITY })
  readonly #pairs = new Rate({ of_one: PER_PAIR, of_all: Number.POSITIVE_INFINITY })
  readonly #hosts = new Rate({ of_one: PER_HOST, of_all: IN_ALL })
  readonly #under_way = new Map<string, number>()
  readonly #known_hosts = new Set<string>()
  #total_under_way = 0

  /**
   * Runs `fetch` when one more is allowed now. Throws `unavailable` at once when not, so that nothing is begun which others could
   * join. `now_ms` never goes backwards.
   */
  spend<T>(wanted: Wanted, fetch: () => Promise<T>, now_ms: number = performance.now()): Promise<T> {
    if (!this.#take(wanted, now_ms)) throw new AppError('unavailable', BUSY)
    const { network } = wanted
    this.#countUnderWay(network, 1)
    return fetch().finally(() => this.#countUnderWay(network, -1))
  }

  #countUnderWay(network: string, change: 1 | -1): void {
    this.#total_under_way += change
    const under_way = (this.#under_way.get(network) ?? 0) + change
    if (under_way === 0) this.#under_way.delete(network)
    else this.#under_way.set(network, under_way)
  }

  /** Something of the host was good: it is known from now on, while this process lives. */
  wasGood(host: string): void {
    if (this.#known_hosts.size >= KNOWN_HOSTS_MAX) this.#known_hosts.clear()
    this.#known_hosts.add(host)
  }

  #take({ host, network, is_known }: Wanted, now_ms: number): boolean {
    const may_use_all = is_known || this.#known_hosts.has(host)
    const at_once = AT_ONCE - (may_use_all ? 0 : RESERVED_AT_ONCE)
    if (this.#total_under_way >= at_once) return false
    if ((this.#under_way.get(network) ?? 0) >= AT_ONCE_PER_NETWORK) return false
    if (!this.#networks.take(network, { now_ms })) return false
    if (!this.#pairs.take(`${network} ${host}`, { now_ms })) return false
    return this.#hosts.take(host, { reserve: may_use_all ? 0 : RESERVED, now_ms })
  }
}
