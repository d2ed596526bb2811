import { beforeAll, describe, expect, it } from 'vitest'
import { TOKEN_CLIENTS } from '../../../support/token-clients.ts'
import { call, LIST, post } from './messages.ts'
import { METADATA_PATH, type Place, READER_TOOLS, type Stage } from './stage.ts'

export function describeToken(stage: Stage): void {
  let place: Place
  beforeAll(async () => {
    place = await stage.place({ mode: 'token' })
  })

  describe.each(TOKEN_CLIENTS)('%s', (_, connect) => {
    it('lists and calls what its personal access token opens', async () => {
      const client = await connect(place.url, 'tgp_reader')
      expect(await client.list()).toEqual(READER_TOOLS)
      expect((await client.call('get_note', { id: '1' })).text).toContain('Welcome')
      await expect(client.call('create_note', { title: 'a', text: 'b' })).rejects.toThrow()
      await client.close()
    })
  })

  it('no document and no challenge leads a client into a flow that ends nowhere', async () => {
    for (const path of [METADATA_PATH, `${METADATA_PATH}/mcp`])
      expect((await fetch(place.origin + path)).status).toBe(404)
    const refused = [
      await fetch(place.url),
      await post(place.url, LIST, 'tgp_unknown'),
      await post(place.url, call('create_note'), 'tgp_reader'),
    ]
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 403])
    for (const response of refused) {
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/)
      expect(response.headers.get('www-authenticate')).not.toContain('resource_metadata')
    }
  })

  it('any other kind of token is refused, and nobody is asked about it', async () => {
    const asked = stage.as.requests.length
    expect((await post(place.url, LIST, 'reader')).status).toBe(401)
    expect(stage.as.requests.length).toBe(asked)
  })
}
