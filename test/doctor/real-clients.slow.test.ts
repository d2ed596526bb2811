import { afterEach, describe, expect, it } from 'vitest'
import { CLIENT_PROFILES } from '../../src/doctor/clients/index.ts'
import { diagnose } from '../../src/doctor/doctor.ts'
import { NEEDS_PERSON, type RealClient } from '../support/client-memory.ts'
import { REDIRECT_URI } from '../support/toolgate.ts'
import { v1Client } from '../support/v1-client.ts'
import { v2Client } from '../support/v2-client.ts'
import { type Deployment, json, type Parts, startDeployment } from './fixtures/deployment.ts'
import { FIXTURES, WARNINGS } from './fixtures/mistakes.ts'

/** What the doctor says of the official SDKs is what they do: both meet the same mistakes. */
const SDKS: Record<string, (url: string) => RealClient> = {
  'typescript-sdk': (url) => v2Client(url, 'legacy'),
  'typescript-sdk-1': v1Client,
}
const REGISTRATION_STEP = 5
// It goes as far as a sign-in page here, whatever comes later.
const CASES = Object.entries({ ...FIXTURES, ...WARNINGS }).filter(([, { id }]) => id !== 'no_sign_in')

let deployment: Deployment | undefined
afterEach(() => deployment?.close())

function registering(plant: (parts: Parts) => void) {
  return (parts: Parts) => {
    const registered = { client_id: 'c1', redirect_uris: [REDIRECT_URI] }
    parts.as.set('/register', ({ method }) =>
      method === 'POST' ? json(registered, { status: 201 }) : json({}),
    )
    plant(parts)
  }
}

describe.each(Object.entries(SDKS))('%s', (name, make) => {
  const clients = CLIENT_PROFILES.filter((profile) => profile.name === name)

  it.each(CASES)('%s', async (_, { plant }) => {
    deployment = await startDeployment(registering(plant))
    const { verdicts } = await diagnose(deployment.url, { clients })
    const failed_step = verdicts[0]?.failed?.number ?? Number.POSITIVE_INFINITY
    const client = make(deployment.url)
    const outcome = await client.connect().catch((error: Error) => error.message)
    const asks_person = outcome === NEEDS_PERSON && client.memory.authorization_url !== undefined
    expect({ asks_person, outcome }).toMatchObject({ asks_person: failed_step > REGISTRATION_STEP })
  })
})
