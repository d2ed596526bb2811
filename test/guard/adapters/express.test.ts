import { createServer } from 'node:http'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { protectExpress } from '../../../src/guard/adapters/express.ts'
import { poisonParser } from '../../support/poisoned-parser.ts'
import { serving } from './serving.ts'
import { call, escapedCall, LIST, post } from './suite/messages.ts'
import { RESOURCE, Stage } from './suite/stage.ts'
import { describeGuarantees } from './suite.ts'
import { serveByExpress } from './ways-to-serve.ts'

describeGuarantees('protectExpress', serveByExpress)

describe('protectExpress', () => {
  const stage = new Stage((behind) => {
    const { guard } = behind
    const app = express()
    const echo: express.RequestHandler = ({ body, ...request }, response) => {
      const { auth } = request as unknown as { auth: { clientId: string } }
      response.json({ body, client: auth.clientId })
    }
    app.get('/healthz', (_request, response) => void response.send('fine'))
    app.all('/after', express.json({ limit: '10mb' }), protectExpress(guard), echo)
    app.all('/after-text', express.text({ type: '*/*' }), protectExpress(guard), echo)
    app.all('/after-bytes', express.raw({ type: '*/*' }), protectExpress(guard), echo)
    const readAndForget: express.RequestHandler = (request, _response, next) =>
      void request.resume().on('end', next)
    app.all('/forgotten', readAndForget, protectExpress(guard), echo)
    app.use(['/mcp', '/.well-known'], protectExpress(guard))
    app.all('/mcp', express.json(), echo)
    return serving(behind, createServer(app))
  })
  beforeAll(() => stage.open())
  afterAll(() => stage.close())

  it.each(['/mcp', '/after', '/after-text', '/after-bytes'])(
    'hands on what it decided about at %s, before a body parser or after',
    async (path) => {
      const response = await post(stage.oauth.origin + path, call('get_note'))
      expect(await response.json()).toEqual({ body: call('get_note'), client: 'c' })
      expect((await post(stage.oauth.origin + path, call('create_note'))).status).toBe(403)
    },
  )

  it.each(['/mcp', '/after-text', '/after-bytes'])(
    'hands on escaped names as it read them at %s, whatever the engine met before',
    async (path) => {
      const text = escapedCall('get_note')
      poisonParser(text)
      const response = await post(stage.oauth.origin + path, text)
      expect(await response.json()).toMatchObject({ body: call('get_note') })
    },
  )

  it('runs nothing that a body parser misread', async () => {
    poisonParser(escapedCall('create_note'))
    expect((await post(`${stage.oauth.origin}/after`, escapedCall('create_note'))).ok).toBe(false)
    // The guard cannot know what was there: it refuses what only a misreading has.
    const misread = {
      ...call('get_note'),
      params: { name: 'get_note', arguments: {}, '\\u00': 'create_note' },
    }
    expect((await post(`${stage.oauth.origin}/after`, misread)).status).toBe(400)
  })

  it('reads the body itself where a body parser did not know its type', async () => {
    const response = await post(`${stage.oauth.origin}/after`, LIST, 'reader', {
      'content-type': 'text/plain',
    })
    expect(await response.json()).toEqual({ body: LIST, client: 'c' })
  })

  it('lets nobody through whose body was read and is gone', async () => {
    expect((await post(`${stage.oauth.origin}/forgotten`, call('get_note'))).status).toBe(400)
  })

  it('refuses nesting that a body parser let through', async () => {
    const nested = `{"method":"ping","params":${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}}`
    expect((await post(`${stage.oauth.origin}/after`, nested)).status).toBe(400)
  })

  it('guards what stands behind it only, and knows its own paths where it is mounted', async () => {
    const { origin } = stage.oauth
    expect(await (await fetch(`${origin}/healthz`)).text()).toBe('fine')
    const document = await fetch(`${origin}/.well-known/oauth-protected-resource/mcp`)
    expect(await document.json()).toMatchObject({ resource: RESOURCE })
    expect((await fetch(`${origin}/.well-known/else`)).status).toBe(404)
    expect((await fetch(`${origin}/mcp?access_token=reader`)).status).toBe(400)
  })
})
