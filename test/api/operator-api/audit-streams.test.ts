import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { revokeOperatorToken } from '../../../src/accounts/operator-tokens.ts'
import { csvCell } from '../../../src/audit/export/csv.ts'
import { decided } from '../../audit/rows.ts'
import { TEST } from '../../support/origins.ts'
import { Toolgate } from '../../support/toolgate.ts'

const API = '/operator/api/v1/audit'
/** The calls that look are recorded too; what is compared happened before. */
let to: string
let toolgate: Toolgate
let operator: { id: string; token: string }

beforeAll(async () => {
  toolgate = await Toolgate.start()
  operator = await toolgate.operatorToken()
  await toolgate.app.audit.append([
    ...Array.from({ length: 60 }, (_, index) => decided(index)),
    { ...decided(60), tool: '=1+1', detail: { method: 'a "b"\nc, d\u2028', needed: '' } },
  ])
  const [{ now }] = (await toolgate.db.database.knex('audit_events').max('occurred_at as now')) as [
    { now: Date },
  ]
  to = new Date(now.getTime() + 1).toISOString()
  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Date.parse(to)))
})
afterAll(() => toolgate.close())

function get(path: string, token = operator.token) {
  return toolgate.fetch(API + path, { headers: { authorization: `Bearer ${token}` } })
}

type Page = { events: Record<string, unknown>[]; next?: string }

const one = (count: number, prefix: string) => fc.nat(count).map((index) => `${prefix}${index}`)
const filters = fc.record(
  {
    type: fc.constantFrom('tool.decided', 'writer.started', 'operator_token.created'),
    account_id: one(7, 'usr_'),
    tool: fc.oneof(one(61, 'tool_'), fc.constant('=1+1')),
    grant_id: one(5, 'grant_'),
    decision: fc.constantFrom('allowed', 'denied'),
    request_id: one(61, 'req_'),
  },
  { requiredKeys: [] },
)

describe('GET /audit/export', () => {
  it('gives what the pages of a search give, row by row, oldest first', async () => {
    await fc.assert(
      fc.asyncProperty(filters, fc.integer({ min: 1, max: 40 }), async (filter, limit) => {
        const searched: Record<string, unknown>[] = []
        let after: string | undefined
        do {
          const query = new URLSearchParams({ ...filter, to, limit: `${limit}`, ...(after && { after }) })
          const page = (await (await get(`/events?${query}`)).json()) as Page
          searched.push(...page.events)
          after = page.next
        } while (after)
        searched.reverse()
        const query = new URLSearchParams({ ...filter, to })
        const lines = await (await get(`/export?format=jsonl&${query}`)).text()
        expect(
          lines
            .split('\n')
            .slice(0, -1)
            .map((line) => JSON.parse(line)),
        ).toEqual(searched)
        const csv = await (await get(`/export?format=csv&${query}`)).text()
        const [header = '', ...records] = csv.split('\r\n').slice(0, -1)
        const columns = header.split(',')
        expect(records).toEqual(
          searched.map((event) => columns.map((name) => csvCell(event[name])).join(',')),
        )
      }),
      { numRuns: 12 },
    )
  })

  it.each([
    ['csv', 'text/csv; charset=utf-8; header=present', 'toolgate-audit.csv'],
    ['jsonl', 'application/jsonl; charset=utf-8', 'toolgate-audit.jsonl'],
    ['ocsf', 'application/jsonl; charset=utf-8', 'toolgate-audit.ocsf.jsonl'],
    ['syslog', 'text/plain; charset=utf-8', 'toolgate-audit.log'],
  ])('is a file to keep: %s', async (format, type, name) => {
    const { headers } = await get(`/export?format=${format}&to=${to}`)
    expect(headers.get('content-type')).toBe(type)
    expect(headers.get('content-disposition')).toBe(`attachment; filename="${name}"`)
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it.each(['?format=xml', '?nonsense=1', '?limit=5', '?from=yesterday', '?tool=a&tool=b'])(
    'refuses %s',
    async (query) => {
      expect((await get(`/export${query}`)).status).toBe(400)
    },
  )

  it('is closed to others, and to a token that was revoked', async () => {
    expect((await toolgate.fetch(`${API}/export`)).status).toBe(401)
    const gone = await toolgate.operatorToken()
    await revokeOperatorToken(toolgate.dependencies, gone.id, TEST)
    expect((await get('/export', gone.token)).status).toBe(401)
  })
})
