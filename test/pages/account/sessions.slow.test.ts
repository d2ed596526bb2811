import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
beforeAll(async () => {
  toolgate = await Toolgate.start()
})
afterAll(() => toolgate.close())

type Named = { id: string; username: string }

/** A browser of this person, signed in to the pages. */
async function browserOf({ username }: Named, password = PASSWORD) {
  const response = await toolgate.post('/sign-in', { username, password }, { 'user-agent': 'Browser <1>' })
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
  const get = async (path: string) => {
    const answer = await toolgate.fetch(path, { headers: { cookie } })
    return { status: answer.status, text: await answer.text() }
  }
  const csrf = /name="csrf" value="([^"]+)"/.exec((await get('/account/sessions')).text)?.[1] ?? ''
  const send = async (
    path: string,
    form: Record<string, string> = {},
    headers: Record<string, string> = {},
  ) => {
    const answer = await toolgate.post(path, { csrf, ...form }, { cookie, ...headers })
    return { status: answer.status, location: answer.headers.get('location'), text: await answer.text() }
  }
  const isIn = async () => (await get('/account')).status === 200
  return { get, send, isIn }
}

/** The ids of the sessions that a page offers to end. */
const offered = (text: string, kind: 'page' | 'browser') =>
  [...text.matchAll(/name="kind" value="(\w+)">\s*<input type="hidden" name="session" value="([^"]+)"/g)]
    .filter(([, found]) => found === kind)
    .map(([, , id = '']) => id)

describe('/account/sessions', () => {
  it('shows the own sessions, this one marked, and ends another', async () => {
    const person = await toolgate.account()
    const [here, there] = [await browserOf(person), await browserOf(person)]
    const { text } = await here.get('/account/sessions')
    expect(text).toContain('Browser &lt;1&gt;')
    expect(text.match(/This one/g)).toHaveLength(1)
    // The newest first: the other one signed in later.
    const [other = '', mine = ''] = offered(text, 'page')
    expect(await here.send('/account/sessions/end', { kind: 'page', session: other })).toMatchObject({
      status: 303,
      location: '/account/sessions',
    })
    expect([await here.isIn(), await there.isIn()]).toEqual([true, false])
    expect(await here.send('/account/sessions/end', { kind: 'page', session: mine })).toMatchObject({
      status: 303,
      location: '/sign-in',
    })
    expect(await here.isIn()).toBe(false)
  })

  it('shows where the person is signed in for apps; ended, an app asks for the password again', async () => {
    const person = await toolgate.account()
    const { client_id } = await toolgate.register()
    const visitor = person.person()
    await toolgate.tokens(visitor, client_id)
    const here = await browserOf(person)
    const [session = ''] = offered((await here.get('/account/sessions')).text, 'browser')
    expect(session).not.toBe('')
    expect((await here.send('/account/sessions/end', { kind: 'browser', session })).status).toBe(303)
    expect(offered((await here.get('/account/sessions')).text, 'browser')).toEqual([])
    const signed_in = () =>
      toolgate.db.database.knex('audit_events').where({ type: 'login.succeeded', account_id: person.id })
    const before = (await signed_in()).length
    await toolgate.tokens(visitor, client_id)
    expect(await signed_in()).toHaveLength(before + 1)
  })

  it('ends all others at once', async () => {
    const person = await toolgate.account()
    const [here, one, two] = [await browserOf(person), await browserOf(person), await browserOf(person)]
    expect((await here.send('/account/sessions/end-others')).status).toBe(303)
    expect(await Promise.all([here, one, two].map((each) => each.isIn()))).toEqual([true, false, false])
  })

  it('does not end the session of another person', async () => {
    const [person, stranger] = [await toolgate.account(), await toolgate.account()]
    const { client_id } = await toolgate.register()
    await toolgate.tokens(person.person(), client_id)
    const [theirs, foreign] = [await browserOf(person), await browserOf(stranger)]
    const { text } = await theirs.get('/account/sessions')
    for (const kind of ['page', 'browser'] as const)
      for (const session of offered(text, kind))
        expect((await foreign.send('/account/sessions/end', { kind, session })).status).toBe(303)
    await foreign.send('/account/sessions/end-others')
    const after = (await theirs.get('/account/sessions')).text
    expect(offered(after, 'page')).toEqual(offered(text, 'page'))
    expect(offered(after, 'browser')).toEqual(offered(text, 'browser'))
  })

  it('refuses forms of elsewhere, and forms that name nothing', async () => {
    const [person, other] = [await toolgate.account(), await toolgate.account()]
    const [here, foreign] = [await browserOf(person), await browserOf(other)]
    const csrf = /name="csrf" value="([^"]+)"/.exec((await foreign.get('/account')).text)?.[1] ?? ''
    const { send } = here
    for (const path of ['/account/sessions/end', '/account/sessions/end-others', '/account/password']) {
      expect((await send(path, { csrf: '' })).status, path).toBe(403)
      expect((await send(path, { csrf })).status, path).toBe(403)
      expect((await send(path, {}, { origin: 'https://evil.example' })).status, path).toBe(403)
    }
    const end = (form: Record<string, string>) => send('/account/sessions/end', form)
    expect((await end({})).status).toBe(400)
    expect((await end({ kind: 'x', session: 'x' })).status).toBe(400)
    expect((await end({ kind: 'page', session: 'x'.repeat(129) })).status).toBe(400)
    expect((await end({ kind: 'page', session: "' or true --" })).status).toBe(303)
    expect(await here.isIn()).toBe(true)
  })
})

describe('/account/password', () => {
  const wanted = 'another password'

  it('changes the password and keeps only this session', async () => {
    const person = await toolgate.account()
    const [here, there] = [await browserOf(person), await browserOf(person)]
    const form = { current: PASSWORD, wanted, again: wanted }
    expect((await here.get('/account/password')).status).toBe(200)
    expect(await here.send('/account/password', form)).toMatchObject({
      status: 303,
      location: '/account/sessions',
    })
    expect([await here.isIn(), await there.isIn()]).toEqual([true, false])
    expect(await (await browserOf(person)).isIn()).toBe(false)
    expect(await (await browserOf(person, wanted)).isIn()).toBe(true)
  })

  it.each([
    ['a wrong current password', { current: 'wrong password', wanted, again: wanted }, 403],
    ['two different new ones', { current: PASSWORD, wanted, again: 'yet another one' }, 400],
    ['one that is too short', { current: PASSWORD, wanted: 'short', again: 'short' }, 400],
    ['nothing', {}, 400],
  ])('says what is wrong with %s, and changes nothing', async (_, form, status) => {
    const person = await toolgate.account()
    const here = await browserOf(person)
    const refused = await here.send('/account/password', form as Record<string, string>)
    expect([refused.status, refused.text.includes('role="alert"')]).toEqual([status, true])
    expect(refused.text).not.toContain(PASSWORD)
    expect(await (await browserOf(person)).isIn()).toBe(true)
  })
})
