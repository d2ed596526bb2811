import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { revokeGrants } from '../../src/grants/grants.ts'
import { bodiesOf, grantOf, liveRefreshTokens, NOTHING, passGrace, remains } from '../support/families.ts'
import { type Tokens, Toolgate } from '../support/toolgate.ts'

/** What a family of refresh tokens must do, as a small model, against the real server under random commands. */
let toolgate: Toolgate
let client_id: string
let rs: Awaited<ReturnType<Toolgate['resourceServer']>>
let fresh: () => Promise<Tokens>

beforeAll(async () => {
  toolgate = await Toolgate.start()
  rs = await toolgate.resourceServer()
  client_id = (await toolgate.register()).client_id
  const person = (await toolgate.account()).person()
  fresh = () => toolgate.tokens(person, client_id)
})
afterAll(() => toolgate.close())

/** Generations are counted from 0; the newest one is live, those below `stale_below` are spent past their grace. */
type Model = { is_revoked: boolean; newest: number; stale_below: number; dead_access: Set<number> }
/** The tokens of each generation. */
type Real = { grant_id: string; generations: Tokens[] }
type Command = fc.AsyncCommand<Model, Real>

const at = (pick: number, length: number) => length - 1 - (pick % length)

async function settled(model: Model, { grant_id }: Real): Promise<void> {
  if (model.is_revoked) expect(await remains(toolgate, grant_id)).toEqual(NOTHING)
  else expect(await liveRefreshTokens(toolgate, grant_id)).toBe(1)
}

class Refresh implements Command {
  readonly back: number
  constructor(back: number) {
    this.back = back
  }
  check = () => true
  async run(model: Model, real: Real) {
    const generation = at(this.back, real.generations.length)
    const { refresh_token } = real.generations[generation]!
    const response = await toolgate.refresh(client_id, refresh_token)
    const [body] = await bodiesOf([response])
    if (!model.is_revoked && generation < model.stale_below) model.is_revoked = true
    if (model.is_revoked) {
      expect([response.status, body]).toMatchObject([400, { error: 'invalid_grant' }])
    } else if (generation === model.newest) {
      expect(response.status).toBe(200)
      for (const { access_token, refresh_token: known } of real.generations)
        expect([access_token, known]).not.toContain(body!.refresh_token)
      real.generations.push(body!)
      model.newest += 1
    } else {
      const { access_token, refresh_token: successor } = real.generations[generation + 1]!
      expect(body).toMatchObject({ access_token, refresh_token: successor })
    }
    await settled(model, real)
  }
  toString = () => `refresh(newest - ${this.back})`
}

class PassGrace implements Command {
  check = () => true
  async run(model: Model, real: Real) {
    await passGrace(toolgate, real.grant_id)
    model.stale_below = model.newest
  }
  toString = () => 'passGrace'
}

class RevokeByOperator implements Command {
  check = () => true
  async run(model: Model, real: Real) {
    const { revoked } = await revokeGrants(
      toolgate.dependencies,
      { id: real.grant_id },
      { actor: { kind: 'operator_token', id: 'test' } },
    )
    expect(revoked).toEqual(model.is_revoked ? [] : [real.grant_id])
    model.is_revoked = true
    await settled(model, real)
  }
  toString = () => 'revokeByOperator'
}

/** RFC 7009: revoking any refresh token of a family ends it; revoking an access token ends that token only. */
class RevokeByClient implements Command {
  readonly kind: 'access_token' | 'refresh_token'
  readonly back: number
  constructor(kind: 'access_token' | 'refresh_token', back: number) {
    this.kind = kind
    this.back = back
  }
  check = () => true
  async run(model: Model, real: Real) {
    const generation = at(this.back, real.generations.length)
    const token = real.generations[generation]![this.kind]
    expect((await toolgate.post('/revoke', { client_id, token })).status).toBe(200)
    if (this.kind === 'refresh_token') model.is_revoked = true
    else model.dead_access.add(generation)
    await settled(model, real)
  }
  toString = () => `revokeByClient(${this.kind}, newest - ${this.back})`
}

class Introspect implements Command {
  readonly back: number
  constructor(back: number) {
    this.back = back
  }
  check = () => true
  async run(model: Model, real: Real) {
    const generation = at(this.back, real.generations.length)
    const { access_token, refresh_token } = real.generations[generation]!
    const active = !model.is_revoked && !model.dead_access.has(generation)
    expect((await toolgate.introspect(rs, access_token)).active).toBe(active)
    expect(await toolgate.introspect(rs, refresh_token)).toEqual({ active: false })
  }
  toString = () => `introspect(newest - ${this.back})`
}

const back = fc.nat({ max: 4 })
const newest = fc.constant(new Refresh(0))
const commands = fc.commands(
  [
    newest,
    newest,
    back.map((steps) => new Refresh(steps)),
    back.map((steps) => new Refresh(steps)),
    back.map((steps) => new Introspect(steps)),
    fc.constant(new PassGrace()),
    back.map((steps) => new RevokeByClient('access_token', steps)),
    // Rarer than the rest: nothing comes after it.
    fc.oneof(
      { weight: 3, arbitrary: newest },
      { weight: 1, arbitrary: fc.constant(new RevokeByOperator()) },
      { weight: 1, arbitrary: back.map((steps) => new RevokeByClient('refresh_token', steps)) },
    ),
  ],
  { maxCommands: 15, size: '+1' },
)

describe('a family of refresh tokens', () => {
  it('does what its model says, whatever order things come in', async () => {
    const run = fc.asyncProperty(commands, async (list) => {
      const start = await fresh()
      const grant_id = await grantOf(toolgate, start.refresh_token)
      const model: Model = { is_revoked: false, newest: 0, stale_below: 0, dead_access: new Set() }
      await fc.asyncModelRun(() => ({ model, real: { grant_id, generations: [start] } }), list)
    })
    await fc.assert(run, { numRuns: 40 })
  })
})
