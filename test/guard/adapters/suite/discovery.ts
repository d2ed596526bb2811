import { expect, it } from 'vitest'
import { METADATA_PATH, RESOURCE, type Stage } from './stage.ts'

export function describeDiscovery(stage: Stage): void {
  it.each(['', '/mcp'])('the metadata document is at the well-known path with %j behind it', async (path) => {
    const response = await fetch(`${stage.oauth.origin}${METADATA_PATH}${path}`)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(await response.json()).toEqual({
      resource: RESOURCE,
      authorization_servers: [stage.as.issuer],
      scopes_supported: ['notes:read'],
      bearer_methods_supported: ['header'],
      resource_name: 'Notes',
    })
  })

  it('the document is read by GET and HEAD only', async () => {
    const url = `${stage.oauth.origin}${METADATA_PATH}`
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
    const posted = await fetch(url, { method: 'POST', body: '{}' })
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('there is no other well-known document, so that clients try the next address', async () => {
    const response = await fetch(`${stage.oauth.origin}/.well-known/oauth-authorization-server`)
    expect(response.status).toBe(404)
  })
}

export function describeCors(stage: Stage): void {
  it('a preflight is answered to any origin, with the headers that MCP needs', async () => {
    const asked = { origin: 'https://app.test', 'access-control-request-method': 'POST' }
    const response = await fetch(stage.oauth.url, { method: 'OPTIONS', headers: asked })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('access-control-allow-headers')).toBe('*, Authorization')
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST, DELETE')
  })

  it('a page may read every answer: the document, the challenge, the session of the server', async () => {
    const { origin, url } = stage.oauth
    const token = { headers: { authorization: 'Bearer reader' } }
    const asked = [
      fetch(`${origin}${METADATA_PATH}`),
      fetch(`${origin}/.well-known/none`),
      fetch(url),
      fetch(url, token),
    ]
    for (const response of await Promise.all(asked)) {
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('access-control-expose-headers')).toBe('WWW-Authenticate, Mcp-Session-Id')
      await response.body?.cancel()
    }
  })
}
