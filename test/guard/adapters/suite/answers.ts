import { expect, it } from 'vitest'
import { call, headersOf, post } from './messages.ts'
import type { Heard, Stage } from './stage.ts'

/** The answer of the MCP server reaches the client unchanged, piece by piece, and the guard hears all of it. */
export function describeAnswers(stage: Stage): void {
  const GET_NOTE = call('get_note', 1, { id: '1' })
  const answering = (answer: (request: Request) => Response | Promise<Response>) =>
    stage.place({ mode: 'oauth' }, { fetch: async (request) => answer(request), close: async () => {} })
  const text = new TextEncoder()

  async function only({ heard }: { heard: Heard[] }): Promise<Heard & { whole: boolean }> {
    expect(heard).toHaveLength(1)
    return { ...heard[0]!, whole: await heard[0]!.ended }
  }

  it('as JSON: head, body and end', async () => {
    const headers = { 'x-of-the-server': 'kept' }
    const place = await answering(() => Response.json({ fine: true }, { status: 201, headers }))
    const response = await post(place.url, GET_NOTE)
    expect([response.status, response.headers.get('x-of-the-server')]).toEqual([201, 'kept'])
    expect(await response.text()).toBe('{"fine":true}')
    expect(await only(place)).toMatchObject({
      status: 201,
      content_type: expect.stringMatching(/^application\/json/),
      body: '{"fine":true}',
      whole: true,
    })
  })

  it('without a body: head and end', async () => {
    for (const status of [202, 204]) {
      const place = await answering(() => new Response(null, { status }))
      expect((await post(place.url, GET_NOTE)).status).toBe(status)
      expect(await only(place)).toMatchObject({ status, body: '', whole: true })
    }
  })

  it('as events: each reaches the client before the next is made', async () => {
    let events: ReadableStreamDefaultController<Uint8Array> | undefined
    const place = await answering(() => {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          events = controller
          controller.enqueue(text.encode('data: 0\n\n'))
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    })
    const response = await post(place.url, GET_NOTE)
    const reader = response.body!.getReader()
    let read = ''
    for (let count = 0; count < 3; count++) {
      while (!read.includes(`data: ${count}\n\n`))
        read += Buffer.from((await reader.read()).value!).toString()
      events!.enqueue(text.encode(`data: ${count + 1}\n\n`))
    }
    events!.close()
    while (true) {
      const { done, value } = await reader.read()
      if (done) break
      read += Buffer.from(value).toString()
    }
    const heard = await only(place)
    expect(heard).toMatchObject({ status: 200, content_type: 'text/event-stream', whole: true })
    expect([heard.body, read]).toEqual(Array(2).fill('data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n'))
  })

  it('that the client leaves: the end says that it was not whole, and the server learns of it', async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<unknown>()
    const place = await answering((request) => {
      request.signal.addEventListener('abort', resolve)
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(text.encode('data: 0\n\n')),
        cancel: resolve,
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    })
    const leaving = new AbortController()
    const response = await fetch(place.url, {
      method: 'POST',
      headers: headersOf('reader'),
      body: JSON.stringify(GET_NOTE),
      signal: leaving.signal,
    })
    await response.body!.getReader().read()
    leaving.abort()
    expect(await only(place)).toMatchObject({ body: 'data: 0\n\n', whole: false })
    await cancelled
  })

  it('that breaks off: the end never says of a part that it was whole', async () => {
    const place = await answering(() => {
      let pulled = 0
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (pulled++ === 0) controller.enqueue(text.encode('data: 0\n\n'))
          else controller.error(new Error('the disk is full'))
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    })
    const response = await post(place.url, GET_NOTE)
    // What stands between the server and the socket may end the answer as if that were all of it.
    const whole = await response.text().then(
      () => true,
      () => false,
    )
    const heard = await only(place)
    expect(heard.status).toBe(200)
    if (!whole) expect(heard.whole).toBe(false)
  })

  it('that the server fails to make: 500, without the reason', async () => {
    const place = await answering(() => Promise.reject(new Error('the disk is full')))
    const response = await post(place.url, GET_NOTE)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('disk')
    expect(await only(place)).toMatchObject({ status: 500, whole: true })
  })

  it('to a request whose body the server reads itself', async () => {
    const place = await answering(async (request) => new Response(await request.text()))
    const response = await post(place.url, GET_NOTE)
    expect(await response.json()).toEqual(GET_NOTE)
  })
}
