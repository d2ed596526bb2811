import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostHeaderValidation, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Notebook } from '../../examples/notes-server/notes.ts'
import { TOOLS } from '../../examples/notes-server/tools.ts'
import { createGuard } from '../../src/guard/index.ts'
import { RESOURCE_SERVER, startIntrospectionStandIn } from '../support/introspection-stand-in.ts'
import { startV1WithSessions } from '../support/sdk-servers.ts'
import { startWithNotes, type WithNotes } from '../support/with-notes.ts'
import { forwardWithToken } from '../support/with-token.ts'
import { Program } from './program.ts'
import { SUITE, scenariosOf } from './suite-scenarios.ts'

/**
 * The official conformance suite of MCP for servers against the example server behind the guard, which asks a whole
 * Toolgate. The suite can be given no token, so one is added on the way. It calls tools of its own that the example does
 * not have; so every scenario is named here, with what keeps the example from it.
 */
/** No check fails or warns. These are all that concern the transport, its security, sessions and headers. */
const PASSES = [
  'server-initialize',
  'server-session-lifecycle',
  'ping',
  'tools-list',
  'dns-rebinding-protection',
  'http-header-validation',
  'input-required-result-unsupported-methods',
]

/** Checks that a server without sessions, prompts, resources or the suite's own tools cannot pass; all others do. */
const ALL_BUT: Record<string, string[]> = {
  'server-stateless': [
    // "Not testable": without test_missing_capability, test_streaming_elicitation and test_logging_tool.
    'sep-2575-server-rejects-undeclared-capability',
    'sep-2575-missing-capability-http-400',
    'sep-2575-http-server-no-independent-requests-on-stream',
    'sep-2575-server-no-log-without-loglevel',
    // A SHOULD, tried with test_trigger_tool_change; and the same for prompts, of which there are none.
    'sep-2575-server-sends-tools-list-changed-on-subscription',
    'sep-2575-server-sends-prompts-list-changed-on-subscription',
  ],
  // Warns that there is no session id: a server without sessions has none.
  'server-sse-multiple-streams': ['server-sse-multiple-streams-session'],
  caching: [
    'sep-2549-prompts-list-caching-hints',
    'sep-2549-resources-list-caching-hints',
    'sep-2549-resources-templates-list-caching-hints',
    'sep-2549-resources-read-caching-hints',
  ],
  // "Not testable": no tool has x-mcp-header annotations.
  'http-custom-header-server-validation': [
    'sep-2243-server-no-xmcp-tool',
    'sep-2243-server-decode-base64',
    'sep-2243-server-validate-param-match',
    'sep-2243-server-reject-invalid-param-chars',
    'sep-2243-server-reject-param-mismatch',
  ],
}

/** Scenarios about what the example does not have, so that no check of theirs says anything about it. */
const LACKS: [what: string, scenario: RegExp][] = [
  ["the suite's own tools", /^(tools-call-.+|json-schema-2020-12|server-sse-polling|elicitation-.+)$/],
  ['tools that need input', /^input-required-result-.+$/],
  ['resources', /^(resources-.+|sep-2164-resource-not-found)$/],
  ['prompts', /^prompts-.+$/],
  ['completion and logging', /^(completion-complete|logging-set-level)$/],
]

/** The guard does not let through a call of a tool that no scope opens; the server alone answers that it has none. */
const DENIED = ['server-sse-polling: server-sse-post-request']

const SCENARIOS = scenariosOf('server')
const VERSIONS = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28']

let directory: string
let with_notes: WithNotes
let guarded: Awaited<ReturnType<typeof forwardWithToken>>
let bare: Awaited<ReturnType<typeof startBare>>
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'conformance-'))
  with_notes = await startWithNotes()
  const { toolgate, resource } = with_notes
  const { client_id } = await toolgate.register()
  const asked = { resource, scope: 'notes:read notes:write notes:delete' }
  const { access_token } = await toolgate.tokens((await toolgate.account()).person(), client_id, asked)
  guarded = await forwardWithToken(resource, access_token)
  bare = await startBare()
})
afterAll(async () => {
  await bare.close()
  await guarded.close()
  await with_notes.close()
  rmSync(directory, { recursive: true })
})

/** The same server with nothing in front of it. */
async function startBare() {
  const mcp = createMcpHandler(() => {
    const server = new McpServer({ name: 'notes-server', version: '1.0.0' })
    const notes = new Notebook()
    for (const register of Object.values(TOOLS)) register(server, notes)
    return server
  })
  const handler = toNodeHandler(mcp)
  const isHostKnown = hostHeaderValidation(['localhost', '127.0.0.1'])
  const http = createServer((request, response) => {
    if (isHostKnown(request, response)) void handler(request as never, response)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://localhost:${(http.address() as AddressInfo).port}/mcp`,
    close: async () => {
      await mcp.close()
      const closed = new Promise((resolve) => http.close(resolve))
      http.closeAllConnections()
      await closed
    },
  }
}

type Check = {
  id: string
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
  errorMessage?: string
}

/** The checks of every scenario of a version, as the suite writes them down. */
async function runSuite(url: string, version: string): Promise<Map<string, Check[]>> {
  const output = mkdtempSync(join(directory, `${version}-`))
  const args = ['server', '--url', url, '--suite', 'all', '--spec-version', version, '-o', output]
  const suite = new Program(SUITE, args)
  try {
    await suite.exit()
  } finally {
    await suite.end()
  }
  const written = readdirSync(output).map((name) => {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(name)?.[1] ?? name
    const checks: Check[] = JSON.parse(readFileSync(join(output, name, 'checks.json'), 'utf8'))
    return [scenario, checks] as const
  })
  return new Map(written)
}

/** The checks that found something, each once. */
function found(checks: readonly Check[] | undefined): string[] {
  const kept = checks?.filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO') ?? []
  return [...new Set(kept.map(({ id }) => id))].toSorted()
}

/** The example has no sessions; this server of the SDK's v1 has, behind the SDK's own middleware with the guard in it. */
describe('a server with sessions, whose transports the guard protects', () => {
  const RESOURCE = 'http://localhost:4001/mcp'
  const about_sessions = ['server-initialize', 'ping', 'tools-list', 'server-session-lifecycle']

  it.each(['2025-06-18', '2025-11-25'])(
    'passes what MCP %s has about sessions',
    async (version) => {
      const as = await startIntrospectionStandIn(RESOURCE)
      as.tokens.set('reader', { tools: ['get_note'] })
      const options = { resource: RESOURCE, issuer: as.issuer, ...RESOURCE_SERVER, default_scopes: [] }
      const server = await startV1WithSessions(createGuard(options), [])
      const forwarded = await forwardWithToken(server.url, 'reader')
      try {
        const results = await runSuite(forwarded.url, version)
        expect(about_sessions.flatMap((name) => found(results.get(name)))).toEqual([])
        const session = results.get('server-session-lifecycle')?.filter(({ status }) => status === 'SUCCESS')
        expect(session?.length).toBeGreaterThan(0)
        // Neither is there a warning that a session is missing.
        const streams = results.get('server-sse-multiple-streams')
        expect(found(streams).filter((id) => id.endsWith('-session'))).toEqual([])
      } finally {
        await forwarded.close()
        await server.close()
        await as.close()
      }
    },
    120_000,
  )
})

it('the suite has no scenario and no version that is not run or accounted for here', () => {
  const dated = [...SCENARIOS].filter(([, versions]) => !versions.includes('extension'))
  expect([...new Set(dated.flatMap(([, versions]) => versions))].toSorted()).toEqual(VERSIONS)
  const isKnown = (name: string) =>
    PASSES.includes(name) || name in ALL_BUT || LACKS.some(([, scenario]) => scenario.test(name))
  expect(dated.filter(([name]) => !isKnown(name))).toEqual([])
  // Extensions, none of which the example has: skills and tasks.
  const extensions = [...SCENARIOS.keys()].filter((name) => !dated.some(([known]) => known === name))
  expect(extensions.filter((name) => !/^(sep-2640-skills|tasks)-/.test(name))).toEqual([])
})

describe.each(VERSIONS)('MCP %s, behind the guard', (version) => {
  const named = [...SCENARIOS].filter(([, versions]) => versions.includes(version)).map(([name]) => name)
  let results: Map<string, Check[]>
  beforeAll(async () => {
    results = await runSuite(guarded.url, version)
  }, 120_000)

  it('every scenario of the version ran', () => {
    expect([...results.keys()].toSorted()).toEqual(named.toSorted())
  })

  it('whatever concerns the transport, headers and sessions passes', () => {
    const applying = named.filter((name) => PASSES.includes(name))
    const findings = applying.flatMap((name) => found(results.get(name)).map((id) => `${name}: ${id}`))
    expect(findings).toEqual([])
    expect(applying.length).toBeGreaterThan(0)
  })

  it('of the scenarios that the example can pass in part, only the named checks do not pass', () => {
    for (const name of named.filter((each) => each in ALL_BUT)) {
      const others = found(results.get(name)).filter((id) => !ALL_BUT[name]?.includes(id))
      expect([name, others]).toEqual([name, []])
    }
  })

  it('the guard fails nothing that the same server without it passes', async () => {
    const without = await runSuite(bare.url, version)
    const worse = named.flatMap((name) => {
      const before = found(without.get(name))
      return found(results.get(name))
        .filter((id) => !before.includes(id))
        .map((id) => `${name}: ${id}`)
    })
    expect(worse.filter((each) => !DENIED.includes(each))).toEqual([])
  }, 120_000)
})
