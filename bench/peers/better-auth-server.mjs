import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import pg from 'pg'

/**
 * `node better-auth-server.mjs <port> <database url> <tokens>`: Better Auth's OAuth provider with its own tables in
 * Postgres and that many opaque client_credentials tokens, which their own client introspects: the least work it
 * can be given. Rate limits and telemetry are off. It keeps no record of introspections.
 *
 * Says `seed {…}` on its standard output before it listens.
 */
const [port = '0', url = '', count = '0'] = process.argv.slice(2)
const CLIENT_ID = 'rs'
const CLIENT_SECRET = 'a-secret-of-the-resource-server-of-the-benchmark'
const HOUR_MS = 60 * 60 * 1000
const PER_INSERT = 200

const options = {
  baseURL: `http://localhost:${port}`,
  secret: 'a-secret-of-better-auth-for-the-benchmark-only',
  database: new pg.Pool({ connectionString: url, max: 10 }),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: 'error' },
  plugins: [jwt(), oauthProvider({ loginPage: '/sign-in', consentPage: '/consent', silenceWarnings: {} })],
}
const auth = betterAuth(options)

function stored(value) {
  return createHash('sha256').update(value).digest('base64url')
}

async function seed() {
  const { runMigrations } = await getMigrations(options)
  await runMigrations()
  const { adapter } = await auth.$context
  const now = new Date()
  const client = {
    clientId: CLIENT_ID,
    clientSecret: stored(CLIENT_SECRET),
    redirectUris: [],
    grantTypes: ['client_credentials'],
    tokenEndpointAuthMethod: 'client_secret_basic',
    scopes: ['notes:read', 'notes:write'],
    createdAt: now,
    updatedAt: now,
  }
  await adapter.create({ model: 'oauthClient', data: client })
  const tokens = Array.from({ length: Number(count) }, () => randomBytes(32).toString('base64url'))
  for (let first = 0; first < tokens.length; first += PER_INSERT) {
    const rows = tokens.slice(first, first + PER_INSERT).map((token) => ({
      token: stored(token),
      clientId: CLIENT_ID,
      scopes: ['notes:read', 'notes:write'],
      createdAt: now,
      expiresAt: new Date(now.getTime() + 24 * HOUR_MS),
    }))
    await Promise.all(rows.map((data) => adapter.create({ model: 'oauthAccessToken', data })))
  }
  return { client_id: CLIENT_ID, client_secret: CLIENT_SECRET, tokens }
}

console.log(`seed ${JSON.stringify(await seed())}`)
const handle = toNodeHandler(auth)
const server = createServer((request, response) => {
  if (request.url === '/readyz') response.end('ready')
  else void handle(request, response)
})
server.listen(Number(port), '127.0.0.1')
process.once('SIGTERM', () => {
  server.close(() => void options.database.end())
  server.closeAllConnections()
})
