import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Person } from '../../examples/demo/person.ts'
import { findResource } from '../../src/catalogue/catalogue.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import type { ReviewOptions } from '../../src/doctor/crawl/mcp-prober.ts'
import { type Review, review } from '../../src/doctor/review.ts'
import { RESOURCE } from '../support/toolgate.ts'
import { CALENDAR, expireAccessToken, startWithNotes, type WithNotes } from '../support/with-notes.ts'

/** The example server behind a real Toolgate, reviewed as anybody would. */
let setup: WithNotes
let person: Person
let given: Partial<ReviewOptions>

beforeAll(async () => {
  setup = await startWithNotes({ env: { TOOLGATE_REFRESH_GRACE: '0' } })
  const { toolgate, resource } = setup
  person = (await toolgate.account(['editor', 'planner'])).person()
  const other = (await toolgate.account()).person()
  const { client_id } = await toolgate.register()
  const all = 'notes:read notes:write notes:delete'
  const tokenFor = async (who: Person, parameters: Record<string, string>) =>
    (await toolgate.tokens(who, client_id, { resource, ...parameters })).access_token
  const expired_token = await tokenFor(person, { scope: 'notes:read' })
  await expireAccessToken(toolgate, expired_token)
  const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8').replaceAll(RESOURCE, resource))
  given = {
    expired_token,
    token: await tokenFor(person, { scope: all }),
    second_token: await tokenFor(other, { scope: all }),
    read_only_token: await tokenFor(person, { scope: 'notes:read' }),
    foreign_token: await tokenFor(person, { scope: 'calendar:read', resource: CALENDAR }),
    catalogue: 'catalogue' in read ? findResource(read.catalogue, resource) : undefined,
  }
})
afterAll(() => setup.close())

async function reviewed(options: Partial<ReviewOptions>): Promise<Review> {
  const result = await review({ url: setup.resource, ...options })
  if ('unreviewed' in result) throw new Error(result.unreviewed)
  return result
}

it('has no finding for whoever has only its address', async () => {
  expect((await reviewed({})).findings).toEqual([])
})

it('has none with every kind of token, and all that only reads was asked', async () => {
  const { findings, not_judged } = await reviewed(given)
  expect(findings).toEqual([])
  const for_want_of = not_judged.flatMap(({ flag }) => flag ?? [])
  expect([...new Set(for_want_of)]).toEqual(['--active', '--operator-token with --active'])
})

it('has none with --active, where a person signs in; and says how fast a revocation bites', async () => {
  const operator_token = (await setup.toolgate.operatorToken()).token
  const active = {
    grace_ms: 0,
    onPerson: async (address: string) => {
      const url = new URL(address)
      const { callback } = await person.authorize(url, url.searchParams.get('redirect_uri') ?? '')
      await fetch(callback)
    },
  }
  const { issuer } = setup.toolgate
  const { findings, not_judged, revocation } = await reviewed({ ...given, issuer, operator_token, active })
  expect(findings).toEqual([])
  expect(revocation?.tries).toBe(3)
  // The example keeps no sessions.
  const without_session = ['login', 'hijack', 'guessable'].map((name) => `transport.session-${name}`)
  expect(not_judged.map(({ id }) => id)).toEqual([...without_session, 'transport.unknown-session'])
})
