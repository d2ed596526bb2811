import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NamedEntry, type StoryOptions, tellStory } from '../../../src/audit/story/story.ts'
import { pageStory, type StoryPage } from '../../../src/audit/story/story-page.ts'
import { subjectOf } from '../../../src/audit/story/story-subject.ts'
import { storyLines } from '../../../src/audit/story/story-text.ts'
import { sha256 } from '../../../src/base/digest.ts'
import { CatalogueCache } from '../../../src/catalogue/catalogue-store.ts'
import { revokeGrants } from '../../../src/grants/grants.ts'
import { type Tokens, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let rs: { client_id: string; client_secret: string }
let client_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  rs = await toolgate.resourceServer()
  client_id = (await toolgate.register({ client_name: 'Claude Code' })).client_id
})
afterAll(() => toolgate.close())

const db = () => toolgate.db.database.knex
const idOf = (token: string) => sha256(token).toString('base64url')

async function tell(named: string, options: StoryOptions = {}) {
  const subject = await subjectOf(db(), named)
  const entries: NamedEntry[] = []
  for await (const entry of tellStory({ db: db(), catalogues: new CatalogueCache() }, subject, options))
    entries.push(entry)
  const told_tools = new Map<string, string>()
  return { subject, entries, lines: entries.flatMap((entry) => storyLines(entry, told_tools)) }
}

function call(token: string, name: string) {
  return toolgate.introspect(rs, token, { mcp_method: 'tools/call', mcp_name: name })
}

/** A grant with two access tokens, calls with each, a revocation, and a call that came too late. */
async function life() {
  const { person, id: account_id, username } = await toolgate.account(['reader', 'editor'])
  const first = await toolgate.tokens(person(), client_id)
  for (let index = 0; index < 3; index += 1) await call(first.access_token, 'search_notes')
  await call(first.access_token, 'no_such_tool')
  const second = (await (await toolgate.refresh(client_id, first.refresh_token)).json()) as Tokens
  await call(second.access_token, 'search_notes')
  const [{ id: grant_id }] = (await db()('grants').where({ account_id }).select('id')) as [{ id: string }]
  await revokeGrants(
    toolgate.dependencies,
    { id: grant_id },
    { actor: { kind: 'operator_token', id: 'opt_1' }, reason: 'lost laptop' },
  )
  await call(second.access_token, 'search_notes')
  return { account_id, username, grant_id, first, second }
}

const eventsIn = (entries: NamedEntry[]) =>
  entries.flatMap((entry) => (entry.kind === 'event' ? [entry.event.id] : []))
const callsIn = (entries: NamedEntry[]) =>
  entries.reduce((sum, entry) => sum + (entry.kind === 'calls' ? entry.count : 0), 0)

const shapeOf = (entries: NamedEntry[]) =>
  entries.map((entry) => (entry.kind === 'event' ? entry.event.type : `${entry.count} ${entry.called}`))

describe('the story of a grant', () => {
  it('goes from the sign-in over consent, code, tokens, refreshes and calls to revocation and what came after', async () => {
    const { grant_id } = await life()
    const { entries } = await tell(grant_id)
    expect(shapeOf(entries)).toEqual([
      'login.succeeded',
      'consent.given',
      'authorization.granted',
      'token.issued',
      '3 search_notes',
      '1 no_such_tool',
      'token.refreshed',
      '1 search_notes',
      'grant.revoked',
      '1 null',
    ])
    expect(entries.at(-1)).toMatchObject({ kind: 'calls', inactive: 1 })
  })

  it('reads as people would tell it, with the tools that the scopes open', async () => {
    const { grant_id, username, first, second } = await life()
    const told = (await tell(grant_id)).lines.map((line) => line.replace(/^\S+ \S+ +/, '')).join('\n')
    const short = (token: string) => idOf(token).slice(0, 8)
    expect(told).toContain(`${username} allowed Claude Code (${client_id}), back to 127.0.0.1:33418`)
    expect(told).toMatch(/which opens .*search_notes/)
    expect(told).toContain(`became access token ${short(first.access_token)} and refresh token`)
    expect(told).toContain(`3 calls of search_notes, token ${short(first.access_token)}`)
    expect(told).toContain('1 call of no_such_tool, 1 denied')
    expect(told).toContain(
      `refresh token ${short(first.refresh_token)} became access token ${short(second.access_token)}`,
    )
    expect(told).toContain('REVOKED by operator_token:opt_1 (lost laptop)')
    expect(told).toContain(
      `1 introspection, 1 with a token that was not live, token ${short(second.access_token)}`,
    )
  })

  it('has every call by itself when asked, and only a span of time when asked', async () => {
    const { grant_id } = await life()
    const { entries } = await tell(grant_id, { all: true })
    expect(shapeOf(entries).filter((type) => type === 'tool.decided')).toHaveLength(5)
    expect((await tell(grant_id, { to: new Date(0) })).entries).toEqual([])
    expect((await tell(grant_id, { from: new Date('2999-01-01') })).entries).toEqual([])
  })

  it('tells the tools of that time, not those of now', async () => {
    const { grant_id } = await life()
    await db()('catalogue_versions').insert({
      document: '{"resources":[],"roles":[]}',
      digest: 'x',
      applied_by: 'test',
    })
    const { lines } = await tell(grant_id)
    expect(lines.join('\n')).toMatch(/which opens .*search_notes/)
    await db()('catalogue_versions').where({ digest: 'x' }).delete()
  })

  it('tells a refresh token that was used twice, and that everything ended', async () => {
    const { person, id: account_id } = await toolgate.account()
    const { code, code_verifier } = await toolgate.authorize(person(), client_id)
    const grant = (await db()('grants').where({ account_id }).first('id')) as { id: string }
    await toolgate.redeem(client_id, code, code_verifier)
    await toolgate.redeem(client_id, code, code_verifier)
    const { lines } = await tell(grant.id)
    expect(lines.at(-1)).toContain(`REVOKED: code ${idOf(code).slice(0, 8)} was used twice`)
    expect((await tell(account_id)).lines.at(-1)).toContain('was used twice')
  })
})

describe('the story of a token', () => {
  it('is found by the token, by its id, and by the refresh token, and tells of no other', async () => {
    const { first, second, grant_id } = await life()
    const expected = [
      'consent.given',
      'authorization.granted',
      'token.refreshed',
      '1 search_notes',
      'grant.revoked',
      '1 null',
    ]
    for (const named of [second.access_token, `sha256:${idOf(second.access_token)}`, second.refresh_token]) {
      const { entries, subject } = await tell(named)
      expect(subject).toMatchObject({ kind: 'token', grant_id })
      expect(shapeOf(entries).filter((type) => type !== 'login.succeeded')).toEqual(expected)
    }
    const of_first = shapeOf((await tell(first.access_token)).entries)
    expect(of_first).toContain('3 search_notes')
    expect(of_first).toContain('token.refreshed')
  })

  it('never shows the token, nor says it in an error', async () => {
    const { second } = await life()
    const { entries, lines } = await tell(second.access_token)
    expect(JSON.stringify([entries, lines])).not.toContain(second.access_token)
    const unknown = randomBytes(32).toString('base64url')
    const error = await subjectOf(db(), unknown).catch((caught) => caught)
    expect(error).toMatchObject({ code: 'not_found' })
    expect(error.message).not.toContain(unknown)
  })
})

describe('what could be a token', () => {
  it('reaches the database as its hash only', async () => {
    const { second } = await life()
    const bearer = randomBytes(32).toString('base64url')
    const sent: unknown[] = []
    const note = ({ bindings }: { bindings: unknown[] }) => sent.push(...bindings)
    db().on('query', note)
    for (const named of [bearer, second.access_token, second.refresh_token])
      await subjectOf(db(), named).catch(() => undefined)
    db().off('query', note)
    expect(sent).toContain(idOf(bearer))
    for (const secret of [bearer, second.access_token, second.refresh_token])
      expect(JSON.stringify(sent)).not.toContain(secret)
  })

  it('is no id of a token unless that is said', async () => {
    const { second } = await life()
    await expect(subjectOf(db(), idOf(second.access_token))).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('pageStory', () => {
  it('tells nothing twice and leaves nothing out, however short its pages are', async () => {
    const { grant_id, account_id, second } = await life()
    for (const named of [grant_id, account_id, second.access_token]) {
      const subject = await subjectOf(db(), named)
      const whole = (await tell(named)).entries
      for (const limit of [1, 2, 5]) {
        const told: NamedEntry[] = []
        let page: StoryPage = { entries: [] }
        do {
          const from = page.continue_from
          page = await pageStory({ db: db(), catalogues: new CatalogueCache() }, subject, { limit, from })
          told.push(...page.entries)
        } while (page.continue_from)
        expect(eventsIn(told)).toEqual(eventsIn(whole))
        expect(callsIn(told)).toBe(callsIn(whole))
      }
    }
  })
})

describe('the story of an account', () => {
  it('is found by its id and its username, and has all that it did', async () => {
    const { account_id, username } = await life()
    for (const named of [account_id, username, username.toUpperCase()]) {
      const types = shapeOf((await tell(named)).entries)
      expect(types[0]).toBe('account.created')
      expect(types).toEqual(
        expect.arrayContaining(['login.succeeded', 'consent.given', '3 search_notes', 'grant.revoked']),
      )
    }
  })
})
