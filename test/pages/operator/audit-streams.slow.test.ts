import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { currentPageSession } from '../../../src/accounts/sessions/page-sessions.ts'
import { endSession } from '../../../src/accounts/sessions/sessions.ts'
import { errorHandler } from '../../../src/http/error-handler.ts'
import { createRenderer } from '../../../src/http/render.ts'
import { requestContext } from '../../../src/http/request-context.ts'
import { auditPages } from '../../../src/pages/operator/audit/audit.ts'
import { pageRoutes } from '../../../src/pages/pages.ts'
import { decided } from '../../audit/rows.ts'
import { by } from '../../support/origins.ts'
import { Toolgate } from '../../support/toolgate.ts'
import { type SignedIn, signedIn } from './signed-in.ts'

let toolgate: Toolgate
let server: Server
let auditor: SignedIn

/** The pages as they are, but for how often a long answer looks whether it may go on: each time. */
beforeAll(async () => {
  toolgate = await Toolgate.start()
  const render = createRenderer()
  const { feed } = toolgate.app
  const { issuer } = toolgate
  const dependencies = { ...toolgate.dependencies, feed, render, issuer, form_key: 'key' }
  const catalogues = undefined as never
  const koa = new Koa().use(requestContext()).use(errorHandler({ log: pino({ level: 'silent' }), render }))
  koa.silent = true
  koa.use(pageRoutes({ ...dependencies, catalogues }, auditPages({ check_ms: 0 })).routes())
  server = createServer(koa.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
beforeEach(async () => {
  auditor = await signedIn(toolgate, ['auditor'])
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await toolgate.close()
})

function get(path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo
  const all = { cookie: auditor.cookie, ...headers }
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: `/operator/audit/${path}`, headers: all }, resolve)
      .on('error', reject)
      .end()
  })
}

async function* messages(response: IncomingMessage) {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end)
      text = text.slice(end + 2)
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data !== undefined) yield { data: JSON.parse(data), id: /^id: (.*)$/m.exec(block)?.[1] ?? '' }
    }
  }
}

const db = () => toolgate.db.database.knex
const END: Record<string, () => Promise<unknown>> = {
  'the session ends': async () => {
    const session = await currentPageSession(db(), auditor.cookie.split('=')[1])
    const { id, account_id } = session!
    await endSession(toolgate.dependencies, { kind: 'page', id, account_id }, by(account_id))
  },
  'the account is disabled': () =>
    db()('accounts').where({ id: auditor.account_id }).update({ disabled_at: db().fn.now() }),
  'the account loses the role': () =>
    db()('accounts')
      .where({ id: auditor.account_id })
      .update({ roles: ['editor'] }),
}

describe('GET /operator/audit/follow', () => {
  it('gives new events that match as the rows of the page, and goes on where it was left', async () => {
    const first = messages(await get('follow?tool=tool_1'))
    await expect.poll(() => toolgate.app.feed.followers).toBe(1)
    await toolgate.app.audit.append([decided(0), decided(1)])
    const { value } = await first.next()
    expect(value?.data).toMatchObject({
      type: 'tool.decided',
      decision: 'denied',
      what: 'tool_1',
      who: 'usr_1',
    })
    expect(value?.data.href).toBe(`/operator/audit/events/${value?.data.id}`)
    await first.return(undefined)
    await toolgate.app.audit.append(decided(1))
    const second = messages(await get('follow?tool=tool_1', { 'last-event-id': value!.id }))
    expect((await second.next()).value?.data.id).not.toBe(value?.data.id)
    await second.return(undefined)
    await expect.poll(() => toolgate.app.feed.followers, { timeout: 10_000 }).toBe(0)
  })

  it.each(Object.keys(END))('ends when %s, before another event is told', async (why) => {
    const reading = messages(await get('follow'))
    await expect.poll(() => toolgate.app.feed.followers).toBe(1)
    await toolgate.app.audit.append(decided(2))
    expect((await reading.next()).value?.data.what).toBe('tool_2')
    await END[why]!()
    await toolgate.app.audit.append(decided(3))
    expect(await reading.next()).toMatchObject({ done: true })
    await expect.poll(() => toolgate.app.feed.followers, { timeout: 10_000 }).toBe(0)
    expect((await get('follow')).statusCode).toBe(why === 'the account loses the role' ? 403 : 303)
  })

  it('does not keep an idle session alive', async () => {
    const seen = () => db()('page_sessions').where({ account_id: auditor.account_id }).first('last_seen_at')
    const reading = messages(await get('follow'))
    await db()('page_sessions')
      .where({ account_id: auditor.account_id })
      .update({ last_seen_at: db().raw("now() - interval '1 hour'") })
    const before = await seen()
    await expect.poll(() => toolgate.app.feed.followers).toBe(1)
    await toolgate.app.audit.append(decided(4))
    await reading.next()
    expect(await seen()).toEqual(before)
    await reading.return(undefined)
  })
})

describe('GET /operator/audit/export', () => {
  it('is a file with what matches', async () => {
    await toolgate.app.audit.append(decided(70))
    const response = await get('export?format=csv&tool=tool_70')
    expect(response.headers['content-disposition']).toBe('attachment; filename="toolgate-audit.csv"')
    const text = (await response.setEncoding('utf8').toArray()).join('')
    expect(text.split('\r\n')).toHaveLength(3)
    expect(text).toContain('"tool_70"')
  })

  it('breaks off when the session ends, so that a part is not taken for the whole', async () => {
    for (let at = 0; at < 30; at += 1)
      await toolgate.app.audit.append(Array.from({ length: 500 }, (_, index) => decided(at * 500 + index)))
    const response = await get('export?format=jsonl')
    await END['the session ends']!()
    const failure = await response.toArray().catch((error: Error) => error)
    expect(failure).toMatchObject({ code: 'ECONNRESET' })
  })
})
