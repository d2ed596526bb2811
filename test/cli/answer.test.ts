import { afterEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { type Action, defineAction } from '../../src/actions/action.ts'
import { printAnswer } from '../../src/cli/answer.ts'

afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

const LISTING = defineAction({
  name: 'list_grants',
  scope: 'operator:read',
  summary: 'Lists.',
  method: 'get',
  path: '/grants',
  command: 'grants list',
  page: '/grants',
  input: z.strictObject({ client_id: z.string().optional(), after: z.string().optional() }),
  output: z.object({ grants: z.array(z.unknown()), next: z.string().optional() }),
  run: async () => ({ grants: [] }),
}) as unknown as Action
const SHOWING = { ...LISTING, output: z.object({ id: z.string(), tokens: z.array(z.unknown()) }) }

function printed(
  action: Action,
  answer: object,
  { json, ...given }: { json?: true; client_id?: string } = {},
) {
  const [lines, errors]: [string[], string[]] = [[], []]
  vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(...String(line).split('\n')))
  vi.spyOn(console, 'error').mockImplementation((line) => void errors.push(String(line)))
  printAnswer(action, { ...answer }, { given, input: given }, json ? { json } : {})
  return { lines, errors }
}

it('prints a list as a table, and how to go on beside it', () => {
  const at = new Date('2026-01-02T03:04:05Z')
  const answer = { grants: [{ id: 'a', at, scopes: ['x', 'y'], more: { n: 1 }, gone: [] }], next: 'abc' }
  expect(printed(LISTING, answer)).toEqual({
    lines: ['ID  AT                   SCOPES  MORE     GONE', 'a   2026-01-02 03:04:05  x y     {"n":1}  -'],
    errors: ['There is more: --after abc'],
  })
})

it('prints the columns that the action names', () => {
  const action = { ...LISTING, cli: { columns: 'id at' } }
  expect(printed(action, { grants: [{ at: 1, id: 'a', more: 'x' }] }).lines).toEqual(['ID  AT', 'a   1'])
})

it('prints nothing that steers a terminal', () => {
  const { lines } = printed(LISTING, { grants: [{ id: '\u001b[2J\u202ex' }] })
  expect(lines.join('')).not.toMatch(/[\p{Cc}\u202e]/u)
})

it('says that a list is empty; that nothing passes a filter is no success', () => {
  expect(printed(LISTING, { grants: [] })).toEqual({ lines: ['None.'], errors: [] })
  expect(process.exitCode).toBeUndefined()
  const filtered = printed(LISTING, { grants: [] }, { client_id: 'x' })
  expect(filtered).toEqual({ lines: [], errors: ['toolgate: Nothing matches'] })
  expect(process.exitCode).toBe(1)
})

it('a page that is empty while there is more is no such end', () => {
  printed(LISTING, { grants: [], next: 'abc' }, { client_id: 'x' })
  expect(process.exitCode).toBeUndefined()
})

it('prints one thing as facts, with tables for what it has several of', () => {
  const answer = { id: 'a', gone_at: null, count: 0, tokens: [{ id: 't' }], next: undefined }
  expect(printed(SHOWING, answer).lines).toEqual([
    'id       a',
    'gone_at  -',
    'count    0',
    '',
    'tokens:',
    'ID',
    't',
  ])
})

it('prints JSON as the API gives it, also when nothing was found', () => {
  const { lines } = printed(
    LISTING,
    { at: new Date(0), next: 'x', grants: [] },
    { json: true, client_id: 'x' },
  )
  expect(JSON.parse(lines.join(''))).toEqual({ at: '1970-01-01T00:00:00.000Z', next: 'x', grants: [] })
})
