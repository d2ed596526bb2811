import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendForm, signedIn, tokenOn } from '../../support/token-pages.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'
import type { Visitor } from '../../support/visitor.ts'

let toolgate: Toolgate
let rs: { client_id: string; client_secret: string }
let operator: Visitor
let auditor: Visitor
const AT = '/operator/personal-tokens'

beforeAll(async () => {
  toolgate = await Toolgate.start()
  rs = await toolgate.resourceServer()
  operator = await signedIn(toolgate, (await toolgate.account(['operator'])).username)
  auditor = await signedIn(toolgate, (await toolgate.account(['auditor'])).username)
})
afterAll(() => toolgate.close())

async function createFor(username: string) {
  const start = await operator.open(`${AT}/new`)
  const form = await operator.open(`${start.url.pathname}?account=${username}`)
  return sendForm(operator, form, AT, { name: 'Nightly job', role: 'write', days: '5' })
}
const idOn = (html: string) => /personal-tokens\/(pat_[0-9a-f]{32})/.exec(html)?.[1] ?? ''

describe('personal tokens of everybody', () => {
  it('are made for an account, found by it, and revoked with a reason', async () => {
    const { username } = await toolgate.account()
    const made = await createFor(username)
    const token = tokenOn(made)
    expect(await toolgate.introspect(rs, token)).toMatchObject({ username, scope: 'notes:read notes:write' })
    const query = new URLSearchParams({ account: username, resource: RESOURCE, expiring_days: '7' })
    const list = await operator.open(`${AT}?${query}`)
    expect(list.html).toContain('Nightly job')
    expect(list.html).toContain('Expires soon')
    expect((await operator.open(`${AT}?account=nobody`)).html).toContain('No live tokens match')

    const one = await operator.open(`${AT}/${idOn(made.html)}`)
    expect((await sendForm(operator, one, '/revoke', { reason: ' ' })).status).toBe(400)
    await sendForm(operator, one, '/revoke', { reason: 'left the company' })
    expect(await toolgate.introspect(rs, token)).toEqual({ active: false })
    const { knex } = toolgate.db.database
    const event = await knex('audit_events').where({ type: 'personal_token.revoked' }).first()
    expect(event.detail).toMatchObject({ reason: 'left the company' })
  })

  it('are rotated to a value that is shown once', async () => {
    const made = await createFor((await toolgate.account()).username)
    const one = await operator.open(`${AT}/${idOn(made.html)}`)
    const value = tokenOn(await sendForm(operator, one, '/rotate', { overlap_hours: '0' }))
    expect(await toolgate.introspect(rs, value)).toMatchObject({ active: true })
    expect(await toolgate.introspect(rs, tokenOn(made))).toEqual({ active: false })
  })

  it('are only looked at by an auditor', async () => {
    const id = idOn((await createFor((await toolgate.account()).username)).html)
    const list = await auditor.open(AT)
    expect(list.html).not.toContain('New token')
    const one = await auditor.open(`${AT}/${id}`)
    expect(one.forms.filter(({ action }) => action.includes(id))).toEqual([])
    expect((await auditor.open(`${AT}/new`)).status).toBe(403)
  })

  it('say that there is no such account', async () => {
    const page = await operator.open(`${AT}/new?account=nobody-of-this-name`)
    expect([page.status, page.html.includes('no active account')]).toEqual([404, true])
  })

  it.each(['?account=%00', '?expiring_days=-1', '?after=x', '?account=a&account=b'])(
    'answer %s without a fault of their own',
    async (query) => {
      expect((await operator.open(AT + query)).status).toBeLessThan(500)
    },
  )
})
