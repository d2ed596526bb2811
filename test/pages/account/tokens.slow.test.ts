import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendForm, signedIn, tokenOn } from '../../support/token-pages.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'
import type { Visitor } from '../../support/visitor.ts'

let toolgate: Toolgate
let rs: { client_id: string; client_secret: string }

beforeAll(async () => {
  toolgate = await Toolgate.start()
  rs = await toolgate.resourceServer()
})
afterAll(() => toolgate.close())

const TOKENS = '/account/tokens'

async function person(roles?: string[]): Promise<Visitor> {
  return signedIn(toolgate, (await toolgate.account(roles)).username)
}

async function create(visitor: Visitor, fields: Record<string, string> = {}, scope: string[] = []) {
  const form = await visitor.open(`${TOKENS}/new`)
  return sendForm(visitor, form, TOKENS, { name: 'Laptop', role: 'read-only', days: '30', ...fields }, scope)
}

const idOn = (html: string) => /\/account\/tokens\/(pat_[0-9a-f]{32})/.exec(html)?.[1] ?? ''

describe('own tokens', () => {
  it('are made, shown once, listed, rotated and revoked', async () => {
    const visitor = await person()
    const made = await create(visitor)
    const token = tokenOn(made)
    expect(await toolgate.introspect(rs, token)).toMatchObject({ active: true, scope: 'notes:read' })
    const path = `${TOKENS}/${idOn(made.html)}`

    const list = await visitor.open(TOKENS)
    expect(list.html).toContain('Laptop')
    const one = await visitor.open(path)
    for (const page of [list, one]) expect(page.html).not.toContain('tgp_')
    expect(one.html).toContain('search_notes')

    const rotated = tokenOn(await sendForm(visitor, one, '/rotate', { overlap_hours: '1' }))
    expect(rotated).not.toBe(token)
    const again = await sendForm(visitor, one, '/rotate')
    expect([again.status, again.html.includes('rotated meanwhile')]).toEqual([409, true])
    expect((await visitor.open(TOKENS)).html).toContain('Being rotated')

    const after = await sendForm(visitor, await visitor.open(path), '/revoke')
    expect(after.html).toContain('The token is revoked')
    for (const value of [token, rotated])
      expect(await toolgate.introspect(rs, value)).toEqual({ active: false })
    expect((await visitor.open(path)).status).toBe(404)
  })

  it('have the scopes that were ticked, within what the account may hold', async () => {
    const visitor = await person()
    const half = await create(visitor, { role: 'custom' }, ['notes:delete'])
    expect([half.status, half.html]).toEqual([
      400,
      expect.stringContaining('includes notes:read and notes:write'),
    ])
    const made = await create(visitor, { role: 'custom' }, ['notes:read', 'notes:write', 'notes:delete'])
    expect(await toolgate.introspect(rs, tokenOn(made))).toMatchObject({
      scope: 'notes:read notes:write notes:delete',
    })
    const reader = await person(['reader'])
    const refused = await create(reader, { role: 'custom', name: 'Kept' }, ['notes:delete'])
    expect(refused.status).toBe(400)
    expect(refused.html).toContain('may not hold notes:delete')
    expect(refused.html).toContain('value="Kept"')
  })

  it.each([
    [{ days: '366' }, '1 to 365 days'],
    [{ days: 'many' }, 'Say how many days'],
    [{ name: '' }, 'Give the token a name'],
    [{ role: 'all' }, 'Choose what the token may do'],
    [{ resource: 'http://elsewhere.example' }, 'no such resource'],
  ])('are not made from %o, and the page says why', async (fields, message) => {
    const page = await create(await person(), fields)
    expect([page.status, page.html.includes(message)]).toEqual([400, true])
  })

  it('cannot be made by who may hold nothing', async () => {
    const page = await (await person([])).open(`${TOKENS}/new`)
    expect(page.html).toContain('nothing that a token could open')
    expect(page.forms.every(({ action }) => !action.endsWith(TOKENS))).toBe(true)
  })

  it('that may be for several resources ask for which first', async () => {
    const visitor = await person(['editor', 'operator'])
    const page = await visitor.open(`${TOKENS}/new`)
    expect(page.html).toContain('Toolgate operator')
    const chosen = await visitor.open(`${TOKENS}/new?resource=${encodeURIComponent(RESOURCE)}`)
    expect(chosen.html).toContain('delete_note')
  })
})

it('nobody sees, rotates or revokes the token of another', async () => {
  const owner = await person()
  const made = await create(owner)
  const id = idOn(made.html)
  const stranger = await person()
  const own = await stranger.open(`${TOKENS}/${idOn((await create(stranger)).html)}`)
  expect((await stranger.open(`${TOKENS}/${id}`)).status).toBe(404)
  expect((await stranger.open(TOKENS)).html).not.toContain(id)
  for (const what of ['rotate', 'revoke']) {
    const form = own.forms.find(({ action }) => action.endsWith(what))
    await stranger.open(`${TOKENS}/${id}/${what}`, form?.fields)
  }
  expect(await toolgate.introspect(rs, tokenOn(made))).toMatchObject({ active: true })
  expect((await owner.open(`${TOKENS}/${id}`)).html).not.toContain('Replaced')
})

it.each(['pat_x', '%00', 'pat_%2e%2e', 'a'.repeat(300), '%F0%9F%98%80'])(
  'an address that names no token, %s, is 404 or 400',
  async (id) => {
    const page = await (await person()).open(`${TOKENS}/${id}`)
    expect([400, 404]).toContain(page.status)
  },
)
