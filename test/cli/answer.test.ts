import { afterEach, expect, it, vi } from 'vitest'
import { printAnswer } from '../../src/cli/answer.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

function printed(answer: unknown, json = false): string[] {
  const lines: string[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(...String(line).split('\n')))
  printAnswer(answer, json ? { json: true } : {})
  return lines
}

it('prints a list as a table, and how to go on', () => {
  const at = new Date('2026-01-02T03:04:05Z')
  expect(printed({ grants: [{ id: 'a', at, scopes: ['x', 'y'], more: { n: 1 } }], next: 'abc' })).toEqual([
    'ID  AT                   SCOPES  MORE',
    'a   2026-01-02 03:04:05  x y     {"n":1}',
    '',
    'There is more: --after abc',
  ])
})

it('prints an empty list as none', () => {
  expect(printed({ grants: [] })).toEqual(['None.'])
})

it('prints one thing as facts, with tables for what it has several of', () => {
  expect(printed({ id: 'a', gone_at: null, count: 0, tokens: [{ id: 't' }], next: undefined })).toEqual([
    'id       a',
    'gone_at  -',
    'count    0',
    '',
    'tokens:',
    'ID',
    't',
  ])
})

it('prints JSON as the API gives it', () => {
  expect(JSON.parse(printed({ at: new Date(0), next: 'x' }, true).join(''))).toEqual({
    at: '1970-01-01T00:00:00.000Z',
    next: 'x',
  })
})
