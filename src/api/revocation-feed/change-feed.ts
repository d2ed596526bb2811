/**
 * The revocation feed: tells resource servers that keep answers what no longer counts. Its source is the audit log,
 * where everything that takes something away is recorded in the transaction that takes it.
 */
import type { Knex } from 'knex'
import type { EventFeed } from '../../audit/live/event-feed.ts'
import {
  type FollowPosition,
  followEvents,
  followFromNow,
  readPosition,
} from '../../audit/live/follow-store.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { AppError } from '../../base/errors.ts'
import { Mailbox } from './mailbox.ts'
import { NOTHING, TAKING_TYPES, takenAway, together } from './taken-away.ts'

/** Which resource server listens. */
export type ListeningServer = { id: string; resource: string }

export type Subscription = {
  mailbox: Mailbox
  /** Something happened to the resource server itself since this was asked: it is to be found out whether it may go on. */
  wasChanged(): boolean
  leave(): void
}

type Reader = ListeningServer & { mailbox: Mailbox; was_changed: boolean }

/** The log is followed once, for all who listen in this process: from where it `began`, until now to `position`. */
type Round = {
  readers: Set<Reader>
  stop: AbortController
  began: Promise<FollowPosition>
  position: FollowPosition | undefined
}

export const FEEDS_PER_SERVER_MAX = 32
const FEEDS_MAX = 512
/** A position that is older is not worth reading on from: all that was kept since is old as well. */
const RESUMED_MAX_MS = 120_000
/** So much of the log is read to resume; after that it is cheaper for all to begin anew. */
const RESUMED_PAGES_MAX = 5
const FILTER = { types: TAKING_TYPES }

export class ChangeFeed {
  readonly #db: Knex
  readonly #events: EventFeed
  #round: Round | undefined

  constructor({ db, feed }: { db: Knex; feed: EventFeed }) {
    this.#db = db
    this.#events = feed
  }

  /**
   * Everything that is taken away from now on, or since `last_event_id` where that can be told; else it begins with
   * "all". Throws `unavailable` when too many listen, and what the database throws.
   */
  async subscribe(server: ListeningServer, last_event_id: string): Promise<Subscription> {
    this.#assertRoom(server)
    this.#round ??= this.#begin()
    const round = this.#round
    const reader: Reader = { ...server, mailbox: new Mailbox(), was_changed: false }
    round.readers.add(reader)
    try {
      const began = await round.began
      // Looked at after the round began: what either does not see, the other does.
      await this.#catchUp(reader, round.position ?? began, last_event_id)
    } catch (error) {
      this.#leave(round, reader)
      throw error
    }
    return {
      mailbox: reader.mailbox,
      wasChanged: () => {
        const { was_changed } = reader
        reader.was_changed = false
        return was_changed
      },
      leave: () => this.#leave(round, reader),
    }
  }

  #assertRoom({ id }: ListeningServer): void {
    const readers = [...(this.#round?.readers ?? [])]
    if (
      readers.length >= FEEDS_MAX ||
      readers.filter((reader) => reader.id === id).length >= FEEDS_PER_SERVER_MAX
    )
      throw new AppError('unavailable', 'Too many listen for changes at this process already')
  }

  #begin(): Round {
    const stop = new AbortController()
    const round: Round = { readers: new Set(), stop, began: followFromNow(this.#db), position: undefined }
    const end = () => {
      if (this.#round === round) this.#round = undefined
      for (const { mailbox } of round.readers) mailbox.end()
    }
    // However it ends, whoever listened connects again, and asks about every call until then.
    this.#follow(round).then(end, end)
    return round
  }

  async #follow(round: Round): Promise<void> {
    const { readers, stop, began } = round
    for await (const page of this.#events.follow(FILTER, await began, stop.signal)) {
      round.position = page.position
      for (const reader of readers) tell(reader, page.events, page.position, page.is_current)
    }
  }

  async #catchUp(reader: Reader, newest: FollowPosition, last_event_id: string): Promise<void> {
    let position = resumable(last_event_id, newest)
    for (let page = 0; position && page < RESUMED_PAGES_MAX; page++) {
      const read = await followEvents(this.#db, FILTER, position)
      tell(reader, read.events, read.position, read.whole)
      if (read.whole) return
      position = read.position
    }
    const now = await followFromNow(this.#db)
    reader.mailbox.put({ taken: 'all', position: now, is_current: true })
  }

  #leave(round: Round, reader: Reader): void {
    reader.mailbox.end()
    round.readers.delete(reader)
    if (round.readers.size > 0) return
    round.stop.abort()
    if (this.#round === round) this.#round = undefined
  }
}

function tell(
  reader: Reader,
  events: readonly AuditRow[],
  position: FollowPosition,
  is_current: boolean,
): void {
  reader.was_changed ||= events.some(
    ({ type, client_id }) => type === 'resource_server.changed' && client_id === reader.id,
  )
  const taken = events.reduce((sum, event) => together(sum, takenAway(event, reader.resource)), NOTHING)
  reader.mailbox.put({ taken, position, is_current })
}

/** The position that an event came with, where what followed it can still be told. */
function resumable(last_event_id: string, newest: FollowPosition): FollowPosition | undefined {
  if (last_event_id === '') return undefined
  try {
    const position = readPosition(last_event_id)
    return Math.abs(newest.since_ms - position.since_ms) <= RESUMED_MAX_MS ? position : undefined
  } catch {
    return undefined
  }
}
