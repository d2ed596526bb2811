import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { ROOT } from '../support/readme.ts'
import { CONFIGURATION_DOCUMENT, configurationDocument } from './configuration-document.ts'

const code = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text)

describe('docs/configuration.md', () => {
  it('is what `npm run docs:configuration` makes of the schema', () => {
    expect(readFileSync(`${ROOT}${CONFIGURATION_DOCUMENT}`, 'utf8')).toBe(configurationDocument())
  })

  it('states the defaults that an empty environment gives', () => {
    const rows = configurationDocument()
      .split('\n')
      .filter((line) => line.startsWith('| `'))
    const defaults = rows.map((line) => {
      const [, name, value] = line.split('|')
      return [code(name)[0] ?? '', code(value)[0]] as const
    })
    const config = loadConfig({})
    const { http, database, tokens, environment, log_level, catalogue_file, example_server } = config
    const { registration, client_documents, audit } = config
    expect({
      TOOLGATE_ENV: environment,
      TOOLGATE_HOST: http.host,
      TOOLGATE_PORT: String(http.port),
      TOOLGATE_TRUSTED_PROXY_HOPS: String(http.trusted_proxy_hops),
      TOOLGATE_DATABASE_SERVER_ROLE: database.server_role,
      TOOLGATE_DATABASE_POOL_MAX: String(database.pool_max),
      TOOLGATE_DATA_DIR: database.data_dir.slice(process.cwd().length + 1),
      TOOLGATE_CATALOGUE: catalogue_file,
      TOOLGATE_LOG_LEVEL: log_level,
      TOOLGATE_ACCESS_TOKEN_TTL: String(tokens.access_token_ttl_seconds),
      TOOLGATE_REFRESH_TOKEN_TTL: String(tokens.refresh_token_ttl_seconds),
      TOOLGATE_GRANT_TTL: String(tokens.grant_ttl_seconds),
      TOOLGATE_REFRESH_GRACE: String(tokens.refresh_grace_seconds),
      TOOLGATE_REGISTRATION: registration.mode,
      TOOLGATE_REGISTRATION_TOKEN: registration.token,
      TOOLGATE_REGISTRATION_NEW_CLIENTS_PER_HOUR: String(registration.new_clients_per_hour),
      TOOLGATE_CLIENT_DOCUMENTS: client_documents.mode,
      TOOLGATE_CLIENT_DOCUMENT_HOSTS: client_documents.hosts[0],
      TOOLGATE_CLIENT_DOCUMENTS_DRY_RUN: client_documents.dry_run ? 'on' : 'off',
      TOOLGATE_AUDIT_RETENTION_MONTHS: audit.retention_months,
      TOOLGATE_AUDIT_ARCHIVE_DIR: audit.archive_dir,
      TOOLGATE_AUDIT_CHECKPOINT_INTERVAL: String(audit.checkpoint_interval_seconds),
      TOOLGATE_AUDIT_CHECKPOINT_SINKS: audit.checkpoint_sinks[0],
      TOOLGATE_EXAMPLE_SERVER: example_server.enabled ? 'on' : 'off',
      TOOLGATE_EXAMPLE_PORT: String(example_server.port),
    }).toEqual(
      Object.fromEntries(defaults.filter(([name]) => !/_(ISSUER|DATABASE_URL|KEYS|AUDIT_KEY)$/.test(name))),
    )
  })

  it('says of every variable what it means', () => {
    const silent = configurationDocument()
      .split('\n')
      .filter((line) => /^\| `.*\|\s*\|$/.test(line))
    expect(silent).toEqual([])
  })
})
