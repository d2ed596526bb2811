import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sweepExpired } from '../../src/storage/sweep.ts'
import { REDIRECT_URI, type Tokens, Toolgate } from '../support/toolgate.ts'
import { type CommandLine, commandLine } from './commands.ts'

let toolgate: Toolgate
let cli: CommandLine
beforeAll(async () => {
  toolgate = await Toolgate.start({ env: { TOOLGATE_REGISTRATION: 'closed' } })
  cli = await commandLine(toolgate.db)
})
afterAll(async () => {
  await cli.close()
  await toolgate.close()
})

/** What `toolgate clients …` prints here. */
const clients = async (...words: string[]) => (await cli.run('clients', ...words)).join('\n')

type Credentials = { client_id: string; client_secret: string }
const add = async (...words: string[]): Promise<Credentials> =>
  JSON.parse(await clients('add', 'Ticket system', '--redirect-uri', REDIRECT_URI, ...words, '--json'))

const METHODS = {
  client_secret_basic: ({ client_id, client_secret }: Credentials) => ({
    headers: { authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}` },
    form: {},
  }),
  client_secret_post: ({ client_id, client_secret }: Credentials) => ({
    headers: {},
    form: { client_id, client_secret },
  }),
}
type Method = (typeof METHODS)[keyof typeof METHODS]

/** A token request as this client authenticates, with the status and the body of its answer. */
async function token(credentials: Credentials, method: Method, form: Record<string, string>) {
  const { headers, form: more } = method(credentials)
  const answer = await toolgate.post('/token', { ...form, ...more }, headers)
  return { status: answer.status, body: (await answer.json()) as Tokens & { error?: string } }
}

async function connect(credentials: Credentials, method: Method) {
  const { person } = await toolgate.account()
  const { code, code_verifier } = await toolgate.authorize(person(), credentials.client_id)
  return token(credentials, method, {
    grant_type: 'authorization_code',
    code,
    code_verifier,
    redirect_uri: REDIRECT_URI,
  })
}

const refresh = (credentials: Credentials, method: Method, { refresh_token }: Tokens) =>
  token(credentials, method, { grant_type: 'refresh_token', refresh_token })

describe.each(Object.entries(METHODS))('a client with a secret that uses %s', (_, method) => {
  it('goes the whole way; a new secret counts at once; removed, all it was allowed ends', async () => {
    const credentials = await add('--secret')
    expect(credentials).toEqual({
      client_id: expect.stringMatching(/^cl_[\w-]{22}$/),
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
    })
    const connected = await connect(credentials, method)
    expect(connected).toMatchObject({ status: 200, body: { refresh_token: expect.any(String) } })
    const refreshed = await refresh(credentials, method, connected.body)
    expect(refreshed.status).toBe(200)

    const rotated = JSON.parse(await clients('rotate-secret', credentials.client_id, '--json'))
    expect(rotated).toEqual({ client_id: credentials.client_id, client_secret: expect.any(String) })
    const refused = await refresh(credentials, method, refreshed.body)
    expect(refused).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    const again = await refresh(rotated, method, refreshed.body)
    expect(again.status).toBe(200)

    const resource_server = await toolgate.resourceServer()
    const introspected = () => toolgate.introspect(resource_server, again.body.access_token)
    expect(await introspected()).toMatchObject({ active: true })
    expect(await clients('remove', credentials.client_id)).toBe(
      `Removed ${credentials.client_id}, 1 grant revoked.`,
    )
    expect(await introspected()).toEqual({ active: false })
    expect(await refresh(rotated, method, again.body)).toMatchObject({ status: 401 })
    const events = await toolgate.db.database
      .knex('audit_events')
      .where({ client_id: credentials.client_id })
      .whereIn('type', ['client.changed', 'grant.revoked'])
      .orderBy('seq')
      .select('type', 'actor_kind', 'detail')
    expect(
      events.map(({ type, actor_kind, detail }) => [type, actor_kind, detail.change ?? detail.reason]),
    ).toEqual([
      ['client.changed', 'cli', 'added'],
      ['client.changed', 'cli', 'secret_rotated'],
      ['client.changed', 'cli', 'removed'],
      ['grant.revoked', 'cli', 'the client was removed'],
    ])
  })
})

it('with a secret, a client cannot do without it', async () => {
  const { client_id } = await add('--secret')
  const { person } = await toolgate.account()
  const { code, code_verifier } = await toolgate.authorize(person(), client_id)
  for (const more of [{}, { client_secret: 'wrong' }, { client_secret: '' }]) {
    const answer = await toolgate.redeem(client_id, code, code_verifier, more)
    expect([answer.status, await answer.json()]).toMatchObject([401, { error: 'invalid_client' }])
  }
})

it('a secret is shown once and kept only as its digest', async () => {
  const printed = await clients('add', 'Reporting', '--redirect-uri', REDIRECT_URI, '--secret')
  const secret = /client_secret: (\S+)/.exec(printed)?.[1] ?? ''
  const client_id = /client_id: +(\S+)/.exec(printed)?.[1] ?? ''
  expect(printed).toContain('it is not shown again')
  const { knex } = toolgate.db.database
  const rows = JSON.stringify([await knex('clients').select(), await knex('audit_events').select()])
  expect(rows).toContain(client_id)
  expect(rows).not.toContain(secret)
  expect(await clients('list', '--json')).not.toContain('sha256:')
})

it('a public client has no secret, goes the whole way, and is never swept', async () => {
  const made = await add()
  expect(made).toEqual({ client_id: expect.any(String) })
  const { knex } = toolgate.db.database
  await knex('clients')
    .where({ id: made.client_id })
    .update({ created_at: knex.raw("now() - interval '5 years'") })
  await sweepExpired(knex)
  const { person } = await toolgate.account()
  expect(await toolgate.tokens(person(), made.client_id)).toMatchObject({ access_token: expect.any(String) })
})

it('list shows who came how, newest first', async () => {
  const { client_id } = await add('--secret')
  const {
    clients: [newest],
  } = await cli.json('clients', 'list', '--origin', 'operator', '-n', '1')
  expect(newest).toMatchObject({
    client_id,
    name: 'Ticket system',
    origin: 'operator',
    receivers: [new URL(REDIRECT_URI).host],
    last_used_at: null,
    live_grants: 0,
    blocked: false,
  })
  expect((await cli.attempt('clients', 'list', '--origin', 'registration')).errors).toEqual([
    'toolgate: Nothing matches',
  ])
  expect(
    (await cli.json('clients', 'list', '--text', 'icket sys', '--blocked', 'false')).clients,
  ).not.toEqual([])
  expect(await clients('list')).toMatch(
    /^CLIENT_ID +NAME +ORIGIN +RECEIVERS +REGISTERED_AT +LAST_USED_AT +LIVE_GRANTS +BLOCKED\n/,
  )
})

describe('refused are', () => {
  it.each<[what: string, words: string[], why: string]>([
    ['a redirect that may not be', ['add', 'X', '--redirect-uri', 'http://app.example/'], 'use https'],
    ['a client without a redirect', ['add', 'X'], 'redirect-uri'],
    ['a list of nobody knows whom', ['list', '--origin', 'friends'], 'Allowed choices'],
    ['a list of no length', ['list', '-n', '0'], 'limit: Too small'],
    ['a secret for a client that is not there', ['rotate-secret', 'cl_none'], 'There is no client cl_none'],
    ['removing what is not there', ['remove', 'cl_none'], 'There is no client cl_none'],
  ])('%s', async (_, words, why) => {
    await expect(clients(...words)).rejects.toThrow(why)
  })

  it('a secret for a public client, or for one that registered itself', async () => {
    const { client_id } = await add()
    const open = await Toolgate.start({ beside: toolgate })
    const own = await open.register({ token_endpoint_auth_method: 'client_secret_post' })
    await open.close()
    for (const id of [client_id, own.client_id])
      await expect(clients('rotate-secret', id)).rejects.toThrow(`There is no client ${id}`)
  })
})
