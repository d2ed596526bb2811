import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { IntrospectionBatch } from '../../../src/api/introspection/batch.ts'
import type { Question } from '../../../src/api/introspection/decision.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { sha256 } from '../../../src/base/digest.ts'
import type { AppError } from '../../../src/base/errors.ts'
import { parseCatalogue } from '../../../src/catalogue/catalogue-file.ts'
import { applyCatalogue, CatalogueCache } from '../../../src/catalogue/catalogue-store.ts'
import { addResourceServer } from '../../../src/clients/resource-servers/resource-servers.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TEST } from '../../support/origins.ts'
import { RESOURCE } from '../../support/toolgate.ts'

let test: TestDatabase
let audit: AuditLog
let credentials: Question['credentials']

beforeAll(async () => {
  test = await createTestDatabase()
  const { knex: db, hot } = test.database
  audit = new AuditLog(hot)
  const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8'))
  if ('faults' in read) throw new Error(read.faults.join('\n'))
  await applyCatalogue(db, read.catalogue, 'test')
  const made = await addResourceServer({ db, audit }, { resource: RESOURCE }, TEST)
  credentials = { id: made.client_id, credential_hash: sha256(made.client_secret) }
})
afterAll(async () => {
  await audit.close()
  await test.drop()
})

const question = (change: Partial<Question> = {}): Question => ({
  credentials,
  token_id: sha256('nobody’s token'),
  mcp_method: undefined,
  mcp_name: undefined,
  request_id: randomBytes(8).toString('hex'),
  ip: undefined,
  ...change,
})

/** The real pool, of which queries can be held back, counted and made to fail. */
function batchOn(
  hold: { query?: (real: () => Promise<unknown>) => Promise<unknown>; audit?: AuditLog } = {},
) {
  const { knex: db, hot } = test.database
  let lookups = 0
  const watched = {
    query: (...query: unknown[]) => {
      lookups += 1
      const real = () => (hot.query as (...given: unknown[]) => Promise<unknown>)(...query)
      return hold.query ? hold.query(real) : real()
    },
  } as unknown as pg.Pool
  const batch = new IntrospectionBatch({
    issuer: 'https://auth.example',
    hot: watched,
    db,
    catalogues: new CatalogueCache(),
    audit: hold.audit ?? audit,
  })
  return { batch, lookups: () => lookups }
}

describe('a batch', () => {
  it('asks once for everything that waits, and everybody gets the answer to his own question', async () => {
    const { batch, lookups } = batchOn()
    const asked = Array.from({ length: 200 }, (_, index) =>
      batch.ask(
        index % 2 === 0
          ? question()
          : question({ credentials: { id: `no_${index}`, credential_hash: sha256('x') } }),
      ),
    )
    const answers = await Promise.all(asked)
    expect(answers.map(({ status }) => status)).toEqual(
      asked.map((_, index) => (index % 2 === 0 ? 200 : 401)),
    )
    expect(answers.filter(({ event }) => event.actor.kind === 'unauthenticated')).toHaveLength(100)
    expect(lookups()).toBe(1)
  })

  it('a strange question does not spoil its neighbours', async () => {
    const { batch, lookups } = batchOn()
    const strange: Partial<Question>[] = [
      { token_id: undefined },
      { credentials: { id: '', credential_hash: Buffer.alloc(32) } },
      { credentials: { id: '\ud800', credential_hash: Buffer.alloc(32) } },
      { mcp_method: 'tools/call', mcp_name: '\0\ud800__proto__' },
      { mcp_method: '__proto__' },
      { token_id: Buffer.alloc(0) },
      { request_id: '\0' },
      { ip: '\u202e' },
    ]
    const [good, ...rest] = await Promise.all(
      [question(), ...strange.map(question)].map((each) => batch.ask(each)),
    )
    expect(good).toMatchObject({ status: 200, body: { active: false } })
    for (const { status, body } of rest) expect(status === 401 || body.active === false).toBe(true)
    expect(lookups()).toBe(1)
  })

  it('every answer is in the audit log before it is given', async () => {
    const { batch } = batchOn()
    const asked = Array.from({ length: 5 }, () => question())
    await Promise.all(asked.map((each) => batch.ask(each)))
    const { events } = await pageEvents(test.database.knex, { type: 'token.introspected' }, 1_000)
    const recorded = new Set(events.map(({ request_id }) => request_id))
    expect(asked.filter(({ request_id }) => !recorded.has(request_id ?? ''))).toEqual([])
  })
})

const unavailable = expect.objectContaining({ name: 'AppError', code: 'unavailable', status: 503 })

describe('when something fails', () => {
  it('a failed lookup is 503 for all its passengers, with the cause for the log only, and the next trip goes', async () => {
    const cause = new Error('connection lost, and a row')
    let failing = true
    const { batch } = batchOn({ query: (real) => (failing ? Promise.reject(cause) : real()) })
    const outcomes = await Promise.allSettled(
      [question(), question(), question()].map((each) => batch.ask(each)),
    )
    for (const outcome of outcomes) {
      expect(outcome).toEqual({ status: 'rejected', reason: unavailable })
      const { message, cause: kept } = (outcome as PromiseRejectedResult).reason as AppError
      expect(message).not.toContain('row')
      expect(kept).toBe(cause)
    }
    failing = false
    expect(await batch.ask(question())).toMatchObject({ status: 200 })
  })

  it('an answer that cannot be recorded is not given', async () => {
    const closed = new AuditLog(test.database.hot)
    await closed.close()
    const { batch } = batchOn({ audit: closed })
    await expect(batch.ask(question())).rejects.toEqual(unavailable)
  })

  it('the queue has a bound: what comes above it is refused at once, the rest is answered', async () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const { batch, lookups } = batchOn({ query: (real) => gate.then(real) })
    const first = [batch.ask(question()), new Promise(setImmediate).then(() => batch.ask(question()))]
    // Two trips are under way and wait; all others stay in the queue.
    while (lookups() < 2) await new Promise(setImmediate)
    const waiting = Array.from({ length: 4_000 }, () => batch.ask(question()))
    await expect(batch.ask(question())).rejects.toEqual(unavailable)
    release()
    const answers = await Promise.all([...first, ...waiting])
    expect(answers).toHaveLength(4_002)
    expect(lookups()).toBe(2 + Math.ceil(4_000 / 256))
  })
})

describe('a review', () => {
  it('decides as a question does, and is recorded nowhere', async () => {
    const { batch } = batchOn()
    const asked = question()
    const recorded = async () =>
      (await pageEvents(test.database.knex, { request_id: asked.request_id }, 10)).events.length
    expect(await batch.review(asked)).toMatchObject({ status: 200, body: { active: false } })
    expect(await recorded()).toBe(0)
    await batch.ask(asked)
    expect(await recorded()).toBe(1)
  })

  it('is unavailable when the lookup is', async () => {
    const { batch } = batchOn({ query: () => Promise.reject(new Error('gone')) })
    await expect(batch.review(question())).rejects.toMatchObject({ code: 'unavailable' })
  })
})
