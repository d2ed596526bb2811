import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { createAccount } from '../../src/accounts/accounts.ts'
import { createOperatorToken } from '../../src/accounts/operator-tokens.ts'
import { applyConfiguredCatalogue } from '../../src/cli/serve/first-start.ts'
import { addResourceServer } from '../../src/clients/resource-servers/resource-servers.ts'
import { loadConfig } from '../../src/config/config.ts'
import { startServer } from '../../src/main/server.ts'
import { startNotesServer } from '../notes-server/server.ts'

/** Everything the story needs, of its own and gone afterwards: a database, Toolgate, the notes MCP server, a person. */
const CATALOGUE = fileURLToPath(new URL('../../catalogue.yaml', import.meta.url))

const DEMO = { actor: { kind: 'cli', id: 'demo' } } as const

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

export type Stage = Awaited<ReturnType<typeof setStage>>

export async function setStage() {
  const data_dir = mkdtempSync(join(tmpdir(), 'toolgate-demo-'))
  const [port, notes_port] = [await freePort(), await freePort()]
  const resource = `http://localhost:${notes_port}/mcp`
  const catalogue_file = join(data_dir, 'catalogue.yaml')
  writeFileSync(
    catalogue_file,
    readFileSync(CATALOGUE, 'utf8').replaceAll('http://localhost:4001/mcp', resource),
  )
  const config = loadConfig({
    TOOLGATE_PORT: String(port),
    TOOLGATE_DATA_DIR: data_dir,
    TOOLGATE_CATALOGUE: catalogue_file,
    ...(process.env.TOOLGATE_DATABASE_URL
      ? { TOOLGATE_DATABASE_URL: process.env.TOOLGATE_DATABASE_URL }
      : {}),
  })
  const server = await startServer(config, pino({ level: 'silent' }))
  const { audit } = server.app
  const db = server.installation.database.knex
  await applyConfiguredCatalogue(config, { db, audit })
  const username = `grace-${port}`
  const password = 'a long enough password'
  const account = await createAccount({ db, audit }, { username, password, roles: ['editor'] }, DEMO)
  const operator = await createOperatorToken({ db, audit }, { name: 'demo', days: 1 }, DEMO)
  const credentials = await addResourceServer({ db, audit }, { resource, id: `demo-notes-${port}` }, DEMO)
  const notes = await startNotesServer({
    port: notes_port,
    host: '127.0.0.1',
    issuer: config.issuer,
    ...credentials,
  })
  return {
    issuer: config.issuer,
    resource,
    db,
    person: { ...account, password },
    operator_token: operator.token,
    async close() {
      await notes.close()
      await server.close()
      rmSync(data_dir, { recursive: true, force: true })
    },
  }
}
