import { randomBytes } from 'node:crypto'
import knex from 'knex'
import type { AdapterPayload, Client, Provider } from 'oidc-provider'
import { challengeOf, REDIRECT_URI } from '../seeds/client.ts'
import { ACCOUNT_ID, CLIENT_ID, RESOURCE, SCOPE, type Seed } from '../seeds/workload.ts'
import { adapterFactory, createTables } from './adapter.ts'
import { createProvider } from './provider.ts'

/** Fills the straightforward design with the provider's own models, each code or token of a grant of its own. */
const SECRET = 'a-secret-of-the-resource-server-of-the-benchmark'
const AT_ONCE = 16

type Issue = (provider: Provider, client: Client) => Promise<string>

/** Two clients and `count` access tokens. */
export async function seedStraightforward(url: string, issuer: string, count: number): Promise<Seed> {
  const tokens = await seedWith(url, issuer, count, issueAccessToken)
  return { client_id: 'rs', client_secret: SECRET, tokens }
}

/** The same with refresh tokens. */
export async function seedStraightforwardFamilies(url: string, issuer: string, count: number) {
  return { client_id: CLIENT_ID, families: await seedWith(url, issuer, count, issueRefreshToken) }
}

/** The same with authorization codes that nobody has redeemed. */
export async function seedStraightforwardCodes(url: string, issuer: string, count: number) {
  const code_verifier = randomBytes(32).toString('base64url')
  const issue: Issue = (provider, client) => issueCode(provider, client, challengeOf(code_verifier))
  return { client_id: CLIENT_ID, code_verifier, codes: await seedWith(url, issuer, count, issue) }
}

async function seedWith(url: string, issuer: string, count: number, issue: Issue): Promise<string[]> {
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: AT_ONCE } })
  try {
    await createTables(db)
    const clients = adapterFactory(db)('Client')
    const resource_server: AdapterPayload = { client_id: 'rs', client_secret: SECRET, resource: RESOURCE }
    await clients?.upsert(
      'rs',
      { ...resource_server, grant_types: [], redirect_uris: [], response_types: [] },
      0,
    )
    const application: AdapterPayload = {
      client_id: CLIENT_ID,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    }
    await clients?.upsert(CLIENT_ID, { ...application, redirect_uris: [REDIRECT_URI] }, 0)

    const provider = createProvider(issuer, db)
    const client = await provider.Client.find(CLIENT_ID)
    if (!client) throw new Error('the client was not stored')
    const issued: string[] = []
    while (issued.length < count) {
      const wanted = Math.min(AT_ONCE, count - issued.length)
      issued.push(...(await Promise.all(Array.from({ length: wanted }, () => issue(provider, client)))))
    }
    return issued
  } finally {
    await db.destroy()
  }
}

async function grantOf(provider: Provider, client: Client): Promise<string> {
  const grant = new provider.Grant({ accountId: ACCOUNT_ID, clientId: client.clientId })
  grant.addResourceScope(RESOURCE, SCOPE)
  return grant.save()
}

async function issueAccessToken(provider: Provider, client: Client): Promise<string> {
  const token = new provider.AccessToken({
    accountId: ACCOUNT_ID,
    client,
    grantId: await grantOf(provider, client),
    gty: 'authorization_code',
    scope: SCOPE,
  } as ConstructorParameters<typeof provider.AccessToken>[0])
  token.aud = RESOURCE
  return token.save()
}

async function issueRefreshToken(provider: Provider, client: Client): Promise<string> {
  const token = new provider.RefreshToken({
    accountId: ACCOUNT_ID,
    client,
    grantId: await grantOf(provider, client),
    gty: 'authorization_code',
    resource: RESOURCE,
    rotations: 0,
    scope: SCOPE,
  } as unknown as ConstructorParameters<typeof provider.RefreshToken>[0])
  return token.save()
}

async function issueCode(provider: Provider, client: Client, code_challenge: string): Promise<string> {
  const code = new provider.AuthorizationCode({
    accountId: ACCOUNT_ID,
    client,
    grantId: await grantOf(provider, client),
    gty: 'authorization_code',
    redirectUri: REDIRECT_URI,
    codeChallenge: code_challenge,
    codeChallengeMethod: 'S256',
    resource: RESOURCE,
    scope: SCOPE,
  } as unknown as ConstructorParameters<typeof provider.AuthorizationCode>[0])
  return code.save()
}
