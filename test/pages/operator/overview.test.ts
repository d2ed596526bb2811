import { afterAll, beforeAll, expect, it } from 'vitest'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { signedIn } from '../../support/signed-in.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let auditor: Awaited<ReturnType<typeof signedIn>>

beforeAll(async () => {
  toolgate = await Toolgate.start()
  auditor = await signedIn(toolgate, ['auditor'])
})
afterAll(() => toolgate.close())

it('the overview of a new installation is a page without a number that is none', async () => {
  const { status, html } = await auditor.get('/operator')
  expect(status).toBe(200)
  expect(html).toContain('<svg class="chart"')
  expect(html).not.toMatch(/NaN|undefined|Infinity/)
  expect(html).toContain('No call was denied in seven days.')
  expect(html).toContain('None was ever signed.')
})

it('the chart has its numbers as a table too, and hostile names stay text', async () => {
  const { db } = toolgate.dependencies
  await db('usage_hours').insert({
    hour: db.raw("date_trunc('hour', now())"),
    resource: RESOURCE,
    tool: '"><script>alert(1)</script>',
    decision: 'denied',
    calls: 1_234,
  })
  const { html } = await auditor.get('/operator')
  expect(html.match(/<th scope="row">/g)).toHaveLength(24)
  expect(html).toContain('<td>1234</td>')
  expect(html).toContain('0 allowed, 1,234 denied, 0 other')
  expect(html).not.toContain('<script>')
})

it('a refusal links to its explanation', async () => {
  await toolgate.fetch('/operator/api/v1/grants')
  const { db } = toolgate.dependencies
  const { events } = await pageEvents(db, { type: 'operator.refused' }, 1)
  const path = `/operator/audit/explain/${events[0]!.id}`
  expect((await auditor.get('/operator')).html).toContain(`href="${path}"`)
  const { status, html } = await auditor.get(path)
  expect(status).toBe(200)
  expect(html).toContain('credentials missing')
  expect(html).toContain('Make an operator token')
})

it('what cannot be explained says so', async () => {
  const { events } = await pageEvents(toolgate.dependencies.db, { type: 'login.succeeded' }, 1)
  expect((await auditor.get(`/operator/audit/explain/${events[0]!.id}`)).status).toBe(400)
  expect((await auditor.get('/operator/audit/explain/nothing')).status).toBe(400)
  expect((await auditor.get('/operator/audit/explain/00000000-0000-4000-8000-000000000000')).status).toBe(404)
})
