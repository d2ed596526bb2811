import { describe, expect, it } from 'vitest'
import { TOKEN_CLIENTS } from '../../../support/token-clients.ts'
import { call, LIST, messagesOf, post } from './messages.ts'
import { ALL_TOOLS, READER_TOOLS, type Stage } from './stage.ts'

export function describeTools(stage: Stage): void {
  describe.each(TOKEN_CLIENTS)('%s', (_, connect) => {
    it('sees the tools that its token opens, and no other', async () => {
      for (const [token, tools] of [['reader', READER_TOOLS] as const, ['editor', ALL_TOOLS] as const]) {
        const client = await connect(stage.oauth.url, token)
        expect(await client.list()).toEqual(tools)
        await client.close()
      }
    })

    it('calls a tool that its token opens, and is refused any other', async () => {
      const client = await connect(stage.oauth.url, 'reader')
      const { text } = await client.call('search_notes', { query: 'welcome' })
      expect(JSON.parse(text)).toMatchObject([{ title: 'Welcome' }])
      await expect(client.call('create_note', { title: 'a', text: 'b' })).rejects.toThrow()
      await client.close()
    })

    it('is told what went wrong in a tool', async () => {
      const client = await connect(stage.oauth.url, 'reader')
      expect(await client.call('get_note', { id: '99' })).toEqual({
        isError: true,
        text: 'There is no note 99',
      })
      await client.close()
    })
  })

  it('a batch whose every message is allowed is answered as a whole', async () => {
    const batch = [call('get_note', 1, { id: '1' }), LIST, call('search_notes', 3, { query: 'nothing' })]
    const answers = await messagesOf(await post(stage.oauth.url, batch))
    expect(answers.map(({ id }) => id).sort()).toEqual([1, 3, 'list'])
    expect(JSON.stringify(answers)).not.toContain('"error"')
  })

  it('text beyond ASCII comes to the tool as it was sent', async () => {
    const title = 'Grüße — 世界 🌍 \ufeff'
    const created = await post(stage.oauth.url, call('create_note', 1, { title, text: '' }), 'editor')
    expect(JSON.stringify(await messagesOf(created))).toContain(JSON.stringify(title).slice(1, -1))
  })
}
