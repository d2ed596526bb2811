// Strangers who sign in with made-up names and hang up, or guess at somebody's account: nobody else must wait or be kept out.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, Toolgate } from '../support/toolgate.ts'
import { honestSignIn, sendTo, strangerSignsIn } from './sign-in-flood.ts'

let toolgate: Toolgate
beforeAll(async () => {
  toolgate = await Toolgate.start({ env: { TOOLGATE_TRUSTED_PROXY_HOPS: '1' } })
})
afterAll(() => toolgate.close())

const one_network = () => '198.51.100.1'
const networks = (index: number) => `10.1.0.${index}`
const six = (index: number) => `2001:db8:7:7::${(index + 1).toString(16)}`

async function strangers(count: number, ip: (index: number) => string) {
  const all = await Promise.all(
    Array.from({ length: count }, (_, index) => strangerSignsIn(toolgate, ip(index))),
  )
  return {
    statuses: () => Promise.all(all.map(({ status }) => status)),
    hangUp: () => {
      for (const { hangUp } of all) hangUp()
    },
  }
}

const wrongSignIn = (username: string, ip: string, cookie = '') =>
  honestSignIn(toolgate, { username, password: 'a guess that is wrong', ip, cookie })

const countedFailures = async () =>
  Number(
    (
      await toolgate.db.database
        .knex('login_attempts')
        .whereNull('account_id')
        .where({ failures_max: 100 })
        .sum({ sum: 'failures' })
    )[0]?.sum,
  )

describe('60 sign-ins of strangers at once', () => {
  it.each([
    ['from one network', one_network],
    ['from 60 networks', networks],
  ])('%s: somebody who is known is let in among them, and the server stays ready', async (_, ip) => {
    const { username } = await toolgate.account()
    const me = { username, password: PASSWORD, ip: '192.0.2.1' }
    const { cookie } = await honestSignIn(toolgate, me)
    const crowd = await strangers(60, ip)
    const [signed_in, ready] = await Promise.all([
      honestSignIn(toolgate, { ...me, cookie }),
      sendTo(toolgate, '/readyz'),
    ])
    expect([signed_in.status, ready.status]).toEqual([303, 200])
    const statuses = await crowd.statuses()
    expect(statuses.filter((status) => ![401, 429, 503].includes(status ?? 0))).toEqual([])
    // Beyond the line, nobody is worked for.
    expect(statuses.filter((status) => status === 401).length).toBeLessThan(45)
  })

  it('from one network: somebody whom nobody knows is let in from another', async () => {
    const { username } = await toolgate.account()
    const crowd = await strangers(60, () => '198.51.100.2')
    expect((await honestSignIn(toolgate, { username, password: PASSWORD, ip: '192.0.2.2' })).status).toBe(303)
    await crowd.statuses()
  })

  it('that hang up are not worked for', async () => {
    const before = await countedFailures()
    const crowd = await strangers(30, (index) => `10.2.0.${index}`)
    crowd.hangUp()
    const { username } = await toolgate.account()
    expect((await honestSignIn(toolgate, { username, password: PASSWORD, ip: '192.0.2.3' })).status).toBe(303)
    // All of them would have found a place in the line.
    expect((await countedFailures()) - before).toBeLessThan(15)
  })
})

describe('somebody who guesses at an account', () => {
  it('keeps its owner out nowhere but in their own network, and not there in a browser that is known', async () => {
    const { id, username } = await toolgate.account()
    const owner = { username, password: PASSWORD, ip: '192.0.2.4' }
    const { cookie } = await honestSignIn(toolgate, owner)
    const statuses = []
    for (let guess = 0; guess < 12; guess += 1)
      statuses.push((await wrongSignIn(username, '203.0.113.66')).status)
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429])
    expect((await honestSignIn(toolgate, owner)).status).toBe(303)
    expect((await honestSignIn(toolgate, { ...owner, ip: '203.0.113.66' })).status).toBe(429)
    expect((await honestSignIn(toolgate, { ...owner, ip: '203.0.113.66', cookie })).status).toBe(303)
    const held = await toolgate.db.database
      .knex('login_attempts')
      .where({ account_id: id })
      .max('failures as failures')
    expect(held[0]?.failures).toBeGreaterThan(10)
  })

  it('has a cookie of their own account, and it helps them nothing at another', async () => {
    const [mine, yours] = [await toolgate.account(), await toolgate.account()]
    const ip = '203.0.113.67'
    const { cookie } = await honestSignIn(toolgate, { username: mine.username, password: PASSWORD, ip })
    const statuses = []
    for (let guess = 0; guess < 11; guess += 1)
      statuses.push((await wrongSignIn(yours.username, ip, cookie)).status)
    expect(statuses.at(-1)).toBe(429)
  })

  it('has an IPv6 /64, which is one network', async () => {
    const { username } = await toolgate.account()
    const statuses = []
    for (let guess = 0; guess < 11; guess += 1)
      statuses.push((await wrongSignIn(username, six(guess))).status)
    expect(statuses).toEqual([...Array(10).fill(401), 429])
  })
})
