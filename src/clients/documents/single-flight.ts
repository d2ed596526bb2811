/** All who want the same thing at the same time wait for one piece of work. */
export class SingleFlight {
  readonly #under_way = new Map<string, Promise<void>>()

  /** Runs `work`, or joins the one of this `key` that runs already. Where `work` throws at once there is nothing to join. */
  run(key: string, work: () => Promise<void>): Promise<void> {
    const running = this.#under_way.get(key)
    if (running) return running
    const started = work().finally(() => this.#under_way.delete(key))
    this.#under_way.set(key, started)
    return started
  }
}
