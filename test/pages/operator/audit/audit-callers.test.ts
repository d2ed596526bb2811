import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decided } from '../../../audit/rows.ts'
import { signedIn } from '../../../support/signed-in.ts'
import { Toolgate } from '../../../support/toolgate.ts'

const AT = '/operator/audit/callers'
const HOSTILE = '"><script>alert(1)</script>'
let toolgate: Toolgate
let auditor: Awaited<ReturnType<typeof signedIn>>

beforeAll(async () => {
  toolgate = await Toolgate.start()
  auditor = await signedIn(toolgate, ['auditor'])
})
afterAll(() => toolgate.close())

describe('/operator/audit/callers', () => {
  it('says who called a tool how often, with a way to the calls', async () => {
    const { id: account_id, username } = await toolgate.account()
    const call = { tool: 'burn_notes', account_id, client_id: HOSTILE }
    await toolgate.app.audit.append([
      { ...decided(1), ...call, decision: 'allowed' },
      { ...decided(2), ...call, decision: 'denied' },
    ])
    const { html } = await auditor.get(`${AT}?tool=burn_notes&from=&to=`)
    expect(html).toContain(`href="/operator/accounts/${account_id}"><bdi>${username}</bdi>`)
    expect(html).not.toContain('<script>alert')
    const calls = /href="([^"]+)">2<span class="visually-hidden"> calls by/.exec(html)?.[1] ?? ''
    const found = await auditor.get(calls.replaceAll('&amp;', '&'))
    expect(found.html.match(/href="\/operator\/audit\/events\//g)).toHaveLength(2)
  })

  it('is led to from the log, with the tool and the time that were looked for', async () => {
    const { html } = await auditor.get('/operator/audit?tool=burn_notes&from=2001-01-01T00:00')
    const [, link] = /href="([^"]+)">Who called a tool</.exec(html) ?? []
    expect(link?.replaceAll('&amp;', '&')).toBe(`${AT}?tool=burn_notes&from=2001-01-01T00%3A00%3A00.000Z`)
  })

  it('asks for a tool, and says when nobody called it', async () => {
    expect((await auditor.get(AT)).html).toContain('Who called a tool')
    expect((await auditor.get(`${AT}?tool=never_called`)).html).toContain('Nobody called it in this time.')
  })

  it.each(['?tool=a&tool=b', '?tool=%00', '?from=2001-01-01T00:00', '?tool=a&from=yesterday', '?nonsense=1'])(
    '%s is a 400',
    async (query) => {
      expect((await auditor.get(`${AT}${query}`)).status).toBe(400)
    },
  )

  it('is for auditors and operators', async () => {
    const other = await signedIn(toolgate, ['editor'])
    expect((await other.get(`${AT}?tool=a`)).status).toBe(403)
  })
})
