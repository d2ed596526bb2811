import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Refusal } from '../../src/guard/refusal.ts'
import { createSessions, type Sessions } from '../../src/guard/sessions.ts'

const asking = (id?: string) => new Headers(id === undefined ? {} : { 'mcp-session-id': id })

function isAdmitted(sessions: Sessions, principal: string, id: string): boolean {
  try {
    sessions.require(asking(id), principal)
    return true
  } catch (error) {
    expect(error instanceof Refusal && error.answer).toMatchObject({
      status: 404,
      body: { error: { code: -32001 } },
    })
    return false
  }
}

/** An MCP server's answer to what was admitted. */
function answer(
  sessions: Sessions,
  { principal, method = 'POST', asked, answered, status = 200 }: Step & { principal: string },
): void {
  sessions.watch(method, asking(asked), principal).begin(status, asking(answered))
}
type Step = { method?: string; asked?: string | undefined; answered?: string | undefined; status?: number }

/** Keys are sessions, values are who opened them: what the sessions are said to be. */
type Model = Map<string, string>
type Real = { sessions: Sessions }
type Command = fc.Command<Model, Real>

const command = (name: string, run: (model: Model, real: Real) => void): Command => ({
  check: () => true,
  run,
  toString: () => name,
})

const ids = fc.constantFrom('s1', 's2', 's3')
const principals = fc.constantFrom('ada', 'bob', 'eve')

const commands = fc.commands([
  fc.tuple(principals, ids, fc.constantFrom(200, 202, 400, 500)).map(([principal, id, status]) =>
    command(`${principal} opens ${id} (${status})`, (model, { sessions }) => {
      answer(sessions, { principal, answered: id, status })
      // Whose it is already, it stays.
      if (status < 400 && !model.has(id)) model.set(id, principal)
    }),
  ),
  fc.tuple(principals, ids, fc.boolean()).map(([principal, id, is_echoed]) =>
    command(`${principal} uses ${id}`, (model, { sessions }) => {
      const is_admitted = isAdmitted(sessions, principal, id)
      expect(is_admitted).toBe(model.get(id) === principal)
      if (is_admitted) answer(sessions, { principal, asked: id, answered: is_echoed ? id : undefined })
    }),
  ),
  fc.tuple(principals, ids, fc.constantFrom(200, 405)).map(([principal, id, status]) =>
    command(`${principal} ends ${id} (${status})`, (model, { sessions }) => {
      const is_admitted = isAdmitted(sessions, principal, id)
      expect(is_admitted).toBe(model.get(id) === principal)
      if (!is_admitted) return
      answer(sessions, { principal, method: 'DELETE', asked: id, status })
      if (status < 400) model.delete(id)
    }),
  ),
  fc.tuple(principals, ids).map(([principal, id]) =>
    command(`${principal} ends ${id} while an answer to it is under way`, (model, { sessions }) => {
      if (!isAdmitted(sessions, principal, id)) return
      const late = sessions.watch('POST', asking(id), principal)
      answer(sessions, { principal, method: 'DELETE', asked: id })
      late.begin(200, asking(id))
      model.delete(id)
    }),
  ),
])

describe('sessions', () => {
  it('are open to whoever opened them until he ends them, and to nobody else, in any order of events', () => {
    fc.assert(
      fc.property(commands, (all) => {
        fc.modelRun(() => ({ model: new Map() as Model, real: { sessions: createSessions() } }), all)
      }),
      { numRuns: 500 },
    )
  })

  it('are needed by nobody: a request without one is not refused', () => {
    expect(() => createSessions().require(asking(), 'ada')).not.toThrow()
  })

  it('beyond 10,000 are forgotten, those first that were used longest ago, and are then nobody\u2019s', () => {
    const sessions = createSessions()
    for (let n = 0; n < 10_000; n++) answer(sessions, { principal: 'ada', answered: `s${n}` })
    expect(isAdmitted(sessions, 'ada', 's0')).toBe(true)
    answer(sessions, { principal: 'bob', answered: 'one more' })
    expect(isAdmitted(sessions, 'ada', 's0')).toBe(true)
    expect(isAdmitted(sessions, 'ada', 's1')).toBe(false)
    expect(isAdmitted(sessions, 'bob', 's1')).toBe(false)
  })

  it('cannot be named twice in a request', () => {
    const sessions = createSessions()
    answer(sessions, { principal: 'eve', answered: 'hers' })
    answer(sessions, { principal: 'ada', answered: 'his' })
    expect(isAdmitted(sessions, 'eve', 'hers, his')).toBe(false)
  })
})
