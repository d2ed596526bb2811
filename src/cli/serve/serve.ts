import { SERVER } from '../../audit-chain/actor.ts'
import { type Config, loadConfig } from '../../config/config.ts'
import { createLogger } from '../../main/logger.ts'
import { startServer } from '../../main/server.ts'
import { type ExampleServer, startExampleServer } from './example-server.ts'
import { applyConfiguredCatalogue, createFirstAccount, type FirstSignIn } from './first-start.ts'

/** `toolgate serve`: start, say where everything is, and stop cleanly on SIGINT and SIGTERM. */
function announce(
  config: Config,
  example: ExampleServer | undefined,
  first: FirstSignIn | undefined,
  held_back: string | undefined,
): void {
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
  if (held_back !== undefined)
    lines.push(
      '',
      ...held_back.split('\n').map((line) => `  ${line}`),
      '  Apply it with: toolgate catalogue apply',
    )
  console.log([...lines, ''].join('\n'))
}

export async function serve(): Promise<void> {
  const config = loadConfig()
  const log = createLogger(config.log_level)
  let first: FirstSignIn | undefined
  let held_back: string | undefined
  const server = await startServer(config, log, {
    async prepare({ database }, { audit }) {
      const dependencies = { db: database.knex, audit }
      const { changes, held_back: why } = await applyConfiguredCatalogue(config, dependencies)
      held_back = why
      if (why !== undefined) log.warn(why)
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
  announce(config, example, first, held_back)
}
