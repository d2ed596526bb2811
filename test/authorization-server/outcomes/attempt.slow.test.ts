import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { revokeGrants } from '../../../src/grants/grants.ts'
import { type CommandLine, commandLine } from '../../cli/commands.ts'
import { PASSWORD, REDIRECT_URI, type Tokens, Toolgate } from '../../support/toolgate.ts'
import { authorizationRequest, Visitor } from '../../support/visitor.ts'

/** One attempt to connect is one story: every page, error, log line and audit row of it has the same id. */
let toolgate: Toolgate
let cli: CommandLine
let client_id: string
let logged: Record<string, unknown>[] = []

beforeAll(async () => {
  const log = { write: (line: string) => void logged.push(JSON.parse(line)) }
  toolgate = await Toolgate.start({ log })
  cli = await commandLine(toolgate.db)
  client_id = (await toolgate.register()).client_id
})
afterAll(async () => {
  await cli.close()
  await toolgate.close()
})

const ATTEMPT = /^at_[\w-]{22}$/

const trace = (id: string) => cli.run('trace', '--', id)

const typesOf = (lines: string[]) => lines.map((line) => line.split(' ')[1])

/** Starts an attempt in a browser of its own; its id is on the answer to its first request. */
async function begin(parameters: Record<string, string | undefined> = {}) {
  const { username, id: account_id } = await toolgate.account()
  const browser = new Visitor(toolgate.issuer)
  const request = authorizationRequest(toolgate.issuer, client_id, { scope: 'notes:read', ...parameters })
  const first = await new Visitor(toolgate.issuer).request(request.url)
  const id = first.headers.get('x-request-id') ?? ''
  logged = []
  return { browser, username, account_id, id, first, ...request }
}

async function consented(attempt: Awaited<ReturnType<typeof begin>>) {
  const { browser, username } = attempt
  const consent = await browser.submit(await browser.open(attempt.url), { username, password: PASSWORD })
  const back = await browser.submit(consent, {}, ['notes:read'])
  return back.url.searchParams.get('code') ?? ''
}

describe('an attempt that succeeds', () => {
  it('has one id from /authorize to the tokens, and its trace goes from registration to revocation', async () => {
    const attempt = await begin()
    expect(attempt.id).toMatch(ATTEMPT)
    const code = await consented(attempt)
    const answer = await toolgate.redeem(client_id, code, attempt.code_verifier)
    expect([answer.status, answer.headers.get('x-request-id')]).toEqual([200, attempt.id])

    expect(logged.map(({ route }) => route)).toEqual([
      '/authorize',
      '/interaction/:uid',
      '/interaction/:uid/login',
      '/authorize/:uid',
      '/interaction/:uid',
      '/interaction/:uid/consent',
      '/authorize/:uid',
      '/token',
    ])
    expect(new Set(logged.map(({ request_id }) => request_id))).toEqual(new Set([attempt.id]))
    const { access_token, refresh_token } = (await answer.json()) as Tokens
    for (const secret of [code, attempt.code_verifier, access_token, refresh_token, PASSWORD])
      expect(JSON.stringify(logged)).not.toContain(secret)

    const credentials = await toolgate.resourceServer()
    const call = { mcp_method: 'tools/call', mcp_name: 'create_note' }
    await toolgate.introspect(credentials, access_token, call)
    await toolgate.refresh(client_id, refresh_token)
    await revokeGrants(
      toolgate.dependencies,
      { account: attempt.username },
      { actor: { kind: 'operator_token', id: 'test' } },
    )

    const lines = await trace(attempt.id)
    expect(typesOf(lines)).toEqual([
      'client.registered',
      'login.succeeded',
      'consent.given',
      'authorization.granted',
      'token.issued',
      'tool.decided',
      'token.refreshed',
      'grant.revoked',
    ])
    expect(lines.filter((line) => line.includes(`request_id=${attempt.id}`))).toHaveLength(4)
    const grant_id = /grant_id=(\S+)/.exec(lines.at(-1) ?? '')?.[1] ?? ''
    expect(typesOf(await trace(grant_id))).toEqual(
      typesOf(lines).filter((type) => type !== 'login.succeeded'),
    )
    const { events } = JSON.parse((await cli.run('trace', '--json', '--', attempt.id)).join('\n'))
    expect(events.map(({ type }: { type: string }) => type)).toEqual(typesOf(lines))
  })

  it('is another story each time, although client, person and browser are the same', async () => {
    const [one, other] = [await begin(), await begin()]
    expect(one.id).not.toBe(other.id)
  })
})

describe('an attempt that fails', () => {
  it('at the token endpoint, with a verifier that does not fit, keeps the id of its code', async () => {
    const attempt = await begin()
    const code = await consented(attempt)
    const answer = await toolgate.redeem(client_id, code, 'another-verifier-of-43-characters-at-least-x')
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { error: 'invalid_grant', error_description: expect.any(String), trace_id: attempt.id },
    ])
    expect(answer.headers.get('x-request-id')).toBe(attempt.id)
    expect(logged.at(-1)).toMatchObject({ route: '/token', status: 400, request_id: attempt.id })
    const lines = await trace(attempt.id)
    expect(typesOf(lines)).toEqual([
      'client.registered',
      'login.succeeded',
      'consent.given',
      'authorization.granted',
      'token.refused',
    ])
    expect(lines.at(-1)).toContain('invalid_grant')
  })

  it('at the token endpoint, with another redirect URI or as an unknown client, keeps its id', async () => {
    const attempt = await begin()
    const code = await consented(attempt)
    const elsewhere = { redirect_uri: 'http://127.0.0.1:1/elsewhere' }
    for (const [who, more, error] of [
      [client_id, elsewhere, 'invalid_grant'],
      ['cl_unknown', {}, 'invalid_client'],
    ] as const) {
      const answer = await toolgate.redeem(who, code, attempt.code_verifier, more)
      expect(await answer.json()).toMatchObject({ error, trace_id: attempt.id })
    }
    expect(typesOf(await trace(attempt.id)).slice(-2)).toEqual(['token.refused', 'token.refused'])
  })

  it('at /authorize shows its id on the page, and says which client and why in its trace', async () => {
    for (const parameters of [
      { client_id: 'cl_gone' },
      { redirect_uri: 'https://evil.example/' },
      { state: 'a\0b' },
    ]) {
      const { first, id } = await begin(parameters)
      expect([first.status, id]).toEqual([400, expect.stringMatching(ATTEMPT)])
      expect(await first.text()).toContain(`Trace id <code class="host">${id}</code>`)
    }
    const { id } = await begin({ client_id: 'cl_gone' })
    const lines = await trace(id)
    expect(typesOf(lines)).toEqual(['authorization.refused'])
    expect(lines[0]).toMatch(/actor=unauthenticated .*invalid_client.*"presented_client_id":"cl_gone"/)
  })

  it('with a refusal that the client is told by redirect is in its trace with the reason', async () => {
    const { id, first } = await begin({ resource: 'https://unknown.example/' })
    expect(first.headers.get('location')).toContain('error=invalid_target')
    const lines = await trace(id)
    expect(typesOf(lines)).toEqual(['client.registered', 'authorization.refused'])
    expect(lines[1]).toContain('this resource is not known here')
  })

  it('by a wrong password, a foreign form or a denial is the same story', async () => {
    const attempt = await begin()
    const { browser, username } = attempt
    const sign_in = await browser.open(attempt.url)
    await browser.submit(sign_in, { username, password: 'wrong wrong wrong' })
    const foreign = await browser.submit(sign_in, { username, password: PASSWORD, csrf: 'x' })
    expect(foreign.html).toContain(attempt.id)
    const consent = await browser.submit(sign_in, { username, password: PASSWORD })
    const back = await browser.refuse(consent)
    expect(back.url.searchParams.get('error')).toBe('access_denied')
    expect(typesOf(await trace(attempt.id))).toEqual([
      'client.registered',
      'login.failed',
      'login.succeeded',
      'authorization.denied',
    ])
    expect(new Set(logged.map(({ request_id }) => request_id))).toEqual(new Set([attempt.id]))
  })

  it('at registration has a trace id in its error, which leads to the reason', async () => {
    const response = await toolgate.fetch('/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['http://app.example/'] }),
    })
    const { trace_id } = (await response.json()) as { trace_id: string }
    expect(response.headers.get('x-request-id')).toBe(trace_id)
    const lines = await trace(trace_id)
    expect(typesOf(lines)).toEqual(['client.registration_refused'])
    expect(lines[0]).toContain('invalid_redirect_uri')
  })
})

it('of a client that registered again and again, the trace begins with the registration before it', async () => {
  const metadata = { client_name: 'Again', redirect_uris: [REDIRECT_URI] }
  const again = await toolgate.register(metadata)
  await toolgate.register(metadata)
  const { id } = await begin({ client_id: again.client_id, resource: 'x' })
  await toolgate.register(metadata)
  const lines = await trace(id)
  expect(typesOf(lines)).toEqual(['client.registered', 'authorization.refused'])
  expect(lines[0]).toContain('registered_before')
})

it('nobody can write into the story of another attempt by naming its id', async () => {
  const { id } = await begin()
  const headers = { 'x-request-id': id }
  const answers = await Promise.all([
    toolgate.fetch('/authorize', { headers }),
    toolgate.post('/token', { grant_type: 'x' }, headers),
    toolgate.post('/introspect', { token: 'x' }, headers),
    toolgate.fetch('/healthz', { headers }),
  ])
  for (const answer of answers) expect(answer.headers.get('x-request-id')).not.toBe(id)
  await expect(trace(id)).rejects.toThrow('Nothing is recorded')
})

it('an id that nothing is recorded under says so', async () => {
  await expect(trace('at_nothing')).rejects.toThrow('Nothing is recorded under at_nothing')
})
