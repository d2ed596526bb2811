import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { returnPath } from '../../../src/pages/sign-in/sign-in.ts'
import { PASSWORD, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate

beforeAll(async () => {
  toolgate = await Toolgate.start()
})
afterAll(() => toolgate.close())

async function signIn(username: string, password = PASSWORD): Promise<Response> {
  return toolgate.post('/sign-in', { username, password, return_to: '/operator' })
}

const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? ''

describe('signing in to the pages', () => {
  it('asks whoever is not signed in, and comes back', async () => {
    const asked = await toolgate.fetch('/operator?x=1')
    expect([asked.status, asked.headers.get('location')]).toEqual([
      303,
      '/sign-in?return_to=%2Foperator%3Fx%3D1',
    ])
    const { username } = await toolgate.account(['operator'])
    const response = await signIn(username)
    expect([response.status, response.headers.get('location')]).toEqual([303, '/operator'])
    const page = await toolgate.fetch('/operator', { headers: { cookie: cookieOf(response) } })
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('Sign out')
  })

  it('refuses the operator pages to other roles, and a wrong password', async () => {
    const { username } = await toolgate.account(['editor'])
    expect((await signIn(username, 'wrong password')).status).toBe(401)
    const cookie = cookieOf(await signIn(username))
    expect((await toolgate.fetch('/operator', { headers: { cookie } })).status).toBe(403)
    expect((await toolgate.fetch('/account', { headers: { cookie } })).status).toBe(200)
  })
})

describe('returnPath', () => {
  it.each([
    ['/operator/grants?x=1', '/operator/grants?x=1'],
    ['//evil.example/operator', '/account'],
    ['/\\evil.example', '/account'],
    ['https://evil.example/operator', '/account'],
    ['/operatorx', '/account'],
    ['/operator/../token', '/account'],
    [undefined, '/account'],
  ])('%s → %s', (wanted, path) => {
    expect(returnPath('http://localhost:4000', wanted)).toBe(path)
  })
})
