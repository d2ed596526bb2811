import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Tokens, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let client_id: string
let fresh: () => Promise<Tokens>

beforeAll(async () => {
  toolgate = await Toolgate.start()
  const { person } = await toolgate.account()
  client_id = (await toolgate.register()).client_id
  fresh = () => toolgate.tokens(person(), client_id)
})
afterAll(() => toolgate.close())

const refreshed = async (refresh_token: string, more = {}) =>
  (await (await toolgate.refresh(client_id, refresh_token, more)).json()) as Tokens & { error?: string }

describe('refresh', () => {
  it('gives a new refresh token each time', async () => {
    const first = await fresh()
    const second = await refreshed(first.refresh_token)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(second.access_token).not.toBe(first.access_token)
  })

  it('gives the identical successor within the grace', async () => {
    const { refresh_token } = await fresh()
    const first = await refreshed(refresh_token)
    const again = await refreshed(refresh_token)
    expect(again).toEqual({ ...first, expires_in: expect.any(Number) })
  })

  it('revokes the family when a spent token comes after the grace', async () => {
    const { refresh_token } = await fresh()
    const successor = await refreshed(refresh_token)
    await toolgate.db.database
      .knex('refresh_tokens')
      .whereNotNull('consumed_at')
      .update({
        consumed_at: toolgate.db.database.knex.raw("now() - interval '31 seconds'"),
      })
    expect(await refreshed(refresh_token)).toMatchObject({ error: 'invalid_grant' })
    expect(await refreshed(successor.refresh_token)).toMatchObject({ error: 'invalid_grant' })
  })

  it('does not spend the token when the request is refused', async () => {
    const { refresh_token } = await fresh()
    expect(await refreshed(refresh_token, { resource: 'https://elsewhere.example/' })).toMatchObject({
      error: 'invalid_target',
    })
    expect(await refreshed(refresh_token)).toMatchObject({ token_type: 'Bearer' })
  })

  it('ignores offline_access and scopes nobody knows', async () => {
    const { refresh_token } = await fresh()
    const answer = await refreshed(refresh_token, { scope: 'offline_access notes:read' })
    expect(answer.scope).toBe('notes:read')
  })
})
