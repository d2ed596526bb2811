import { type FollowPosition, writePosition } from '../../audit/live/follow-store.ts'
import { eventText } from '../../http/long-answer.ts'
import { isNothing, NOTHING, type TakenAway, together } from './taken-away.ts'

/** News for one resource server. */
export type News = {
  taken: TakenAway
  position: FollowPosition
  /** All that was committed until a moment ago is told with this. */
  is_current: boolean
}

/** Of what a resource server has not taken yet, only the sum is kept: however slow it is, it costs no memory. */
export class Mailbox {
  #taken: TakenAway = NOTHING
  #position: FollowPosition | undefined
  #is_current = false
  #ended = false
  #wake: () => void = () => {}

  put({ taken, position, is_current }: News): void {
    this.#taken = together(this.#taken, taken)
    this.#position = position
    this.#is_current ||= is_current
    this.#wake()
  }

  /** No more is read after this. */
  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** Waits for something worth saying, as text of server-sent events; undefined at the end. */
  async next(): Promise<string | undefined> {
    while (!this.#ended && isNothing(this.#taken) && !this.#is_current)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    if (this.#ended || !this.#position) return undefined
    const text = eventsOf(this.#taken, this.#is_current, writePosition(this.#position))
    this.#taken = NOTHING
    this.#is_current = false
    return text
  }
}

/** It comes back in a header. Whoever gets none begins anew. */
const ID_CHARS_MAX = 8_192

/** What ended comes first: only whoever knows of it may take the server for alive. */
function eventsOf(taken: TakenAway, is_current: boolean, position: string): string {
  const id = position.length <= ID_CHARS_MAX ? position : undefined
  const dropped = isNothing(taken) ? '' : eventText({ event: 'drop', id, data: dataOf(taken) })
  return is_current ? dropped + eventText({ event: 'alive', id, data: {} }) : dropped
}

function dataOf(taken: TakenAway): object {
  if (taken === 'all') return { drop: 'all' }
  const { accounts, clients } = taken
  return { ...(accounts.length > 0 && { accounts }), ...(clients.length > 0 && { clients }) }
}
