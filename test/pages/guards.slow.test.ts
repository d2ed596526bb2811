import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operatorScopesOf } from '../../src/api/operator-api/operator-resource.ts'
import { ACCOUNT_PAGES } from '../../src/pages/account/routes.ts'
import { OPERATOR_PAGES } from '../../src/pages/operator/routes.ts'
import type { PageRoute } from '../../src/pages/page.ts'
import { Toolgate } from '../support/toolgate.ts'
import { browse, type Offers, signIn, storedState, submit, type Visitor } from './browsing.ts'

/** Every page and form of the two tables, whoever asks and however. */
const PAGES = [...OPERATOR_PAGES, ...ACCOUNT_PAGES]
const ROLES = ['editor', 'auditor', 'operator'] as const
const NOBODY: Visitor = { cookie: '', csrf: '' }

let toolgate: Toolgate
const visitors: Record<string, Visitor> = {}
/** Signed out since; what it had is known to whoever took it. */
let gone: Visitor
/** Somebody with one of each thing, and what is theirs. */
let owner: Visitor
let theirs: string[]

beforeAll(async () => {
  toolgate = await Toolgate.start()
  for (const role of ROLES) {
    const { username } = await toolgate.account([role])
    visitors[role] = await signIn(toolgate, username)
  }
  const { username } = await toolgate.account(['operator'])
  gone = await signIn(toolgate, username)
  expect((await submit(toolgate, gone, '/sign-out')).status).toBe(303)
  await seedOwner()
})
afterAll(() => toolgate.close())

async function seedOwner() {
  const { knex } = toolgate.db.database
  const { id, username, person } = await toolgate.account(['editor'])
  await toolgate.tokens(person(), (await toolgate.register()).client_id)
  const [grant_id] = await knex('grants').where({ account_id: id }).pluck('id')
  const personal_token = await toolgate.personalToken(id)
  owner = await signIn(toolgate, username)
  const sessions: Buffer[] = await knex('page_sessions').where({ account_id: id }).pluck('id')
  const uids: string[] = await knex('oidc_payloads').where({ model: 'Session' }).pluck('id').limit(5)
  theirs = [
    grant_id,
    personal_token.id,
    ...sessions.flatMap((session) => [session.toString('base64url'), session.toString('hex')]),
    ...uids.map(String),
    id,
  ]
}

function pathOf({ path }: PageRoute, named = theirs[0] ?? ''): string {
  return path.replaceAll(/:\w+/g, encodeURIComponent(named))
}

function may(role: (typeof ROLES)[number], { needs }: PageRoute): boolean {
  return needs === 'account' || operatorScopesOf([role]).has(needs)
}

const see = (route: PageRoute, { cookie }: Visitor) =>
  toolgate.fetch(pathOf(route), { headers: { cookie, accept: 'text/html' } })

const of = (method: PageRoute['method']) =>
  PAGES.filter((route) => route.method === method).map((route) => ({ path: route.path, route }))

/** What never ends is not looked at by whom it would be told to. */
const STREAMS = new Set(['/operator/audit/follow'])

describe.each(of('get'))('GET $path', ({ route }) => {
  it('is shown to whoever may see it, asks who is not signed in, and changes nothing', async () => {
    const before = await storedState(toolgate)
    for (const nobody of [NOBODY, gone]) {
      const asked = await see(route, nobody)
      expect([asked.status, asked.headers.get('location')]).toEqual([
        303,
        `/sign-in?${new URLSearchParams({ return_to: pathOf(route) })}`,
      ])
    }
    for (const role of ROLES) {
      if (may(role, route) && STREAMS.has(route.path)) continue
      const { status } = await see(route, visitors[role]!)
      if (may(role, route)) expect([200, 303, 400, 404], role).toContain(status)
      else expect([role, status]).toEqual([role, 403])
    }
    expect(await storedState(toolgate)).toEqual(before)
  })
})

describe.each(of('post'))('POST $path', ({ route }) => {
  it('is refused to who is not signed in or may not, and changes nothing', async () => {
    const before = await storedState(toolgate)
    for (const nobody of [NOBODY, gone])
      expect((await submit(toolgate, nobody, pathOf(route))).status).toBe(401)
    for (const role of ROLES.filter((each) => !may(each, route)))
      expect([role, (await submit(toolgate, visitors[role]!, pathOf(route))).status]).toEqual([role, 403])
    expect(await storedState(toolgate)).toEqual(before)
  })

  it('is refused when it does not come from a page of this session, and changes nothing', async () => {
    const before = await storedState(toolgate)
    const { operator, editor } = visitors as Record<string, Visitor>
    const send = async (csrf: string, headers: Record<string, string> = {}) =>
      (await submit(toolgate, { ...operator!, csrf }, pathOf(route), [], headers)).status
    const { csrf } = operator!
    expect({
      'without a token': await send(''),
      'with a wrong token': await send(`${csrf.slice(0, -1)}${csrf.endsWith('A') ? 'B' : 'A'}`),
      'with the token of another session': await send(editor!.csrf),
      'with the token of a session that ended': await send(gone.csrf),
      'from another origin': await send(csrf, { origin: 'https://evil.example' }),
      'from a page without an origin': await send(csrf, { origin: 'null', 'sec-fetch-site': 'cross-site' }),
      'from another site': await send(csrf, { 'sec-fetch-site': 'cross-site' }),
      'from another host of the site': await send(csrf, { 'sec-fetch-site': 'same-site' }),
    }).toEqual({
      'without a token': 403,
      'with a wrong token': 403,
      'with the token of another session': 403,
      'with the token of a session that ended': 403,
      'from another origin': 403,
      'from a page without an origin': 403,
      'from another site': 403,
      'from another host of the site': 403,
    })
    expect(await storedState(toolgate)).toEqual(before)
  })
})

/** Ending what is not there, or not one's own, is no error and tells nobody which of the two it is. */
const NOTHING_DONE = [303, 400, 404]

describe('what is somebody else’s', () => {
  let offered: Offers
  let own: Offers
  let other: Visitor
  beforeAll(async () => {
    other = visitors.editor!
    offered = await browse(toolgate, owner, '/account')
    own = await browse(toolgate, other, '/account')
  })

  it('is not shown: pages that only their owner is offered are 404', async () => {
    const { cookie } = other
    // A list asked for in another way is a list of one's own things.
    const foreign = [...offered.links].filter((link) => !own.links.has(link) && !link.includes('?'))
    for (const link of foreign)
      expect([link, (await toolgate.fetch(link, { headers: { cookie } })).status]).toEqual([link, 404])
  })

  it('is not changed: forms that only their owner is offered do nothing', async () => {
    const before = await storedState(toolgate)
    for (const [key, { action, fields }] of offered.forms) {
      if (own.forms.has(key)) continue
      const { status } = await submit(toolgate, other, action, fields)
      expect(NOTHING_DONE, key).toContain(status)
    }
    expect(await storedState(toolgate)).toEqual(before)
  })

  it.each(
    ACCOUNT_PAGES.filter(({ path }) => path.includes(':')).map(
      (route) => [route.method, route.path, route] as const,
    ),
  )('%s %s shows and does nothing, whatever is named', async (method, _, route) => {
    const before = await storedState(toolgate)
    for (const named of [...theirs, 'nothing', '../x', '%00']) {
      const path = pathOf(route, named)
      const { cookie } = other
      const response =
        method === 'get'
          ? await toolgate.fetch(path, { headers: { cookie } })
          : await submit(toolgate, other, path)
      expect(method === 'get' ? [404] : NOTHING_DONE, path).toContain(response.status)
    }
    expect(await storedState(toolgate)).toEqual(before)
  })
})
