import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let authorization: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  authorization = `Bearer ${(await toolgate.operatorToken()).token}`
})
afterAll(() => toolgate.close())

const SPELLINGS = [
  '/operator/api/v1/grants',
  '/operator/api/v1/grants/',
  '/OPERATOR/api/v1/grants',
  '/operator/API/v1/grants',
  '/Operator/Api/V1/Grants',
  '/operator/api/v1/GRANTS',
  '/operator/api/v1//grants',
  '//operator/api/v1/grants',
  '/operator%2Fapi/v1/grants',
  '/%6Fperator/api/v1/grants',
]
const WRITES = ['/grants/revoke', '/refresh-tokens/revoke', '/grants/some/revoke', '/refresh-tokens/x/revoke']

describe('the operator API without a token', () => {
  it.each(SPELLINGS)('answers nothing, however its address is spelled: GET %s', async (path) => {
    expect([401, 404]).toContain((await toolgate.fetch(path)).status)
  })

  it.each(WRITES)('revokes nothing, however its address is spelled: POST %s', async (path) => {
    for (const prefix of ['/operator/api/v1', '/OPERATOR/api/v1', '/operator/api/V1']) {
      const headers = { 'content-type': 'application/json' }
      const init = { method: 'POST', headers, body: '{"account":"nobody"}' }
      expect([401, 404]).toContain((await toolgate.fetch(prefix + path, init)).status)
    }
  })

  it('does not say which addresses exist', async () => {
    expect((await toolgate.fetch('/operator/api/v1/nothing')).status).toBe(401)
  })
})

describe('the operator API with a token', () => {
  it('answers at its address, and nothing at an unknown one', async () => {
    const get = async (path: string) => (await toolgate.fetch(path, { headers: { authorization } })).status
    expect(await get('/operator/api/v1/grants')).toBe(200)
    expect(await get('/operator/api/v1/nothing')).toBe(404)
  })
})
