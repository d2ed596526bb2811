import { expect, it } from 'vitest'
import { CLIENT_PROFILES } from '../../../src/doctor/clients/index.ts'
import type { Answered } from '../../../src/doctor/crawl/exchange.ts'
import type { Crawl } from '../../../src/doctor/crawl/http-cache.ts'
import { judge } from '../../../src/doctor/steps/judge.ts'

/** A public deployment as a crawl collected it, without the network. */
function collected(server_metadata: Record<string, unknown>): Crawl {
  const url = 'https://mcp.example/mcp'
  const issuer = 'https://as.example'
  const resource_metadata_url = 'https://mcp.example/.well-known/oauth-protected-resource/mcp'
  const responses: [string, Answered][] = [
    answered('initialize', url, 401, {
      'www-authenticate': `Bearer resource_metadata="${resource_metadata_url}"`,
    }),
    answered('GET', resource_metadata_url, 200, {}, { resource: url, authorization_servers: [issuer] }),
    answered(
      'GET',
      `${issuer}/.well-known/oauth-authorization-server`,
      200,
      {},
      {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        registration_endpoint: `${issuer}/register`,
        code_challenge_methods_supported: ['S256'],
        ...server_metadata,
      },
    ),
  ]
  return { url, responses: new Map(responses) }
}

function answered(
  kind: string,
  url: string,
  status: number,
  headers: Record<string, string>,
  json?: unknown,
): [string, Answered] {
  const text = JSON.stringify(json) ?? ''
  const response = { method: 'GET', url, status, headers: new Headers(headers), text, json }
  return [`${kind} ${url}`, { outcome: 'answered', ...response }]
}

const INTERNAL = [
  ['registration_endpoint', 5],
  ['authorization_endpoint', 6],
  ['token_endpoint', 7],
] as const

it.each(INTERNAL)('a %s of an internal network stops every client that uses it', (name, step) => {
  const crawl = collected({ [name]: 'http://10.1.2.3/endpoint' })
  for (const profile of CLIENT_PROFILES) {
    const { failed } = judge(profile, crawl)
    expect([profile.name, failed?.number, failed?.findings.map(({ finding }) => finding.id)]).toEqual([
      profile.name,
      step,
      ['internal_address'],
    ])
  }
})

it('a public deployment without a mistake works for every client', () => {
  const crawl = collected({})
  expect(CLIENT_PROFILES.filter((profile) => judge(profile, crawl).failed)).toEqual([])
})
