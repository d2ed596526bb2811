import { type Figure, percentile, table } from '../figures.ts'
import { startLoad } from '../load/load.ts'
import { post } from '../load/post.ts'
import type { Measured, Part, Run } from '../part.ts'
import { addOperatorToken, withInstallation } from '../seeds/installation.ts'
import { seedToolgate, type ToolgateSeed } from '../seeds/toolgate.ts'
import { basicAuthorization, plainBodies } from '../seeds/workload.ts'
import { withStage } from '../servers/stage.ts'
import { startToolgate, type ToolgateServer } from '../servers/toolgate.ts'

/**
 * From the moment that an operator's revocation is sent to the moment that the next introspection has answered
 * inactive. That introspection is sent when the revocation is answered; it must not be active, not even once.
 */
export const revocation: Part = {
  name: 'revocation',
  summary: 'from revoking a grant to the next introspection denied, on the same and on another instance',
  measure,
}

const LOAD_CONNECTIONS = 16
const KEPT_FOR_LOAD = 100

type Case = { instance: string; under_load: boolean }
type Outcome = Case & { elapsed_ms: number[]; stale: number }

async function measure(run: Run): Promise<Measured> {
  const grants = run.quick ? 5 : 200
  return withStage(async (stage) => {
    const first = await startToolgate(stage, { profile_directory: run.profile_directory })
    const second = await startToolgate(stage, { url: first.url, issuer: first.issuer })
    const operator_token = await withInstallation(first.url, addOperatorToken)
    const seed = await seedToolgate(first.url, KEPT_FOR_LOAD + 4 * grants)
    await stage.postgres.analyze(first.url)
    const instances = { 'the same': first, another: second }
    let place = KEPT_FOR_LOAD
    const outcomes: Outcome[] = []
    for (const under_load of [false, true]) {
      const load = under_load ? disturb(first, seed) : undefined
      for (const [instance, asked] of Object.entries(instances)) {
        const from = { revoking: first, asked, operator_token, seed }
        outcomes.push({ instance, under_load, ...(await revokeAndAsk(from, place, grants)) })
        place += grants
      }
      load?.stop()
      await load?.result
    }
    return {
      figures: outcomes.flatMap(figuresOf),
      ran: `${grants} grants each; the load has ${LOAD_CONNECTIONS} connections`,
      details: detailsTable(outcomes),
    }
  })
}

function disturb(server: ToolgateServer, seed: ToolgateSeed) {
  const bodies = plainBodies({ ...seed, tokens: seed.tokens.slice(0, KEPT_FOR_LOAD) })
  const headers = { Authorization: basicAuthorization(seed) }
  return startLoad({
    ports: [server.port],
    host: server.host,
    questions: { kind: 'in turn', path: '/introspect', headers, bodies },
    expected: ['"active":true'],
    connections: LOAD_CONNECTIONS,
    duration_ms: 600_000,
  })
}

type Places = {
  revoking: ToolgateServer
  asked: ToolgateServer
  operator_token: string
  seed: ToolgateSeed
}

async function revokeAndAsk(
  { revoking, asked, operator_token, seed }: Places,
  first: number,
  count: number,
): Promise<{ elapsed_ms: number[]; stale: number }> {
  const elapsed_ms: number[] = []
  let stale = 0
  for (let place = first; place < first + count; place++) {
    const [token = '', grant = ''] = [seed.tokens[place], seed.grants[place]]
    if (!(await isActive(asked, seed, token))) throw new Error('the token was not active before')
    const sent_ms = performance.now()
    const path = `/operator/api/v1/grants/${grant}/revoke`
    const revoked = await post(revoking, path, { authorization: `Bearer ${operator_token}` })
    if (revoked.status !== 200) throw new Error(`not revoked: ${revoked.body}`)
    if (await isActive(asked, seed, token)) stale += 1
    elapsed_ms.push(performance.now() - sent_ms)
  }
  return { elapsed_ms, stale }
}

async function isActive(server: ToolgateServer, seed: ToolgateSeed, token: string): Promise<boolean> {
  const headers = {
    authorization: basicAuthorization(seed),
    'content-type': 'application/x-www-form-urlencoded',
  }
  const { status, body } = await post(server, '/introspect', headers, `token=${token}`)
  if (status !== 200) throw new Error(`not introspected: ${body}`)
  return (JSON.parse(body) as { active: boolean }).active
}

function nameOf({ instance, under_load }: Case): string {
  return `revoked to denied, ${instance} instance${under_load ? ', under load' : ''}`
}

function figuresOf(outcome: Outcome): Figure[] {
  const name = nameOf(outcome)
  return [
    { name: `${name}, p99`, value: percentile(outcome.elapsed_ms, 0.99), unit: 'ms' },
    { name: `${name}, still active`, value: outcome.stale, unit: 'answers', goal: { most: 0 } },
  ]
}

function detailsTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => [
    nameOf(outcome),
    percentile(outcome.elapsed_ms, 0.5).toFixed(2),
    percentile(outcome.elapsed_ms, 0.99).toFixed(2),
    Math.max(...outcome.elapsed_ms).toFixed(2),
  ])
  return table(['', 'p50 ms', 'p99 ms', 'slowest ms'], rows)
}
