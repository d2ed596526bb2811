import { type Figure, table } from '../figures.ts'
import { countBareRows } from '../limits/bare-tables.ts'
import type { LoadResult } from '../load/load.ts'
import type { Measured, Part, Run } from '../part.ts'
import {
  cells,
  type Design,
  PROCESSOR_COLUMNS,
  playRounds,
  RATE_COLUMNS,
  ratio,
  type Sample,
  typical,
} from '../rounds.ts'
import { countIntrospections, seedToolgate } from '../seeds/toolgate.ts'
import { basicAuthorization, plainBodies, type Seed, toolBodies } from '../seeds/workload.ts'
import { startBare } from '../servers/bare.ts'
import { installBetterAuth, startBetterAuth } from '../servers/better-auth.ts'
import type { ServerProcess } from '../servers/server-process.ts'
import { type Stage, withStage } from '../servers/stage.ts'
import { startStraightforward } from '../servers/straightforward.ts'
import { startToolgate } from '../servers/toolgate.ts'
import { seedStraightforward } from '../straightforward/seed.ts'

/** Introspection beside the straightforward design, the bare limit and Better Auth, all on one Postgres. */
export const introspection: Part = {
  name: 'introspection',
  summary: 'questions per second beside the baseline, the bare limit and Better Auth',
  measure,
}

const CONNECTIONS = [1, 16, 64] as const
const BASE = 'straightforward'
const BARE = 'bare node + pg'
const PEER = 'Better Auth'
const PLAIN = 'toolgate'
const DECIDED = 'toolgate, tool decided'

/** What the tool decided must reach, by connections. */
const TO_BASE = { 1: 5, 16: 12, 64: 20 } as const
const TO_BARE_AT_64 = 1.3
const TO_PEER_AT_64 = 40
const P99_TO_P50_AT_16 = 6

/** The answers of one server and the rows that it should have written for them. */
type Ledger = { name: string; answers: number; countRows(): Promise<number> }
type Cast = { designs: Design[]; ledgers: Ledger[]; missing: string | undefined }

async function measure(run: Run): Promise<Measured> {
  return withStage(async (stage) => {
    const { designs, ledgers, missing } = await castOf(stage, run)
    const before = await Promise.all(ledgers.map((ledger) => ledger.countRows()))
    const samples = await playRounds({ designs, connections: CONNECTIONS, postgres: stage.postgres, ...run })
    const rows = await Promise.all(ledgers.map((ledger) => ledger.countRows()))
    const written = rows.map((count, index) => count - (before[index] ?? 0))
    return {
      figures: [...ratioFigures(samples, designs), ...rowFigures(ledgers, written)],
      ran: `${run.rounds} rounds of ${run.seconds} s`,
      details: [missing, detailsTable(samples, designs)].filter(Boolean).join('\n\n'),
    }
  })
}

async function castOf(stage: Stage, run: Run): Promise<Cast> {
  const tokens = run.quick ? 100 : 2_000
  const toolgate = await startToolgate(stage, { profile_directory: run.profile_directory })
  const seed = await seedToolgate(toolgate.url, tokens)
  await stage.postgres.analyze(toolgate.url)
  const baseline = await startStraightforward(stage, (url, issuer) =>
    seedStraightforward(url, issuer, tokens),
  )
  const bare = await startBare(stage, tokens)
  const missing = run.without_peers ? 'Better Auth was left out.' : await installBetterAuth()
  const peer = missing === undefined ? await startBetterAuth(stage, tokens) : undefined

  const own: Ledger = { name: PLAIN, answers: 0, countRows: () => countIntrospections(toolgate.url) }
  const bares: Ledger = { name: BARE, answers: 0, countRows: () => countBareRows(bare.url) }
  const plain = design(PLAIN, toolgate, seed, own)
  const designs = [
    design(BASE, baseline, baseline.seed),
    design(BARE, bare, bare.seed, bares),
    ...(peer ? [design(PEER, peer, peer.seed, undefined, '/api/auth/oauth2/introspect')] : []),
    plain,
    { ...plain, name: DECIDED, load: () => deciding(plain, seed) },
  ]
  return { designs, ledgers: [own, bares], missing }
}

function design(
  name: string,
  server: ServerProcess & { host: string },
  seed: Seed,
  ledger?: Ledger,
  path = '/introspect',
): Design {
  const headers = { Authorization: basicAuthorization(seed) }
  const questions = { kind: 'in turn', path, headers, bodies: plainBodies(seed) } as const
  return {
    name,
    servers: [server],
    load: () => ({ ports: [server.port], host: server.host, questions, expected: ['"active":true'] }),
    heard: ({ answers }: LoadResult) => {
      if (ledger) ledger.answers += answers
    },
  }
}

function deciding(plain: Design, seed: Seed): ReturnType<Design['load']> {
  const load = plain.load()
  return {
    ...load,
    questions: { ...load.questions, bodies: toolBodies(seed) } as typeof load.questions,
    expected: [...load.expected, '"allowed":true'],
  }
}

function ratioFigures(samples: readonly Sample[], designs: readonly Design[]): Figure[] {
  const times = (design: string, base: string, connections: number, least?: number): Figure => ({
    name: `${design} ÷ ${base}, ${connections} connections`,
    value: ratio(samples, design, base, connections),
    unit: 'times',
    ...(least === undefined ? {} : { goal: { least } }),
  })
  const peers = designs.some(({ name }) => name === PEER)
    ? [times(DECIDED, PEER, 16), times(DECIDED, PEER, 64, TO_PEER_AT_64)]
    : []
  return [
    ...CONNECTIONS.map((connections) => times(DECIDED, BASE, connections, TO_BASE[connections])),
    ...CONNECTIONS.map((connections) => times(PLAIN, BASE, connections)),
    times(DECIDED, BARE, 16),
    times(DECIDED, BARE, 64, TO_BARE_AT_64),
    ...peers,
    {
      name: `${DECIDED}, p99 ÷ p50, 16 connections`,
      value: typical(samples, DECIDED, 16, (sample) => sample.p99_ms / sample.p50_ms),
      unit: 'times',
      goal: { most: P99_TO_P50_AT_16 },
    },
  ]
}

function rowFigures(ledgers: readonly Ledger[], written: readonly number[]): Figure[] {
  return ledgers.flatMap(({ name, answers }, index): Figure[] => {
    const rows = written[index] ?? 0
    return [
      { name: `${name}, answers given`, value: answers, unit: 'answers' },
      { name: `${name}, audit rows written for them`, value: rows, unit: 'rows' },
      {
        name: `${name}, rows missing or too many`,
        value: Math.abs(rows - answers),
        unit: 'rows',
        goal: { most: 0 },
      },
    ]
  })
}

function detailsTable(samples: readonly Sample[], designs: readonly Design[]): string {
  const to = (base: string, design: string, connections: number) =>
    designs.some(({ name }) => name === base) ? ratio(samples, design, base, connections).toFixed(2) : ''
  const rows = CONNECTIONS.flatMap((connections) =>
    designs.map(({ name }) => [
      ...cells(samples, name, connections),
      to(BASE, name, connections),
      to(BARE, name, connections),
      to(PEER, name, connections),
    ]),
  )
  const head = [...RATE_COLUMNS, ...PROCESSOR_COLUMNS, '÷ straightforward', '÷ bare', '÷ Better Auth']
  return table(head, rows)
}
