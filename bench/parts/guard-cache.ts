import { type Figure, percentile, table } from '../figures.ts'
import { post } from '../load/post.ts'
import type { Measured, Part, Run } from '../part.ts'
import {
  cells,
  type Design,
  PROCESSOR_COLUMNS,
  playRounds,
  RATE_COLUMNS,
  ratio,
  type Sample,
} from '../rounds.ts'
import { addOperatorToken, withInstallation } from '../seeds/installation.ts'
import { seedToolgate, type ToolgateSeed } from '../seeds/toolgate.ts'
import { type GuardedServer, startGuarded } from '../servers/guarded.ts'
import { withStage } from '../servers/stage.ts'
import { startToolgate, type ToolgateServer } from '../servers/toolgate.ts'

/**
 * What keeping answers saves, and what it costs: calls through the guard with and without, and how long after an
 * operator's revocation is sent the first of a client's calls is refused, while it calls without a pause.
 */
export const guardCache: Part = {
  name: 'guard-cache',
  summary:
    'calls through the guard with and without kept answers; from a revocation to the first call refused',
  measure,
}

const CONNECTIONS = [1, 16, 64] as const
const ASKS = 'every call asks'
const KEEPS = 'answers are kept'
const MAX_AGE_SECONDS = 3_600
const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_notes"}}'
/** After so many calls its answer is kept, where answers are. */
const CALLS_BEFORE = 20

type Guards = Record<typeof ASKS | typeof KEEPS, GuardedServer>
type Outcome = { name: string; elapsed_ms: number[]; stale: number }

async function measure(run: Run): Promise<Measured> {
  const grants = run.quick ? 3 : 200
  return withStage(async (stage) => {
    const first = await startToolgate(stage, { profile_directory: run.profile_directory })
    const second = await startToolgate(stage, { url: first.url, issuer: first.issuer })
    const operator_token = await withInstallation(first.url, addOperatorToken)
    const seed = await seedToolgate(first.url, 1 + 4 * grants)
    await stage.postgres.analyze(first.url)
    const guards = {
      [ASKS]: await startGuarded(stage, first, seed),
      [KEEPS]: await startGuarded(stage, first, seed, MAX_AGE_SECONDS),
    }
    const designs = designsOf(guards, first, seed)
    const samples = await playRounds({ designs, connections: CONNECTIONS, postgres: stage.postgres, ...run })
    const outcomes: Outcome[] = []
    let place = 1
    for (const [instance, revoking] of Object.entries({ 'the same': first, another: second })) {
      for (const [design, guard] of Object.entries(guards)) {
        const name = `revoked to refused, ${instance} instance, ${design}`
        outcomes.push(await revokeAndCall({ name, guard, revoking, operator_token, seed }, place, grants))
        place += grants
      }
    }
    return {
      figures: [...CONNECTIONS.map((count) => ratioFigure(samples, count)), ...outcomes.flatMap(figuresOf)],
      ran: `${run.rounds} rounds of ${run.seconds} s; ${grants} revocations each`,
      details: `${ratesTable(samples)}\n\n${outcomesTable(outcomes)}`,
    }
  })
}

function designsOf(
  guards: Guards,
  toolgate: ToolgateServer,
  { tokens: [token = ''] }: ToolgateSeed,
): Design[] {
  return Object.entries(guards).map(([name, guard]) => ({
    name,
    servers: [guard, toolgate],
    load: () => ({
      ports: [guard.port],
      host: guard.host,
      questions: { kind: 'in turn', path: '/mcp', headers: headersOf(token), bodies: [CALL] },
      expected: ['"result"'],
    }),
  }))
}

function headersOf(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
}

type Case = {
  name: string
  guard: GuardedServer
  revoking: ToolgateServer
  operator_token: string
  seed: ToolgateSeed
}

async function revokeAndCall(
  { name, guard, revoking, operator_token, seed }: Case,
  first: number,
  count: number,
): Promise<Outcome> {
  const elapsed_ms: number[] = []
  let stale = 0
  for (let place = first; place < first + count; place++) {
    const [token = '', grant = ''] = [seed.tokens[place], seed.grants[place]]
    const mayCall = () => isAllowed(guard, token)
    for (let calls = 0; calls < CALLS_BEFORE; calls++)
      if (!(await mayCall())) throw new Error('the token was refused before')
    let answered = false
    const sent_ms = performance.now()
    const path = `/operator/api/v1/grants/${grant}/revoke`
    const revoking_now = post(revoking, path, { authorization: `Bearer ${operator_token}` }).then(
      (revoked) => {
        if (revoked.status !== 200) throw new Error(`not revoked: ${revoked.body}`)
        answered = true
      },
    )
    for (;;) {
      const was_answered = answered
      if (!(await mayCall())) break
      if (was_answered) stale += 1
    }
    elapsed_ms.push(performance.now() - sent_ms)
    await revoking_now
  }
  return { name, elapsed_ms, stale }
}

async function isAllowed(guard: GuardedServer, token: string): Promise<boolean> {
  const { status, body } = await post(guard, '/mcp', headersOf(token), CALL)
  if (status !== 200 && status !== 401) throw new Error(`the guard answered ${status} ${body}`)
  return status === 200
}

function ratioFigure(samples: readonly Sample[], connections: number): Figure {
  const value = ratio(samples, KEEPS, ASKS, connections)
  return { name: `${KEEPS} ÷ ${ASKS}, ${connections} connections`, value, unit: 'times' }
}

function figuresOf({ name, elapsed_ms, stale }: Outcome): Figure[] {
  return [
    { name: `${name}, p50`, value: percentile(elapsed_ms, 0.5), unit: 'ms' },
    { name: `${name}, p99`, value: percentile(elapsed_ms, 0.99), unit: 'ms' },
    {
      name: `${name}, calls allowed after the revocation was answered`,
      value: stale,
      unit: 'answers',
      ...(name.endsWith(ASKS) ? { goal: { most: 0 } } : {}),
    },
  ]
}

function ratesTable(samples: readonly Sample[]): string {
  const rows = CONNECTIONS.flatMap((count) => [ASKS, KEEPS].map((name) => cells(samples, name, count)))
  return table([...RATE_COLUMNS, ...PROCESSOR_COLUMNS], rows)
}

function outcomesTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ name, elapsed_ms, stale }) => [
    name,
    percentile(elapsed_ms, 0.5).toFixed(2),
    percentile(elapsed_ms, 0.99).toFixed(2),
    Math.max(...elapsed_ms).toFixed(2),
    String(stale),
  ])
  return table(['', 'p50 ms', 'p99 ms', 'slowest ms', 'allowed meanwhile'], rows)
}
