import { beforeAll, describe, expect, it } from 'vitest'
import { send } from '../../../support/send.ts'
import { TOKEN_CLIENTS } from '../../../support/token-clients.ts'
import { call, headersOf, LIST, post } from './messages.ts'
import { ALL_TOOLS, METADATA_PATH, type Place, type Stage } from './stage.ts'

export function describeNone(stage: Stage): void {
  let place: Place
  beforeAll(async () => {
    place = await stage.place({ mode: 'none' })
  })

  const ask = (more: Record<string, string>) =>
    send(place.url, {
      method: 'POST',
      headers: headersOf(undefined, more),
      body: JSON.stringify(call('get_note', 1, { id: '1' })),
    })

  describe.each(TOKEN_CLIENTS)('%s', (_, connect) => {
    it('lists and calls what the catalogue has, without a token', async () => {
      const client = await connect(place.url)
      expect(await client.list()).toEqual(ALL_TOOLS)
      expect((await client.call('get_note', { id: '1' })).text).toContain('Welcome')
      await client.close()
    })
  })

  it('every decision is recorded on this machine, and no server is asked', async () => {
    const asked = stage.as.requests.length
    place.recorded.length = 0
    expect((await post(place.url, call('create_note', 1, { title: 'a', text: 'b' }), undefined)).status).toBe(
      200,
    )
    expect((await post(place.url, call('format_disk'), undefined)).status).toBe(403)
    const decided = place.recorded.filter(({ type }) => type === 'tool.decided')
    expect(decided.map(({ type, tool, decision }) => ({ type, tool, decision }))).toMatchObject([
      { type: 'tool.decided', tool: 'create_note', decision: 'allowed' },
      { type: 'tool.decided', tool: 'format_disk', decision: 'denied' },
    ])
    expect(stage.as.requests.length).toBe(asked)
  })

  it('only who means this machine is served', async () => {
    const { port } = new URL(place.url)
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'notes.localhost'])
      expect((await ask({ host })).status).toBe(200)
    const others = ['localhost.evil.test', '10.0.0.1', '0.0.0.0']
    for (const host of ['evil.test', `evil.test:${port}`, ...others])
      expect((await ask({ host })).status).toBe(403)
  })

  it('no page of another origin is served', async () => {
    expect((await ask({ origin: 'http://localhost:5173' })).status).toBe(200)
    for (const origin of ['https://evil.test', 'null', 'http://localhost.evil.test'])
      expect((await ask({ origin })).status).toBe(403)
  })

  it('no image or link of a page elsewhere is followed, though browsers say no Origin there', async () => {
    const look = (site: string) => send(place.url, { headers: { 'sec-fetch-site': site } })
    for (const site of ['cross-site', 'same-site']) expect((await look(site)).status).toBe(403)
    for (const site of ['none', 'same-origin']) expect((await look(site)).status).not.toBe(403)
    // A page of this machine that is of another site by its name has an Origin to show.
    expect((await ask({ origin: 'http://localhost:5173', 'sec-fetch-site': 'cross-site' })).status).toBe(200)
  })

  it('nothing that came through a proxy or a tunnel is served', async () => {
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'])
      expect((await ask({ [name]: '127.0.0.1' })).status).toBe(403)
  })

  it('there is no metadata document, and no challenge', async () => {
    expect((await fetch(place.origin + METADATA_PATH)).status).toBe(404)
    const refused = await post(place.url, call('format_disk'), undefined)
    expect(refused.headers.get('www-authenticate') ?? '').not.toContain('resource_metadata')
    expect((await post(place.url, LIST, 'any', {})).status).toBe(200)
  })
}
