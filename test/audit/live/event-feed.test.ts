import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Announcer } from '../../../src/audit/live/announcer.ts'
import { EventFeed } from '../../../src/audit/live/event-feed.ts'
import { CHANNEL, followFromNow } from '../../../src/audit/live/follow-store.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { listen } from '../../../src/storage/listen.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { decided } from '../rows.ts'

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase()
})
afterAll(() => test.drop())

const db = () => test.database.knex
const announced = () => new AuditLog(test.database.hot, { announcer: new Announcer(db()), writers: 3 })

async function follow(feed: EventFeed, signal = new AbortController().signal) {
  return feed.follow({ type: 'tool.decided' }, await followFromNow(db()), signal)
}

/** Reads pages until `count` events came. */
async function take(pages: AsyncGenerator<{ events: { tool: string | null }[] }>, count: number) {
  const tools: (string | null)[] = []
  while (tools.length < count) {
    const { value, done } = await pages.next()
    if (done) break
    tools.push(...value.events.map(({ tool }: { tool: string | null }) => tool))
  }
  return tools
}

describe('the feed', () => {
  it('gives every follower what any process writes, all of it and once', async () => {
    const feeds = [new EventFeed(db()), new EventFeed(db())]
    const followers = await Promise.all([...feeds, ...feeds].map((feed) => follow(feed)))
    const logs = [announced(), announced()]
    const reading = followers.map((pages) => take(pages, 200))
    for (let index = 0; index < 200; index += 1) await logs[index % 2]!.append(decided(index))
    const expected = Array.from({ length: 200 }, (_, index) => `tool_${index}`).sort()
    for (const tools of await Promise.all(reading)) expect(tools.sort()).toEqual(expected)
    await Promise.all([...feeds, ...logs].map((each) => each.close()))
  })

  it('gives also what nobody announced', async () => {
    const feed = new EventFeed(db())
    const pages = await follow(feed)
    await new AuditLog(test.database.hot).append(decided(900))
    expect(await take(pages, 1)).toEqual(['tool_900'])
    await feed.close()
  })

  it('ends its followers when it is closed, and one when its signal says so', async () => {
    const feed = new EventFeed(db())
    const gone = new AbortController()
    const [ended, other] = await Promise.all([follow(feed, gone.signal), follow(feed)])
    await Promise.all([ended.next(), other.next()])
    expect(feed.followers).toBe(2)
    const waiting = [take(ended, 1), take(other, 1)]
    gone.abort()
    expect(await waiting[0]).toEqual([])
    expect(feed.followers).toBe(1)
    await feed.close()
    expect(await waiting[1]).toEqual([])
    expect(feed.followers).toBe(0)
  })

  it('holds no connection when nobody follows any more', async () => {
    const listeners = async () => {
      const { rows } = await db().raw(
        "select count(*)::int as count from pg_stat_activity where datname = current_database() and query like 'listen %'",
      )
      return rows[0].count
    }
    const feed = new EventFeed(db())
    const gone = new AbortController()
    const pages = await follow(feed, gone.signal)
    await pages.next()
    await expect.poll(listeners).toBe(1)
    gone.abort()
    await take(pages, 1)
    await expect.poll(listeners).toBe(0)
  })
})

describe('an announcement', () => {
  it('of what cannot wait is made at once; of other events, when the pause is over', async () => {
    const heard: string[] = []
    const listener = listen(db(), CHANNEL, (writer_id) => void heard.push(writer_id))
    await expect.poll(() => heard).toEqual([''])
    // Nothing but what is urgent ends this pause.
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const announcer = new Announcer(db(), ['grant.revoked'])
    const event = (type: string) => [{ type }]
    announcer.committed('first', event('tool.decided'))
    announcer.committed('waits', event('tool.decided'))
    announcer.committed('urgent', event('grant.revoked'))
    vi.useRealTimers()
    // Two announcements are on their way by themselves: either may be first.
    await expect.poll(() => heard.toSorted()).toEqual(['', 'first', 'urgent', 'waits'])
    await announcer.close()
    await listener.close()
  })

  it('is lost without harm when there is no database', async () => {
    const gone = await createTestDatabase()
    const announcer = new Announcer(gone.database.knex)
    await gone.drop()
    announcer.committed('5b1f6f0a-3c5e-4d7b-9a52-0c8f2f4d9e11', [])
    await expect(announcer.close()).resolves.toBeUndefined()
  })
})
