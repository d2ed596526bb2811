import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addClient } from '../../src/clients/clients.ts'
import { freePort } from '../support/free-port.ts'
import { TEST } from '../support/origins.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'
import { Program } from './program.ts'
import { SUITE, scenariosOf } from './suite-scenarios.ts'

/** The official conformance suite of MCP against a whole Toolgate; a person decides on the real pages. */
const SCENARIOS = scenariosOf('authorization')
const VERSIONS = [...new Set([...SCENARIOS.values()].flat())]

let toolgate: Toolgate
let person: ReturnType<Awaited<ReturnType<Toolgate['account']>>['person']>
beforeAll(async () => {
  toolgate = await Toolgate.start()
  person = (await toolgate.account()).person()
})
afterAll(() => toolgate.close())

/** Runs the suite with a public client that an operator added; the person follows the URL that it prints. */
async function runSuite(more: string[]) {
  const port = await freePort()
  const redirect_uri = `http://127.0.0.1:${port}/callback`
  const { client_id } = await addClient(
    toolgate.dependencies,
    { name: 'Conformance', redirect_uris: [redirect_uri], confidential: false },
    TEST,
  )
  const own = ['--url', toolgate.issuer, '--client-id', client_id, '-p', String(port)]
  const suite = new Program(SUITE, ['authorization', ...own, ...more])
  try {
    const asked = new URL(await suite.printed(/(http\S+\/authorize\?\S+)/))
    const { callback } = await person.authorize(asked, redirect_uri)
    await fetch(callback)
    return { code: await suite.exit(), asked, output: suite.output }
  } finally {
    await suite.end()
  }
}

/** The scenarios that the summary counts as passed, without a failure, a warning or anything left out. */
function passed(output: string): string[] {
  return [...output.matchAll(/^✓ (\S+): [1-9]\d* passed, 0 failed$/gm)].map(([, name = '']) => name)
}

it('the suite knows the scenarios and versions that are run here', () => {
  expect([...SCENARIOS.keys()]).toEqual([
    'authorization-server-metadata-endpoint',
    'authorization-code-grant',
  ])
  expect(VERSIONS).toEqual(['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'])
})

describe.each(VERSIONS)('MCP %s', (version) => {
  const expected = [...SCENARIOS].filter(([, versions]) => versions.includes(version)).map(([name]) => name)

  it.each([
    ['without a resource', []],
    ['with a resource', ['--resource', RESOURCE]],
  ])('every scenario passes %s', async (_, more) => {
    const { code, asked, output } = await runSuite(['--spec-version', version, ...more])
    expect({ code, passed: passed(output), output }).toEqual({ code: 0, passed: expected, output })
    expect(output).not.toMatch(/FAILURE|WARNING|SKIPPED|[✗⚠]/)
    expect(asked.searchParams.get('resource')).toBe(more[1] ?? null)
  })
})
