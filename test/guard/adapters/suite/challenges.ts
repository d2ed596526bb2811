import { expect, it } from 'vitest'
import { call, LIST, post } from './messages.ts'
import type { Stage } from './stage.ts'

const METADATA = 'resource_metadata="http://localhost:4001/.well-known/oauth-protected-resource/mcp"'

export function describeChallenges(stage: Stage): void {
  const challenged = async (response: Response) => ({
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    error: ((await response.json()) as { error: string }).error,
  })

  it('without a token: 401 that says where to get one, and no error', async () => {
    for (const response of [await post(stage.oauth.url, LIST, ''), await fetch(stage.oauth.url)])
      expect((await challenged(response)).status).toBe(401)
    const response = await fetch(stage.oauth.url, { method: 'POST', body: JSON.stringify(LIST) })
    expect(await challenged(response)).toEqual({
      status: 401,
      challenge: `Bearer ${METADATA}, scope="notes:read"`,
      error: 'unauthorized',
    })
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it.each(['unknown', 'elsewhere', 'mal"formed'])('with the token %s: 401 invalid_token', async (token) => {
    const { status, challenge, error } = await challenged(await post(stage.oauth.url, LIST, token))
    expect([status, error]).toEqual([401, 'invalid_token'])
    expect(challenge).toContain(METADATA)
  })

  it('with a good token in the query: 400, even beside the same in the header', async () => {
    const url = `${stage.oauth.url}?access_token=reader`
    for (const response of [await post(url, LIST), await fetch(url)])
      expect(await challenged(response)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  it('for a tool that the token does not open: 403 with the scope to ask for', async () => {
    const { status, challenge } = await challenged(await post(stage.oauth.url, call('create_note')))
    expect(status).toBe(403)
    expect(challenge).toMatch(
      /^Bearer error="insufficient_scope", error_description="[^"]+", scope="notes:write", /,
    )
    expect(challenge).toContain(METADATA)
  })

  it('for a tool that no scope opens: 403 without a scope, since stepping up would be in vain', async () => {
    const { status, challenge } = await challenged(await post(stage.oauth.url, call('format_disk')))
    expect(status).toBe(403)
    expect(challenge).not.toContain('scope="')
  })

  it('for a batch: 403 with the scopes of all of it, once', async () => {
    const batch = [
      call('get_note', 1, { id: '1' }),
      call('create_note', 2),
      call('delete_note', 3),
      call('create_note', 4),
    ]
    const { status, challenge } = await challenged(await post(stage.oauth.url, batch))
    expect(status).toBe(403)
    expect(challenge).toContain('scope="notes:read notes:write notes:delete"')
  })

  it('when the authorization server fails: 503, and the call does not happen', async () => {
    const { heard, errors, url } = await stage.place({ mode: 'oauth' })
    stage.as.override = { status: 500, body: '' }
    try {
      const response = await post(url, call('get_note', 1, { id: '1' }))
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    } finally {
      stage.as.override = undefined
    }
    expect([heard.length, errors.length]).toEqual([0, 1])
  })

  it('on any path, and by any method that is not of the transport', async () => {
    for (const path of ['/', '/mcp/', '//mcp', '/admin', '/MCP'])
      expect((await fetch(stage.oauth.origin + path)).status).toBe(401)
    const put = await fetch(stage.oauth.url, { method: 'PUT', body: '{}' })
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST, DELETE'])
  })
}
