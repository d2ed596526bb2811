import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signedIn } from '../../support/signed-in.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let operator: Awaited<ReturnType<typeof signedIn>>
let auditor: Awaited<ReturnType<typeof signedIn>>

beforeAll(async () => {
  toolgate = await Toolgate.start({ env: { TOOLGATE_CATALOGUE: 'catalogue.yaml' } })
  operator = await signedIn(toolgate, ['operator'])
  auditor = await signedIn(toolgate, ['auditor'])
})
afterAll(() => toolgate.close())

function decoded(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

const textOf = (html: string) => decoded(/<textarea[^>]*>([\s\S]*?)<\/textarea>/.exec(html)?.[1] ?? '')
const hidden = (html: string, name: string) =>
  decoded(new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1] ?? '')

describe('/operator/catalogue', () => {
  it('shows resources, scopes with tools and roles, and warns that the file wins at the next start', async () => {
    const { status, html } = await auditor.get('/operator/catalogue')
    expect(status).toBe(200)
    for (const shown of [
      '24 hours',
      'notes:delete',
      'Destructive',
      'delete_note',
      'Built in',
      'editor',
      'In force',
    ])
      expect(html).toContain(shown)
    expect(html).toContain('the file wins over what was applied here')
    expect(html).not.toContain('and apply a catalogue</a>')
  })

  it('shows one resource, and who holds a scope', async () => {
    const query = new URLSearchParams({ resource: RESOURCE, scope: 'notes:write' })
    const resource = await auditor.get(
      `/operator/catalogue/resource?resource=${encodeURIComponent(RESOURCE)}`,
    )
    expect(resource.html).toContain('<h1><bdi>Notes</bdi></h1>')
    const { username } = await toolgate.account(['editor'])
    const holders = await auditor.get(`/operator/catalogue/holders?${query}`)
    expect(holders.html).toContain(username)
    const unknown = new URLSearchParams({ resource: 'http://nowhere/mcp', scope: 'x' })
    expect((await auditor.get(`/operator/catalogue/holders?${unknown}`)).status).toBe(404)
    expect((await auditor.get('/operator/catalogue/holders')).status).toBe(400)
  })
})

describe('applying a catalogue', () => {
  it('shows what would change first, and then applies exactly that', async () => {
    const text = textOf((await operator.get('/operator/catalogue/apply')).html)
    const catalogue = text.replace('name: Notes', 'name: "<b>Renamed</b>"')
    const compared = await operator.post('/operator/catalogue/compare', { catalogue })
    expect(compared.status).toBe(200)
    expect(compared.html).toContain('is named &lt;b&gt;Renamed&lt;/b&gt;, was Notes')
    expect((await operator.get('/operator/catalogue')).html).toContain('Notes')
    const form = Object.fromEntries(
      ['catalogue', 'digest', 'expected_version'].map((name) => [name, hidden(compared.html, name)]),
    )
    const other = await operator.post('/operator/catalogue/apply', { ...form, catalogue: text })
    expect(other.status).toBe(409)
    const applied = await operator.post('/operator/catalogue/apply', { ...form, reason: 'nicer' })
    expect([applied.status, applied.location]).toEqual([303, '/operator/catalogue'])
    const shown = (await operator.get('/operator/catalogue')).html
    expect(shown).toContain('&lt;b&gt;Renamed&lt;/b&gt;')
    const back = textOf((await operator.get('/operator/catalogue/apply?version=1')).html)
    expect(back).toBe(text)
    const late = { ...form, catalogue: text, digest: '' }
    expect((await operator.post('/operator/catalogue/apply', late)).status).toBe(409)
  })

  it('names every fault and keeps what was written', async () => {
    const { status, html } = await operator.post('/operator/catalogue/compare', {
      catalogue: 'resources: <x>',
    })
    expect(status).toBe(400)
    expect(html).toContain('roles: is missing; add a map')
    expect(textOf(html)).toBe('resources: <x>')
    expect(html).not.toContain('Apply what is shown above')
  })

  it('is offered to nobody who may only read, and refused to him', async () => {
    const text = textOf((await auditor.get('/operator/catalogue/apply')).html)
    const catalogue = text.replace('name:', 'name: Not ')
    const compared = await auditor.post('/operator/catalogue/compare', { catalogue })
    expect(compared.status).toBe(200)
    expect(compared.html).not.toContain('Apply what is shown above')
    expect((await auditor.post('/operator/catalogue/apply', { catalogue })).status).toBe(403)
  })
})
