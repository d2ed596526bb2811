import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { type Config, ConfigError, ENVIRONMENT_VARIABLES, loadConfig } from '../../src/config/config.ts'

const directory = mkdtempSync(join(tmpdir(), 'toolgate-config-'))
afterAll(() => rmSync(directory, { recursive: true }))

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

function file(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

const PRODUCTION = {
  TOOLGATE_ENV: 'production',
  TOOLGATE_ISSUER: 'https://auth.example.com',
  TOOLGATE_TRUSTED_PROXY_HOPS: '1',
  TOOLGATE_DATABASE_URL: 'postgres://u:p@db/toolgate',
  TOOLGATE_KEYS: '{}',
  TOOLGATE_AUDIT_KEY: '{}',
}

describe('with nothing set', () => {
  it('it is development on localhost, with the example server', () => {
    expect(loadConfig({})).toMatchObject({
      environment: 'development',
      issuer: 'http://localhost:4000',
      http: { host: '127.0.0.1', port: 4000, trusted_proxy_hops: 0 },
      database: { url: undefined },
      example_server: { enabled: true, port: 4001 },
      tokens: { access_token_ttl_seconds: 900, refresh_grace_seconds: 30 },
    })
  })

  it('the issuer follows the port', () => {
    expect(loadConfig({ TOOLGATE_PORT: '4100' }).issuer).toBe('http://localhost:4100')
  })

  it('the configuration cannot be changed afterwards', () => {
    const config = loadConfig({ TOOLGATE_CLIENT_DOCUMENT_HOSTS: 'app.example' })
    for (const part of [config, config.http, config.audit, config.client_documents.hosts])
      expect(() =>
        Object.assign(part, { 0: 'evil.example', port: 1, issuer: 'https://evil.example' }),
      ).toThrow(TypeError)
  })
})

describe('faults', () => {
  it('are all told at once, unknown variables included', () => {
    const faults = faultsOf({
      TOOLGATE_PORT: 'many',
      TOOLGATE_ISSUER: 'https://auth.example.com/',
      TOOLGATE_DATABASE_URL: 'mysql://x',
      TOOLGATE_PROT: '1',
      TOOLGATE_LOG_LEVEL: 'loud',
    })
    for (const name of ['PORT', 'ISSUER', 'DATABASE_URL', 'PROT', 'LOG_LEVEL'])
      expect(faults.filter((fault) => fault.startsWith(`TOOLGATE_${name} `))).toHaveLength(1)
    expect(faults).toHaveLength(5)
  })

  it.each([
    ['not a url', 'is not a URL'],
    ['ftp://auth.example.com', 'must be an https URL'],
    ['https://auth.example.com/', 'did you mean https://auth.example.com?'],
    ['https://auth.example.com/path/', 'did you mean https://auth.example.com/path?'],
    ['https://auth.example.com/a/../path', 'did you mean https://auth.example.com/path?'],
    ['https://auth.example.com/path#x', 'did you mean https://auth.example.com/path?'],
    ['https://AUTH.example.com', 'did you mean https://auth.example.com?'],
    ['https://auth.example.com:443', 'did you mean https://auth.example.com?'],
    ['https://auth.example.com?x=1', 'did you mean https://auth.example.com?'],
    ['https://a:b@auth.example.com', 'did you mean https://auth.example.com?'],
  ])('the issuer %s is refused with what to write', (issuer, hint) => {
    expect(faultsOf({ TOOLGATE_ISSUER: issuer })).toEqual([expect.stringContaining(hint)])
  })

  it('an issuer with a path is none', () => {
    const issuer = 'https://auth.example.com/tenants/one'
    expect(loadConfig({ TOOLGATE_ISSUER: issuer, TOOLGATE_TRUSTED_PROXY_HOPS: '1' }).issuer).toBe(issuer)
  })

  it.each([
    [{ TOOLGATE_REGISTRATION: 'token' }, 'TOOLGATE_REGISTRATION=token needs TOOLGATE_REGISTRATION_TOKEN'],
    [
      { TOOLGATE_REGISTRATION_TOKEN: 'short' },
      'TOOLGATE_REGISTRATION_TOKEN must have at least 32 characters',
    ],
    [
      { TOOLGATE_CLIENT_DOCUMENTS: 'allow-list' },
      expect.stringContaining('needs TOOLGATE_CLIENT_DOCUMENT_HOSTS'),
    ],
    [
      { TOOLGATE_ISSUER: 'https://auth.example.com' },
      expect.stringContaining('TOOLGATE_TRUSTED_PROXY_HOPS must be at least 1 with an https issuer'),
    ],
    [{ TOOLGATE_CLIENT_DOCUMENT_HOSTS: 'https://app.example/' }, expect.stringContaining('a list of hosts')],
  ])('%j is one', (env, fault) => {
    expect(faultsOf(env)).toEqual([fault])
  })

  it.each(['TOOLGATE_constructor', 'TOOLGATE_toString', 'TOOLGATE___proto__', 'TOOLGATE_'])(
    '%s is unknown, although every object has something of that name',
    (name) => {
      expect(faultsOf(Object.fromEntries([[name, 'x']]))).toEqual([
        `${name} is not a Toolgate variable; see docs/configuration.md`,
      ])
    },
  )

  it('no value of any variable breaks the reading: it is a Config or a ConfigError', () => {
    const values = fc.dictionary(fc.constantFrom(...ENVIRONMENT_VARIABLES), fc.string())
    fc.assert(
      fc.property(values, (env) => {
        for (const fault of faultsOf(env)) expect(fault).toMatch(/^TOOLGATE_\w+ /)
      }),
    )
  })

  it('never repeat a secret', () => {
    const faults = faultsOf({ TOOLGATE_DATABASE_URL: 'mysql://kim:hunter2@db/x', TOOLGATE_KEYS: '' })
    expect(faults.join('\n')).not.toContain('hunter2')
  })
})

describe('a variable from a file', () => {
  it('is read without the line end', () => {
    const path = file('issuer', 'http://auth.example.com\n')
    expect(loadConfig({ TOOLGATE_ISSUER_FILE: path }).issuer).toBe('http://auth.example.com')
  })

  it('cannot be set in both ways', () => {
    const path = file('port', '1')
    expect(faultsOf({ TOOLGATE_PORT: '1', TOOLGATE_PORT_FILE: path })).toEqual([
      'TOOLGATE_PORT_FILE and TOOLGATE_PORT are both set; keep one',
    ])
  })

  it('that is not there is a fault that names the variable and not the path', () => {
    expect(faultsOf({ TOOLGATE_KEYS_FILE: join(directory, 'absent') })).toEqual([
      'TOOLGATE_KEYS_FILE names a file that cannot be read',
    ])
  })

  it.each(ENVIRONMENT_VARIABLES)('%s may be given so', (name) => {
    const faults = faultsOf({ [`${name}_FILE`]: join(directory, 'absent') })
    expect(faults).toContain(`${name}_FILE names a file that cannot be read`)
  })
})

describe('production', () => {
  it('takes a complete configuration, and then has no example server and no shipped catalogue', () => {
    const config: Config = loadConfig(PRODUCTION)
    expect(config).toMatchObject({
      environment: 'production',
      http: { host: '0.0.0.0' },
      catalogue_file: undefined,
      example_server: { enabled: false },
    })
  })

  it.each([
    ['ISSUER', undefined, 'must be set'],
    ['ISSUER', 'http://auth.example.com', 'must be https'],
    ['DATABASE_URL', undefined, 'must be set'],
    ['KEYS', undefined, 'must be set'],
    ['AUDIT_KEY', undefined, 'must be set'],
    ['EXAMPLE_SERVER', 'on', 'must be off'],
  ])('refuses %s = %s: it %s in production', (name, value, why) => {
    const env: Record<string, string> = { ...PRODUCTION }
    delete env[`TOOLGATE_${name}`]
    if (value !== undefined) env[`TOOLGATE_${name}`] = value
    const faults = faultsOf(env)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(new RegExp(`^TOOLGATE_${name}\\b.* ${why} `))
  })

  it('names every development default at once', () => {
    expect(faultsOf({ TOOLGATE_ENV: 'production', TOOLGATE_EXAMPLE_SERVER: 'on' })).toHaveLength(5)
  })
})
