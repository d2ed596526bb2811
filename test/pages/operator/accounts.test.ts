import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let operator: Visitor
let auditor: Visitor
beforeAll(async () => {
  toolgate = await Toolgate.start()
  operator = await visitor(['operator'])
  auditor = await visitor(['auditor'])
})
afterAll(() => toolgate.close())

/** Somebody who is signed in to the pages. */
async function visitor(roles: string[]) {
  const { id, username } = await toolgate.account(roles)
  const response = await toolgate.post('/sign-in', { username, password: PASSWORD })
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
  const get = async (path: string) => {
    const answer = await toolgate.fetch(path, { headers: { cookie } })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }
  const csrf = /name="csrf" value="([^"]+)"/.exec((await get('/account')).text)?.[1] ?? ''
  const send = async (path: string, form: Record<string, string> | [string, string][] = {}, token = csrf) => {
    const pairs = Array.isArray(form) ? form : Object.entries(form)
    const body = new URLSearchParams([['csrf', token], ...pairs])
    const answer = await toolgate.fetch(path, { method: 'POST', body, headers: { cookie } })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }
  return { id, username, get, send }
}
type Visitor = Awaited<ReturnType<typeof visitor>>

const rolesOf = async (id: string) =>
  (await toolgate.db.database.knex('accounts').where({ id }).first()).roles

describe('the list of accounts', () => {
  it('is filtered, and shown without forms to who may only look', async () => {
    const { username, id } = await toolgate.account(['reader'])
    const shown = await operator.get(`/operator/accounts?username=${username}&role=reader&disabled=`)
    expect(shown.text).toContain(`/operator/accounts/${id}`)
    expect(shown.text).not.toContain(operator.id)
    expect(shown.text).toContain('Create the account')
    const looked = await auditor.get('/operator/accounts')
    expect([looked.status, looked.text.includes('Create the account')]).toEqual([200, false])
    expect((await operator.get('/operator/accounts?after=x')).status).toBe(400)
    expect((await operator.get('/operator/accounts?username=a&username=b')).status).toBe(400)
  })

  it('makes an account whose password is shown once, on a page that nobody keeps', async () => {
    const form: [string, string][] = [
      ['username', 'new.person'],
      ['role', 'reader'],
      ['role', 'editor'],
    ]
    const made = await operator.send('/operator/accounts', form)
    const password = /<pre class="document">([^<]+)<\/pre>/.exec(made.text)?.[1] ?? ''
    expect([made.status, made.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect((await toolgate.post('/sign-in', { username: 'new.person', password })).status).toBe(303)
    const again = await operator.send('/operator/accounts', form)
    expect(again.status).toBe(409)
    expect(again.text).toContain('The username new.person is taken')
    expect(again.text).toMatch(/value="editor" checked/)
    expect((await operator.send('/operator/accounts', { username: 'x y' })).status).toBe(400)
  })
})

describe('one account', () => {
  it('shows facts and links, and forms to who may send them', async () => {
    const { text } = await operator.get(`/operator/accounts/${auditor.id}`)
    for (const part of [
      `/operator/grants?account=${auditor.id}`,
      `/operator/audit/story/${auditor.id}`,
      '>auditor<',
    ])
      expect(text).toContain(part)
    expect(text).toContain('Sign out everywhere')
    const looked = (await auditor.get(`/operator/accounts/${operator.id}`)).text
    expect(looked).not.toContain('Sign out everywhere')
    expect(looked).not.toContain('Reset the password')
    expect((await operator.get('/operator/accounts/nobody')).status).toBe(404)
    expect((await operator.get(`/operator/accounts/${operator.id}`)).text).not.toContain('Disable <bdi>')
  })

  it('gets other roles, is disabled, enabled and signed out', async () => {
    const person = await visitor(['reader'])
    const path = `/operator/accounts/${person.id}`
    expect((await operator.send(`${path}/roles`, [['role', 'editor']])).status).toBe(303)
    expect(await rolesOf(person.id)).toEqual(['editor'])
    expect((await operator.send(`${path}/roles`)).status).toBe(303)
    expect(await rolesOf(person.id)).toEqual([])
    expect((await operator.send(`${path}/roles`, [['role', 'king']])).text).toContain('There is no role')

    expect((await operator.send(`${path}/sign-out`, { reason: 'asked for it' })).status).toBe(303)
    expect((await person.get('/account')).status).toBe(303)
    expect((await operator.send(`${path}/disable`)).status).toBe(303)
    expect((await operator.get(path)).text).toContain('Enable <bdi>')
    const { username } = person
    expect((await toolgate.post('/sign-in', { username, password: PASSWORD })).status).toBe(401)
    expect((await operator.send(`${path}/enable`)).status).toBe(303)
    expect((await toolgate.post('/sign-in', { username, password: PASSWORD })).status).toBe(303)
  })

  it('gets a password, shown once when it was made here', async () => {
    const person = await visitor([])
    const path = `/operator/accounts/${person.id}/password`
    const reset = await operator.send(path)
    const password = /<pre class="document">([^<]+)<\/pre>/.exec(reset.text)?.[1] ?? ''
    expect([reset.status, reset.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect((await person.get('/account')).status).toBe(303)
    expect((await toolgate.post('/sign-in', { username: person.username, password })).status).toBe(303)
    expect((await operator.send(path, { password: 'chosen by somebody' })).status).toBe(303)
    expect((await operator.send(path, { password: 'short' })).status).toBe(400)
  })

  it('is the own one: it cannot be disabled', async () => {
    const refused = await operator.send(`/operator/accounts/${operator.id}/disable`)
    expect([refused.status, refused.text.includes('You cannot disable your own account')]).toEqual([
      409,
      true,
    ])
  })

  it('is changed by nobody else, and by no form of elsewhere', async () => {
    const stranger = await visitor(['editor'])
    for (const form of ['roles', 'disable', 'enable', 'password', 'sign-out']) {
      const path = `/operator/accounts/${operator.id}/${form}`
      expect((await stranger.send(path)).status, form).toBe(403)
      expect((await auditor.send(path)).status, form).toBe(403)
      expect((await operator.send(path, {}, 'x')).status, form).toBe(403)
    }
    expect(await rolesOf(operator.id)).toEqual(['operator'])
    expect((await operator.get('/operator')).status).toBe(200)
  })
})
