import { beforeAll, describe, expect, it } from 'vitest'
import { createNotesSessions } from '../../../../examples/notes-server/mcp-server.ts'
import { TOKEN_CLIENTS } from '../../../support/token-clients.ts'
import { call, headersOf, INITIALIZE, LIST, messagesOf, post } from './messages.ts'
import { type Place, READER_TOOLS, type Stage } from './stage.ts'

export function describeSessions(stage: Stage): void {
  let place: Place
  beforeAll(async () => {
    place = await stage.place({ mode: 'oauth' }, createNotesSessions())
  })

  const within = (id: string) => ({ 'mcp-session-id': id, 'mcp-protocol-version': '2025-06-18' })
  const begin = async (token = 'reader') => {
    const response = await post(place.url, INITIALIZE, token)
    await response.text()
    return response.headers.get('mcp-session-id') ?? ''
  }

  describe.each(TOKEN_CLIENTS.slice(1))('%s', (_, connect) => {
    it('lists and calls within its session, and ends it', async () => {
      const client = await connect(place.url, 'reader')
      const id = client.session() ?? ''
      expect(id).not.toBe('')
      expect(await client.list()).toEqual(READER_TOOLS)
      expect((await client.call('search_notes', { query: 'welcome' })).text).toContain('Welcome')
      await expect(client.call('create_note', { title: 'a', text: 'b' })).rejects.toThrow()
      await client.terminate()
      expect((await post(place.url, LIST, 'reader', within(id))).status).toBe(404)
      await client.close()
    })
  })

  it('a stolen id is worth nothing with another token, by no method', async () => {
    const id = await begin()
    const heard = place.heard.length
    const asked = [
      post(place.url, call('delete_note', 1, { id: '1' }), 'editor', within(id)),
      fetch(place.url, { headers: headersOf('editor', within(id)) }),
      fetch(place.url, { method: 'DELETE', headers: headersOf('editor', within(id)) }),
    ]
    for (const response of await Promise.all(asked)) {
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({ jsonrpc: '2.0', error: { message: 'Session not found' } })
    }
    expect(place.heard.length).toBe(heard)
    const own = await post(place.url, LIST, 'reader', within(id))
    expect([own.status, (await messagesOf(own)).length]).toEqual([200, 1])
  })

  it('lasts beyond the token that opened it, for the same person at the same client', async () => {
    const id = await begin()
    const response = await post(place.url, LIST, 'reader-refreshed', within(id))
    expect(response.status).toBe(200)
    await response.text()
  })

  it('that this server did not open is not found', async () => {
    expect((await post(place.url, LIST, 'reader', within('made-up'))).status).toBe(404)
  })

  it('the stream of notifications opens, and ends with its session', async () => {
    const id = await begin()
    const stream = await fetch(place.url, { headers: headersOf('reader', within(id)) })
    expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    const ended = await fetch(place.url, { method: 'DELETE', headers: headersOf('reader', within(id)) })
    expect(ended.status).toBe(200)
    await stream.text()
    expect((await post(place.url, LIST, 'reader', within(id))).status).toBe(404)
  })
}
