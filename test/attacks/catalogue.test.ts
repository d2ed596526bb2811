// Somebody with the least role of an operator, who sends catalogues that take long to read.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Toolgate } from '../support/toolgate.ts'

const SIZE = 250 * 1024
/** Of the thread that answers everybody: reading the body, and the answer. */
const CPU_MS_MAX = 150

let toolgate: Toolgate
let token: string
beforeAll(async () => {
  toolgate = await Toolgate.start()
  ;({ token } = await toolgate.operatorToken(['operator:read']))
})
afterAll(() => toolgate.close())

const diff = (catalogue: string) =>
  toolgate.fetch('/operator/api/v1/catalogue/diff', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ catalogue }),
  })

const filled = (line: (n: number) => string) => {
  const lines: string[] = []
  for (let size = 0, n = 0; size < SIZE; n++) size += lines[lines.push(line(n)) - 1]!.length + 1
  return lines.join('\n').slice(0, SIZE)
}

const SHAPES: Record<string, string> = {
  'lines of a: 1': filled(() => 'a: 1'),
  'keys of their own': filled((n) => `k${n}: {}`),
  'one line of keys': `{${filled((n) => `k${n}: 1,`).replaceAll('\n', '')}}`,
  'a list in lists': '['.repeat(SIZE),
  'maps in maps': '{a: '.repeat(SIZE / 4),
  aliases: `a: &a [x]\n${filled((n) => `b${n}: [*a,*a,*a,*a]`)}`,
  tabs: '\t'.repeat(SIZE),
  colons: ':'.repeat(SIZE),
  quotes: '"'.repeat(SIZE),
  'scopes that are none': `resources:\n  - resource: http://x/mcp\n    scopes:\n${filled((n) => `      s${n}: { toolz: [] }`)}`,
}

describe('a catalogue that is costly to read', () => {
  it.each(Object.entries(SHAPES))(
    '%s: has at most 101 faults, and costs the thread that answers next to nothing',
    async (_, text) => {
      await diff('x')
      const begun = process.threadCpuUsage()
      const answer = await diff(text)
      const { user, system } = process.threadCpuUsage(begun)
      const body = await answer.text()
      expect([200, 400, 413]).toContain(answer.status)
      expect(body.length).toBeLessThan(64 * 1024)
      if (answer.status === 200)
        expect((JSON.parse(body) as { faults: string[] }).faults.length).toBeLessThanOrEqual(101)
      expect((user + system) / 1_000).toBeLessThan(CPU_MS_MAX)
    },
  )

  it('waits in a line of bounded length', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => diff(SHAPES['lines of a: 1']!.slice(0, 20_000))),
    )
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(4)
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThanOrEqual(1)
  })
})
