import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tellStory } from '../../src/audit/story/story.ts'
import { storySentence } from '../../src/audit/story/story-text.ts'
import { CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { checkOptions } from '../../src/guard/guard-options.ts'
import { createDelivery } from '../../src/guard/reports/delivery.ts'
import { createReportQueue } from '../../src/guard/reports/report-queue.ts'
import { fileSpool } from '../../src/guard/spool/file-spool.ts'
import { PostgresProxy } from '../support/postgres-proxy.ts'
import { startSecondInstance } from '../support/second-instance.ts'
import { send } from '../support/send.ts'
import {
  type AuditedEvent,
  audited,
  connectThrough,
  REAL_CLIENTS,
  startWithNotes,
  type WithNotes,
} from '../support/with-notes.ts'

let stage: WithNotes
beforeAll(async () => {
  stage = await startWithNotes()
})
afterAll(() => stage.close())

/** Asks until it is so; the limit is the test's. */
async function until<T>(ask: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask()
    if (isSo(value)) return value
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe.each(REAL_CLIENTS)('%s', (_, make) => {
  it('leaves consent, token, decision and what came of it in one story, the last two under one request', async () => {
    const { person, id } = await stage.toolgate.account()
    const client = make(stage.resource)
    await connectThrough(client, person())
    await client.call('search_notes', { query: 'welcome' })
    await client.call('get_note', { id: 'there is none' }).catch(() => {})
    await client.close()

    const completed = await until(
      () => audited(stage.toolgate, { account_id: id, type: 'tool.completed' }),
      (events) => events.length >= 2,
    )
    const told: AuditedEvent[] = []
    const dependencies = { db: stage.toolgate.db.database.knex, catalogues: new CatalogueCache() }
    const grant_id = String(completed[0]?.grant_id)
    const subject = { kind: 'grant', grant_id } as const
    for await (const entry of tellStory(dependencies, subject, { all: true }))
      if (entry.kind === 'event') told.push(entry.event as unknown as AuditedEvent)
    const at = (type: string, tool?: string) =>
      told.findIndex((event) => event.type === type && (tool === undefined || event.tool === tool))
    for (const [tool, outcome] of [
      ['search_notes', 'ok'],
      ['get_note', 'tool_error'],
    ]) {
      const places = [
        at('consent.given'),
        at('token.issued'),
        at('tool.decided', tool),
        at('tool.completed', tool),
      ]
      expect(places).not.toContain(-1)
      expect(places).toEqual(places.toSorted((one, other) => one - other))
      const [decision, end] = places.slice(2).map((place) => told[place])
      expect(end?.request_id).toBe(decision?.request_id)
      expect(end?.token_id).toBe(decision?.token_id)
      expect(end?.detail).toMatchObject({ outcome, source: 'resource_server' })
      expect(JSON.stringify(end)).not.toContain('welcome')
    }
    const sentences: string[] = []
    for await (const entry of tellStory(dependencies, subject)) sentences.push(storySentence(entry))
    expect(sentences.filter((sentence) => sentence.includes('get_note'))).toEqual([
      expect.stringMatching(/^1 call of get_note, 1 failed as the server says, token /),
    ])
  })
})

const report = () => ({
  type: 'tool.completed' as const,
  id: randomUUID(),
  occurred_at_ms: Date.now(),
  request_id: randomUUID(),
  sub: 'usr_x',
  client_id: 'c',
  method: 'tools/call',
  name: 'get_note',
  outcome: 'ok' as const,
  duration_ms: 1,
  size_bytes: 2,
})

function serverAt(issuer: string) {
  const { decided_by } = checkOptions({
    resource: stage.resource,
    default_scopes: [],
    issuer,
    ...stage.credentials,
  })
  if (!('server' in decided_by)) throw new Error('no server')
  return decided_by.server
}

const rowsOf = (reports: { request_id: string }[]) =>
  stage.toolgate.db.database
    .knex('audit_events')
    .whereIn(
      'request_id',
      reports.map(({ request_id }) => request_id),
    )
    .where({ type: 'tool.completed' })

describe('a report that was taken into the spool', () => {
  it('is one row after kill -9 of the MCP server, whether it was on its way or not', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'toolgate-reports-'))
    const path = join(directory, 'spool')
    const reports = [report(), report(), report()]
    // Passes the first post on to Toolgate, and never answers anything.
    const posted = Promise.withResolvers<void>()
    const silent = createServer(async (request) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const { authorization = '' } = request.headers
      const headers = { authorization, 'content-type': 'application/json' }
      const body = Buffer.concat(chunks)
      await stage.toolgate.fetch('/introspect/reports', { method: 'POST', headers, body })
      posted.resolve()
    })
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const issuer = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const child = spawn(
      process.execPath,
      [
        fileURLToPath(new URL('../support/reporter-process.ts', import.meta.url)),
        JSON.stringify({ issuer, ...stage.credentials, path, reports }),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await once(child.stdout, 'data')
    await posted.promise
    expect(await rowsOf(reports)).toHaveLength(3)
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    silent.closeAllConnections()
    silent.close()

    const spool = fileSpool(path)
    expect(spool.left).toEqual(reports)
    const next = createReportQueue(serverAt(stage.toolgate.issuer), { spool }, () => {})
    const more = report()
    await next.record([more])
    await next.close()
    expect(await rowsOf([...reports, more])).toHaveLength(4)
    const after = fileSpool(path)
    expect(after.left).toEqual([])
    await after.close()
    rmSync(directory, { recursive: true })
  })
})

describe('an authorization server that is not there', () => {
  it('gets the report when it is back, once, though the first answer was cut off after the commit', async () => {
    const network = ['down', 'cut', 'up']
    const unsteady: typeof fetch = async (...request) => {
      const state = network.shift()
      if (state === 'down') throw new TypeError('fetch failed')
      const response = await fetch(...request)
      // The answer says that it is committed; nobody hears it.
      if (state === 'cut') throw new TypeError('terminated')
      return response
    }
    const server = { ...serverAt(stage.toolgate.issuer), fetch: unsteady }
    const deliver = createDelivery(server, `${stage.toolgate.issuer}/introspect/reports`)
    const reports = [report(), report()]
    const texts = reports.map((each) => JSON.stringify(each))
    expect(await deliver(texts)).toMatchObject({ outcome: 'later' })
    expect(await rowsOf(reports)).toHaveLength(0)
    expect(await deliver(texts)).toMatchObject({ outcome: 'later' })
    expect(await rowsOf(reports)).toHaveLength(2)
    expect(await deliver(texts)).toEqual({ outcome: 'taken', refused: [] })
    expect(await rowsOf(reports)).toHaveLength(2)
  })

  it.each(['lost', 'answer lost'] as const)(
    'says 503 when its commit is %s, and in the end has one row',
    async (fate) => {
      const proxy = await PostgresProxy.start(stage.toolgate.db.url)
      const second = await startSecondInstance(stage.toolgate, proxy.url)
      const one = report()
      const post = () => {
        const body = JSON.stringify({ ...stage.credentials, reports: [one] })
        const headers = { 'content-type': 'application/json' }
        const url = `http://127.0.0.1:${second.port}/introspect/reports`
        const host = new URL(stage.toolgate.issuer).host
        return send(url, { method: 'POST', headers: { ...headers, host }, body })
      }
      const cut = proxy.cutAt('COMMIT', fate)
      const refused = await post()
      expect(cut.happened).toBe(true)
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
      const again = await post()
      expect(again.status).toBe(200)
      const answer = (await again.json()) as { accepted: number; duplicates: number }
      expect(answer.accepted + answer.duplicates).toBe(1)
      expect(await rowsOf([one])).toHaveLength(1)
      await second.close()
      await proxy.close()
    },
  )
})
