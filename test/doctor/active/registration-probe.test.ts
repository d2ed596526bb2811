import type { IncomingMessage } from 'node:http'
import { afterEach, expect, it } from 'vitest'
import { CLIENT_PROFILES } from '../../../src/doctor/clients/index.ts'
import { type Diagnosis, diagnose } from '../../../src/doctor/doctor.ts'
import {
  type Answer,
  type Deployment,
  html,
  json,
  type Parts,
  startDeployment,
} from '../fixtures/deployment.ts'

/** `--active`, at servers that answer registrations in their own ways. */
const PYTHON = CLIENT_PROFILES.filter(({ name }) => name === 'python-sdk')
const REDIRECT_URIS = PYTHON[0]?.registration?.redirect_uris

let deployment: Deployment | undefined
afterEach(() => deployment?.close())

async function tried(answer: (parts: Parts) => Answer, plant?: (parts: Parts) => void): Promise<Diagnosis> {
  deployment = await startDeployment((parts) => {
    parts.as.set('/authorize', () => html('<p>Sign in</p>'))
    parts.as.set('/register', ({ method }: IncomingMessage) => (method === 'POST' ? answer(parts) : json({})))
    parts.as.set('/register/c1', ({ method, headers }) =>
      method === 'DELETE' && headers.authorization === 'Bearer rat' ? { status: 204 } : { status: 401 },
    )
    plant?.(parts)
  })
  return diagnose(deployment.url, { clients: PYTHON, active: true })
}

const registered = { client_id: 'c1', redirect_uris: REDIRECT_URIS }

it('a registration is taken back where the server lets it', async () => {
  const { left_behind, findings } = await tried(({ issuer }) =>
    json(
      { ...registered, registration_client_uri: `${issuer}/register/c1`, registration_access_token: 'rat' },
      { status: 201 },
    ),
  )
  expect(findings).toEqual([])
  expect(left_behind).toEqual([])
  expect(deployment?.requests).toContain('as: DELETE /register/c1')
})

it('a registration that cannot be taken back is told', async () => {
  const { left_behind } = await tried(() => json(registered, { status: 201 }))
  expect(left_behind).toEqual([{ client: 'python-sdk', client_id: 'c1' }])
})

it('the token of a registration is not sent to another server', async () => {
  const { left_behind } = await tried(({ origin }) =>
    json(
      { ...registered, registration_client_uri: `${origin}/steal`, registration_access_token: 'rat' },
      { status: 201 },
    ),
  )
  expect(left_behind).toHaveLength(1)
  expect(deployment?.requests.filter((request) => request.includes('steal'))).toEqual([])
})

const REFUSALS: [string, string, number, Answer][] = [
  ['is refused', 'registration_refused', 5, json({ error: 'invalid_client_metadata' }, { status: 400 })],
  [
    'has members that are null',
    'registration_with_null',
    5,
    json({ ...registered, client_uri: null }, { status: 201 }),
  ],
  ['has no client_id', 'registration_without_client_id', 5, json({}, { status: 201 })],
  [
    'loses the redirect address',
    'redirect_not_registered',
    5,
    json({ client_id: 'c1', redirect_uris: [] }, { status: 201 }),
  ],
]

for (const [name, id, step, answer] of REFUSALS)
  it(`a registration that ${name} is named`, async () => {
    const { findings, verdicts } = await tried(() => answer)
    expect(findings[0]?.id).toBe(id)
    expect(verdicts[0]?.failed?.number).toBe(step)
  })

it('a sign-in page that refuses the client is named', async () => {
  const { findings, verdicts } = await tried(
    () => json(registered, { status: 201 }),
    ({ as }) => void as.set('/authorize', () => html('<p>redirect_uri did not match</p>', 400)),
  )
  expect(findings[0]).toMatchObject({
    id: 'authorization_refused',
    evidence: { seen: 'redirect_uri did not match' },
  })
  expect(verdicts[0]?.failed?.number).toBe(6)
})
