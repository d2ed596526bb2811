import fc from 'fast-check'
import { expect, it } from 'vitest'
import { probeRegistration } from '../../src/doctor/active/registration-probe.ts'
import { CLIENT_PROFILES } from '../../src/doctor/clients/index.ts'
import { asUnknownClient } from '../../src/doctor/crawl/crawl.ts'
import type { Answered } from '../../src/doctor/crawl/exchange.ts'
import { diagnose, findingsOf } from '../../src/doctor/doctor.ts'
import { reportJson, reportLines } from '../../src/doctor/report/doctor-report.ts'
import { review } from '../../src/doctor/review.ts'
import { judge } from '../../src/doctor/steps/judge.ts'
import { ASM, json, PRM_PATH, startDeployment } from './fixtures/deployment.ts'

const URL_TYPED = 'https://mcp.example/mcp'
const URLS = fc.oneof(
  fc.constantFrom(
    URL_TYPED,
    'https://mcp.example',
    'https://as.example',
    'http://localhost:1',
    'javascript:1',
    '',
  ),
  fc.webUrl(),
  fc.string(),
)
const VALUE = fc.oneof({ maxDepth: 2 }, URLS, fc.jsonValue(), fc.array(URLS))
const MEMBERS = [
  'resource',
  'authorization_servers',
  'scopes_supported',
  'bearer_methods_supported',
  'issuer',
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'code_challenge_methods_supported',
  'response_types_supported',
  'grant_types_supported',
  'token_endpoint_auth_methods_supported',
  'client_id_metadata_document_supported',
]
const DOCUMENT = fc.dictionary(fc.constantFrom(...MEMBERS), VALUE)
const HEADER_TEXT = fc.string({ unit: fc.constantFrom(...'Bearer resource_metadata="https://x\\,;= \t') })
const HEADERS = fc.record(
  {
    'www-authenticate': HEADER_TEXT,
    location: URLS.map((url) => encodeURI(url.toWellFormed())),
    'content-type': fc.constantFrom('text/html', 'application/json'),
  },
  { requiredKeys: [] },
)

const answer = (url: string) =>
  fc
    .record({
      status: fc.constantFrom(200, 204, 301, 302, 400, 401, 403, 404, 500, 502),
      headers: HEADERS,
      body: fc.oneof(DOCUMENT, VALUE),
      text: fc.string(),
    })
    .map(
      ({ status, headers, body, text }): Answered => ({
        outcome: 'answered',
        method: 'GET',
        url,
        status,
        headers: new Headers(headers),
        text,
        json: body,
      }),
    )

it('whatever was answered, every client is judged, and the report is fit for a terminal', () => {
  const places = [
    `initialize ${URL_TYPED}`,
    `unknown token ${URL_TYPED}`,
    ...['', '/mcp'].map((path) => `GET https://mcp.example/.well-known/oauth-protected-resource${path}`),
    ...['mcp', 'as'].flatMap((host) =>
      ['oauth-authorization-server', 'openid-configuration'].map(
        (name) => `GET https://${host}.example/.well-known/${name}`,
      ),
    ),
    `GET ${asUnknownClient('https://as.example/authorize')}`,
    'preflight https://as.example/token',
  ]
  const arbitrary = fc.tuple(...places.map((place) => answer(place.replace(/^\S+ /, ''))))
  fc.assert(
    fc.property(arbitrary, (responses) => {
      const crawl = {
        url: URL_TYPED,
        responses: new Map(places.map((place, index) => [place, responses[index] as Answered])),
      }
      const verdicts = CLIENT_PROFILES.map((profile) => judge(profile, crawl))
      const findings = findingsOf(verdicts)
      const diagnosis = { url: URL_TYPED, verdicts, findings, left_behind: [] }
      for (const line of reportLines(diagnosis)) expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      JSON.stringify(reportJson(diagnosis))
    }),
    { numRuns: 500 },
  )
})

it('a server that answers anything anywhere is diagnosed', async () => {
  const bodies = fc.oneof(
    DOCUMENT.map((body) => JSON.stringify(body)),
    fc.string(),
  )
  await fc.assert(
    fc.asyncProperty(bodies, bodies, HEADER_TEXT, async (resource, server, challenge) => {
      const deployment = await startDeployment((parts) => {
        parts.challenge = challenge.replace(/\t/g, ' ')
        parts.mcp.set(PRM_PATH, () => json(null, { body: resource }))
        parts.as.set(ASM, () => json(null, { body: server }))
      })
      try {
        const { verdicts } = await diagnose(deployment.url)
        expect(verdicts).toHaveLength(CLIENT_PROFILES.length)
      } finally {
        await deployment.close()
      }
    }),
    { numRuns: 10 },
  )
})

const LARGEST = 1024 * 1024
it.each(['<', '<title', '<style', '\n'])('the largest page, of nothing but %j, is judged', async (part) => {
  const deployment = await startDeployment((parts) => {
    const page = {
      status: 404,
      headers: { 'content-type': 'text/html' },
      body: part.repeat(LARGEST / part.length),
    }
    parts.mcp.set('*', () => page)
    parts.as.set('*', () => page)
    parts.as.set('/authorize', () => page)
    const registered = { client_id: 'c1', redirect_uris: ['http://localhost:8787/callback'] }
    parts.as.set('/register', () => json(registered, { status: 201 }))
  })
  const clients = CLIENT_PROFILES.filter(({ name }) => name === 'python-sdk')
  const { findings } = await diagnose(deployment.url, { clients, active: true })
  await deployment.close()
  expect(findings.map(({ id }) => id)).not.toEqual([])
})

it('an issuer of a million slashes is judged', async () => {
  const issuer = `${'/'.repeat(LARGEST - 1000)}x`
  const deployment = await startDeployment(({ server_metadata }) =>
    Object.assign(server_metadata, { issuer }),
  )
  const { findings } = await diagnose(deployment.url)
  await deployment.close()
  expect(findings.map(({ id }) => id)).toContain('issuer_mismatch')
})

it('metadata that is nested too deeply to be shown is no metadata', async () => {
  const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const deployment = await startDeployment(({ mcp, as }) => {
    mcp.set(PRM_PATH, () => json(null, { body: `{"resource":${nested},"authorization_servers":[]}` }))
    as.set(ASM, () => json(null, { body: `{"issuer":${nested}}` }))
  })
  const { findings } = await diagnose(deployment.url)
  const reviewed = await review({ url: deployment.url })
  await deployment.close()
  expect(findings.map(({ id }) => id)).toContain('not_json')
  expect(reviewed).toHaveProperty('passed')
})

it('a registration is not tried where discovery led nowhere', async () => {
  const [profile] = CLIENT_PROFILES
  if (!profile) throw new Error('no profile')
  expect(
    await probeRegistration({ profile, crawl: { url: URL_TYPED, responses: new Map() } }),
  ).toBeUndefined()
})
