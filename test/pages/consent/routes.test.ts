import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unclear } from '../../support/hostile.ts'
import { PASSWORD, Toolgate } from '../../support/toolgate.ts'
import { authorizationRequest, type Page, Visitor } from '../../support/visitor.ts'

/** Hostile input to the pages where a person decides, from the very browser that may see them. */
let toolgate: Toolgate
let client_id: string
let username: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  client_id = (await toolgate.register()).client_id
  username = (await toolgate.account()).username
})
afterAll(() => toolgate.close())

const request = () => authorizationRequest(toolgate.issuer, client_id).url

async function atLogin(): Promise<{ visitor: Visitor; page: Page }> {
  const visitor = new Visitor(toolgate.issuer)
  return { visitor, page: await visitor.open(request()) }
}

async function atConsent(): Promise<{ visitor: Visitor; page: Page }> {
  const { visitor, page } = await atLogin()
  return { visitor, page: await visitor.submit(page, { username, password: PASSWORD }) }
}

/** What the server says to these fields, on top of those that the page's form has. */
async function send(visitor: Visitor, page: Page, fields: [string, string][], step?: string) {
  const [form] = page.forms
  const body = new URLSearchParams([...form!.fields, ...fields])
  const url = new URL(step === undefined ? form!.action : `${page.url.pathname}/${step}`, toolgate.issuer)
  const response = await visitor.request(url, body)
  const html = await response.text()
  expect(unclear(response.status, response.headers.get('content-type') ?? '', html)).toBeUndefined()
  return { status: response.status, html }
}

const HOSTILE: [what: string, fields: [string, string][], status: number][] = [
  [
    'a NUL in the username',
    [
      ['username', 'kim\0'],
      ['password', 'x'],
    ],
    400,
  ],
  [
    'a NUL in the password',
    [
      ['username', 'kim'],
      ['password', '\0'],
    ],
    400,
  ],
  [
    'a username given twice',
    [
      ['username', 'kim'],
      ['username', 'lee'],
      ['password', 'x'],
    ],
    400,
  ],
  [
    'a form token given twice',
    [
      ['csrf', 'x'],
      ['username', 'kim'],
      ['password', 'x'],
    ],
    400,
  ],
  [
    'a form of 100 KB',
    [
      ['username', 'x'.repeat(100_000)],
      ['password', 'x'],
    ],
    413,
  ],
  ['nothing filled in', [], 401],
  [
    'markup as the username',
    [
      ['username', '<script>alert(1)</script>'],
      ['password', 'x'],
    ],
    401,
  ],
  [
    'names that objects have',
    [
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['username', '__proto__'],
      ['password', 'x'],
    ],
    401,
  ],
]

describe('the sign-in', () => {
  it.each(HOSTILE)('with %s is a page that says what is wrong', async (_, fields, status) => {
    const { visitor, page } = await atLogin()
    const answer = await send(visitor, page, fields)
    expect(answer.status).toBe(status)
    expect(answer.html).not.toContain('<script')
  })

  it('cannot be skipped: its interaction takes no consent', async () => {
    const { visitor, page } = await atLogin()
    expect(await send(visitor, page, [['scope', 'notes:read']], 'consent')).toMatchObject({ status: 409 })
  })
})

describe('the consent', () => {
  it.each<[string, [string, string][], number]>([
    ['a NUL in a scope', [['scope', 'notes:read\0']], 400],
    [
      'a field given twice that is no list',
      [
        ['x', '1'],
        ['x', '2'],
      ],
      400,
    ],
    ['thousands of scopes', Array.from({ length: 12_000 }, () => ['scope', 'a']), 413],
  ])('with %s is a page that says what is wrong, and nothing is granted', async (_, fields, status) => {
    const { visitor, page } = await atConsent()
    const before = await toolgate.db.database.knex('grants').count()
    expect(await send(visitor, page, fields)).toMatchObject({ status })
    expect(await toolgate.db.database.knex('grants').count()).toEqual(before)
  })

  it('takes no sign-in as somebody else half-way', async () => {
    const { visitor, page } = await atConsent()
    const other = await toolgate.account()
    const fields: [string, string][] = [
      ['username', other.username],
      ['password', PASSWORD],
    ]
    expect(await send(visitor, page, fields, 'login')).toMatchObject({ status: 409 })
  })

  it('to scopes that were never offered is a denial', async () => {
    const { visitor, page } = await atConsent()
    const left = await visitor.submit(page, {}, ['notes:delete:all', '__proto__', ''])
    expect(left.url.searchParams.get('error')).toBe('access_denied')
  })
})

describe('a consent and its grant are kept together', () => {
  const knex = () => toolgate.db.database.knex
  /** How many there are, whatever the tests before left. */
  const kept = async () => {
    const [grants] = await knex()('grants').count()
    const [events] = await knex()('audit_events').where('type', 'consent.given').count()
    return [Number(grants?.count), Number(events?.count)]
  }
  const refuseAll = (trigger: string) =>
    knex().raw(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create ${trigger} for each row execute function refuse()`)

  it.each([
    ['the event cannot be written', 'trigger refuse before insert on audit_events', 'audit_events'],
    [
      'the transaction ends before its commit',
      'constraint trigger refuse after insert on grants deferrable initially deferred',
      'grants',
    ],
  ])('where %s, neither is there, and the person can decide again', async (_, trigger, table) => {
    const { visitor, page } = await atConsent()
    const before = await kept()
    await refuseAll(trigger)
    try {
      const { action, fields } = page.forms[0]!
      const body = new URLSearchParams([...fields, ['scope', 'notes:read']])
      expect((await visitor.request(new URL(action, toolgate.issuer), body)).status).toBe(503)
    } finally {
      await knex().raw(`drop trigger refuse on ${table}; drop function refuse()`)
    }
    expect(await kept()).toEqual(before)
    const again = await visitor.submit(page, {}, ['notes:read'])
    expect(again.left).toBe(true)
    expect(await kept()).toEqual(before.map((count) => count + 1))
  })
})

describe('an interaction', () => {
  it('of another browser, or one that never was, is not found', async () => {
    const { page } = await atLogin()
    for (const path of [
      page.url.pathname,
      '/interaction/nothing',
      '/interaction/%00',
      '/interaction/__proto__',
    ]) {
      const response = await new Visitor(toolgate.issuer).request(new URL(path, toolgate.issuer))
      expect([path, response.status]).toEqual([path, 404])
      expect(unclear(404, response.headers.get('content-type') ?? '', await response.text())).toBeUndefined()
    }
  })

  it('of a client that was removed meanwhile is not found, and says what to do', async () => {
    const { client_id: gone } = await toolgate.register()
    const visitor = new Visitor(toolgate.issuer)
    const page = await visitor.open(authorizationRequest(toolgate.issuer, gone).url)
    await toolgate.db.database.knex('clients').where({ id: gone }).delete()
    const again = await visitor.open(page.url)
    expect([again.status, again.html]).toEqual([404, expect.stringContaining('Connect it again')])
  })
})
