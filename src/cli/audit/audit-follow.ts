import { Option } from 'commander'
import { readInput } from '../../actions/action.ts'
import { searchAudit, withAccountId } from '../../actions/audit.ts'
import { eventLine } from '../../audit/export/event-line.ts'
import { type EventDocument, eventDocument } from '../../audit/export/json-lines.ts'
import { EventFeed } from '../../audit/live/event-feed.ts'
import { followFromNow } from '../../audit/live/follow-store.ts'
import type { CliContext } from '../context.ts'
import type { OutputOptions, Row } from '../output.ts'

/** `audit tail --follow`: goes on with new events, as the API does by server-sent events. With --json one object a line. */
async function follow(
  { db }: CliContext,
  given: Row,
  { json }: OutputOptions,
  newest: () => Promise<Row>,
): Promise<void> {
  const { limit: _, from: __, ...filter } = await withAccountId(db, readInput(searchAudit, given))
  const print = (event: EventDocument) => console.log(json ? JSON.stringify(event) : eventLine(event))
  // Before the events are read, so that none falls between the two; what is in both is printed once.
  const position = await followFromNow(db)
  const { events } = searchAudit.output.parse(await newest())
  events.toReversed().forEach(print)
  const printed = new Set(events.map(({ id }) => id))
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  const feed = new EventFeed(db)
  for await (const page of feed.follow(filter, position, interrupted.signal))
    for (const event of page.events) if (!printed.has(event.id)) print(eventDocument(event))
  await feed.close()
}

export const FOLLOWING = {
  option: new Option('-f, --follow', 'go on with new events until interrupted').conflicts(['to', 'after']),
  run: follow,
}
