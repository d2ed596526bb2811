import { SERVER } from '../../audit-chain/actor.ts'
import { type Config, loadConfig } from '../../config/config.ts'
import { createLogger } from '../../main/logger.ts'
import { startServer } from '../../main/server.ts'
import { type ExampleServer, startExampleServer } from './example-server.ts'
import { applyConfiguredCatalogue, createFirstAccount, type FirstSignIn } from './first-start.ts'

/** `toolgate serve`: start, say where everything is, and stop cleanly on SIGINT and SIGTERM. */
function announce(config: Config, example: ExampleServer | undefined, first: FirstSignIn | undefined): void {
  const lines = ['', `  Toolgate       ${config.issuer}`]
  lines.push(`  Operators      ${config.issuer.replace(/\/$/, '')}/operator`)
  if (example) lines.push(`  MCP server     ${example.resource}   <- paste this into an MCP client`)
  if (first) {
    lines.push(`  Sign in as     ${first.username}  with password  ${first.password}`)
    lines.push(`  Operator token ${first.operator_token}`, '                 (both are shown this once)')
  } else if (config.environment === 'development') {
    lines.push(
      '  Sign in as     an existing account; forgot it? npm run toolgate -- accounts set-password admin',
    )
  }
  console.log([...lines, ''].join('\n'))
}

export async function serve(): Promise<void> {
  const config = loadConfig()
  const log = createLogger(config.log_level)
  let first: FirstSignIn | undefined
  const server = await startServer(config, log, {
    async prepare({ database }, { audit }) {
      const dependencies = { db: database.knex, audit }
      const changes = await applyConfiguredCatalogue(config, dependencies)
      for (const change of changes) log.info(`catalogue: ${change}`)
      first = await createFirstAccount(config, dependencies)
    },
  })
  const { audit } = server.app
  const db = server.installation.database.knex
  const example = await startExampleServer(config, { db, audit, log })
  await audit.append({ type: 'server.started', actor: SERVER, detail: { issuer: config.issuer } })

  const stop = async (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping')
    example?.stop()
    await audit.append({ type: 'server.stopped', actor: SERVER, detail: { signal } }).catch(() => undefined)
    await server.close()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  // Last, because whoever reads it may send a signal at once.
  announce(config, example, first)
}
