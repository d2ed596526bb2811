import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { syslogLine } from '../../../src/audit/export/syslog.ts'
import { chainOf } from '../rows.ts'
import { hostileRow } from './hostile-rows.ts'

/** RFC 5424 §6, as far as these messages go. */
const MESSAGE =
  /^<(?<pri>\d{1,3})>1 (?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) - toolgate (?<proc>[!-~]{1,128}) (?<msg>[!-~]{1,32}) \[toolgate@32473(?<data>(?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] ?(?<text>[ -~]*)\n$/u

function parse(line: string) {
  const groups = MESSAGE.exec(line)?.groups
  if (!groups) throw new Error(`not a message of RFC 5424: ${JSON.stringify(line)}`)
  const parameters = [...groups.data!.matchAll(/ ([^=]+)="((?:[^"\\\]]|\\["\\\]])*)"/gu)]
  const data = Object.fromEntries(
    parameters.map(([, name, value]) => [name, value!.replace(/\\(["\\\]])/g, '$1')]),
  )
  return { ...groups, data } as { pri: string; time: string; msg: string; data: Record<string, string> }
}

describe('syslog', () => {
  it('is a message of RFC 5424 with milliseconds, the type as its id, and every column as data', () => {
    const [row] = chainOf(1)
    expect(parse(syslogLine(row!))).toMatchObject({
      pri: '110',
      time: '2026-07-28T00:00:00.000Z',
      msg: 'tool.decided',
      data: { tool: 'tool_0', seq: '1', account_id: 'usr_0', hash: row!.hash.toString('hex') },
    })
  })

  it('refusals are warnings, and a token used twice is critical', () => {
    const [row] = chainOf(1)
    const priority = (change: object) => Number(parse(syslogLine({ ...row!, ...change })).pri) - 13 * 8
    expect(priority({ decision: 'denied' })).toBe(4)
    expect(priority({ type: 'login.failed', decision: null })).toBe(4)
    expect(priority({ type: 'tool.completed', decision: null, detail: { outcome: 'aborted' } })).toBe(4)
    expect(priority({ type: 'tool.completed', decision: null, detail: { outcome: 'ok' } })).toBe(6)
    expect(priority({ type: 'refresh_token.reused', decision: null })).toBe(2)
  })

  it('escapes what would end its data', () => {
    const [row] = chainOf(1)
    const line = syslogLine({ ...row!, tool: '"] \\' })
    expect(line).toContain(' tool="\\"\\] \\\\"')
    expect(parse(line).data.tool).toBe('"] \\')
  })

  it('every event is one message that parses back, whatever it holds', () => {
    fc.assert(
      fc.property(hostileRow, (row) => {
        const { data, time } = parse(syslogLine(row))
        expect(time).toBe(row.occurred_at.toISOString())
        for (const name of [
          'actor_kind',
          'actor_id',
          'account_id',
          'client_id',
          'tool',
          'scope',
          'token_id',
          'ip',
        ] as const) {
          const kept = row[name]?.toWellFormed().replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd')
          expect(data[name]).toBe(kept)
        }
      }),
    )
  })
})
