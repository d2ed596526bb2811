import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unclear } from '../support/hostile.ts'
import { PASSWORD, REDIRECT_URI, RESOURCE, Toolgate } from '../support/toolgate.ts'
import { type Page, Visitor } from '../support/visitor.ts'

/** Hostile input to the pages where a person decides, from a browser that may see them. */
let toolgate: Toolgate
let visitor: Visitor
let login: Page
let client_id: string

const request = (): URL => {
  const url = new URL('/authorize', toolgate.issuer)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id,
    redirect_uri: REDIRECT_URI,
    code_challenge: 'c'.repeat(43),
    code_challenge_method: 'S256',
    state: 'x',
    resource: RESOURCE,
  }).toString()
  return url
}

beforeAll(async () => {
  toolgate = await Toolgate.start()
  client_id = (await toolgate.register()).client_id
  visitor = new Visitor(toolgate.issuer)
  login = await visitor.open(request())
})
afterAll(() => toolgate.close())

/** Posts these bytes to a step of this interaction, as the browser that it belongs to. */
async function post(step: string, body: string, headers: Record<string, string> = {}) {
  const url = new URL(`${login.url.pathname}/${step}`, toolgate.issuer)
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const response = await visitor.request(url, new URLSearchParams(), { ...type, ...headers, 'x-body': '' }).catch(() => undefined)
  void response
  const cookie = visitor.header()
  const answer = await toolgate.fetch(url.pathname, {
    method: 'POST',
    body,
    headers: { accept: 'text/html', cookie, origin: toolgate.issuer, 'sec-fetch-site': 'same-origin', ...type, ...headers },
  })
  return { status: answer.status, type: answer.headers.get('content-type') ?? '', html: await answer.text() }
}
