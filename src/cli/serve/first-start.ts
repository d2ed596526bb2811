import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pageOfAccounts } from '../../accounts/account-management.ts'
import { createAccount } from '../../accounts/accounts.ts'
import { OPERATOR_SCOPES } from '../../accounts/operator-scopes.ts'
import { createOperatorToken } from '../../accounts/operator-tokens.ts'
import { OPERATOR_ROLES } from '../../api/operator-api/operator-resource.ts'
import type { AuditLog } from '../../audit/log/audit-log.ts'
import { SERVER } from '../../audit-chain/actor.ts'
import { AppError } from '../../base/errors.ts'
import { parseCatalogue } from '../../catalogue/catalogue-file.ts'
import { currentCatalogue } from '../../catalogue/catalogue-store.ts'
import type { Config } from '../../config/config.ts'
import { changeCatalogue } from '../../holders/catalogue-change.ts'
import type { Database } from '../../storage/database.ts'

/** What an installation needs before its first request: a catalogue and, in development, somebody who can sign in. */
type Dependencies = { db: Database['knex']; audit: AuditLog }

/** Beside `src` when it is run directly, one level further up from `dist/src`. */
const SHIPPED_CATALOGUES = ['../../../catalogue.yaml', '../../../../catalogue.yaml'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

/** In development the catalogue that comes with Toolgate stands in for a configured file that is not there. */
function catalogueFile(configured: string, environment: Config['environment']): string {
  const candidates = environment === 'development' ? [configured, ...SHIPPED_CATALOGUES] : [configured]
  const file = candidates.find((path) => existsSync(path))
  if (file === undefined)
    throw new AppError('invalid_input', `The catalogue file ${configured} cannot be read`)
  return file
}

/**
 * Puts the configured catalogue file in force, if it differs. What only adds is put in force, since nothing of it opens
 * to a grant before its person has seen it. What takes something from somebody waits until it is accepted by name: then the version in force stays.
 * Throws with every fault.
 */
export async function applyConfiguredCatalogue(
  config: Config,
  { db, audit }: Dependencies,
): Promise<{ changes: string[]; held_back?: string }> {
  if (config.catalogue_file === undefined) return { changes: [] }
  const file = catalogueFile(config.catalogue_file, config.environment)
  const read = parseCatalogue(readFileSync(file, 'utf8'))
  if ('faults' in read)
    throw new AppError('invalid_input', [`${file} has faults:`, ...read.faults].join('\n  - '))
  try {
    return await changeCatalogue({ db, audit }, read.catalogue, { actor: SERVER }, { accept: 'gains' })
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'conflict') throw error
    return { changes: [], held_back: `${file} is not in force. ${error.message}` }
  }
}

export type FirstSignIn = { username: string; password: string; operator_token: string }

/**
 * In development, when nobody has an account yet: one person with every role of the catalogue who is operator too, and
 * an operator token that may do everything. Shown once.
 */
export async function createFirstAccount(
  config: Config,
  { db, audit }: Dependencies,
): Promise<FirstSignIn | undefined> {
  if (config.environment !== 'development') return undefined
  if ((await pageOfAccounts({ db }, {}, { limit: 1 })).accounts.length > 0) return undefined
  const origin = { actor: SERVER, reason: 'first start' }
  const in_catalogue = (await currentCatalogue(db))?.catalogue.roles.map((role) => role.name) ?? []
  const roles = [...in_catalogue, ...OPERATOR_ROLES]
  const password = randomBytes(9).toString('base64url')
  const { username } = await createAccount({ db, audit }, { username: 'admin', password, roles }, origin)
  const { token } = await createOperatorToken(
    { db, audit },
    { name: 'first start', days: 90, scopes: OPERATOR_SCOPES },
    origin,
  )
  return { username, password, operator_token: token }
}
