import knex from 'knex'
import type { AdapterPayload, Client } from 'oidc-provider'
import { ACCOUNT_ID, CLIENT_ID, RESOURCE, SCOPE, type Seed } from '../workload.ts'
import { adapterFactory, createTables } from './adapter.ts'
import { createProvider } from './provider.ts'

const SECRET = 'a-secret-of-the-resource-server-of-the-benchmark'
const AT_ONCE = 16

/** Creates the tables, two clients and `count` access tokens, each of a grant of its own, with the provider's models. */
export async function seedStraightforward(url: string, issuer: string, count: number): Promise<Seed> {
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
    const application: AdapterPayload = { client_id: CLIENT_ID, token_endpoint_auth_method: 'none' }
    await clients?.upsert(CLIENT_ID, { ...application, redirect_uris: ['http://127.0.0.1:1/callback'] }, 0)

    const provider = createProvider(issuer, db)
    const client = await provider.Client.find(CLIENT_ID)
    if (!client) throw new Error('the client was not stored')
    const tokens: string[] = []
    while (tokens.length < count) {
      const wanted = Math.min(AT_ONCE, count - tokens.length)
      tokens.push(...(await Promise.all(Array.from({ length: wanted }, () => issue(provider, client)))))
    }
    return { client_id: 'rs', client_secret: SECRET, tokens }
  } finally {
    await db.destroy()
  }
}

async function issue(provider: ReturnType<typeof createProvider>, client: Client): Promise<string> {
  const grant = new provider.Grant({ accountId: ACCOUNT_ID, clientId: client.clientId })
  grant.addResourceScope(RESOURCE, SCOPE)
  const token = new provider.AccessToken({
    accountId: ACCOUNT_ID,
    client,
    grantId: await grant.save(),
    gty: 'authorization_code',
    scope: SCOPE,
  } as ConstructorParameters<typeof provider.AccessToken>[0])
  token.aud = RESOURCE
  return token.save()
}
