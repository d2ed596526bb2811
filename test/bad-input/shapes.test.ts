import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Toolgate } from '../support/toolgate.ts'

/** What cannot be a token because of its shape is refused without asking the database about it. */
const TOKEN_TABLES = /authorization_codes|refresh_tokens|access_tokens|operator_tokens/

let toolgate: Toolgate
let client_id: string
let statements: string[]

beforeAll(async () => {
  toolgate = await Toolgate.start()
  client_id = (await toolgate.register()).client_id
  // Every connection of the process, whichever pool it is of.
  const query = pg.Client.prototype.query as (...given: unknown[]) => unknown
  vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...given: unknown[]) {
    const [asked] = given as [string | { text?: string }]
    statements.push(typeof asked === 'string' ? asked : (asked.text ?? ''))
    return query.apply(this, given)
  } as never)
})
afterAll(async () => {
  vi.restoreAllMocks()
  await toolgate.close()
})

async function tokenStatements(work: () => Promise<Response>): Promise<{ status: number; asked: number }> {
  statements = []
  const { status } = await work()
  return { status, asked: statements.filter((sql) => TOKEN_TABLES.test(sql)).length }
}

const REQUESTS: Record<string, (token: string) => Promise<Response>> = {
  'a code': (code) => toolgate.redeem(client_id, code, 'v'.repeat(43)),
  'a refresh token': (token) => toolgate.refresh(client_id, token),
  'a token to revoke': (token) => toolgate.post('/revoke', { client_id, token }),
  'an operator token': (token) =>
    toolgate.fetch('/operator/api/v1/grants', { headers: { authorization: `Bearer ${token}` } }),
}

const WELL_SHAPED: Record<string, () => string> = {
  'a code': () => randomBytes(32).toString('base64url'),
  'a refresh token': () => randomBytes(32).toString('base64url'),
  'a token to revoke': () => randomBytes(32).toString('base64url'),
  'an operator token': () => `tgo_${randomBytes(32).toString('base64url')}`,
}

/** Printable, so that it fits a header too; never of a shape that any of our tokens has. */
const misshapen = fc
  .string({ minLength: 1, maxLength: 120 })
  .map((text) => text.replace(/[^!-~]/g, '.'))
  .filter((text) => !/^(tgo_)?[A-Za-z0-9_-]{43}$/.test(text))

describe.each(Object.keys(REQUESTS))('%s', (what) => {
  const ask = (token: string) => tokenStatements(() => REQUESTS[what]!(token))

  it('of the right shape that nobody has costs a query', async () => {
    expect((await ask(WELL_SHAPED[what]!())).asked).toBeGreaterThan(0)
  })

  it('of the wrong shape costs none', async () => {
    const good = WELL_SHAPED[what]!()
    const near = [
      good.slice(1),
      `${good}A`,
      good.replace(/.$/, '='),
      good.replace(/.$/, '+'),
      good.replace(/.$/, '\u0660'),
    ]
    for (const token of what === 'an operator token' ? near.slice(0, 4) : near)
      expect({ token, ...(await ask(token)) }).toMatchObject({ asked: 0 })
  })

  it('whatever it is, unless it has the shape, costs none', async () => {
    await fc.assert(
      fc.asyncProperty(misshapen, async (token) => {
        expect(await ask(token)).toMatchObject({ asked: 0 })
      }),
      { numRuns: 40 },
    )
  })
})
