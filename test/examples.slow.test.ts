import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Person } from '../examples/demo/person.ts'
import { changeAccount } from '../src/accounts/accounts.ts'
import { createDatabaseWithRoles, type DatabaseWithRoles } from './support/database-roles.ts'
import { TEST } from './support/origins.ts'
import { codeBlocks, ROOT, readDocument } from './support/readme.ts'
import { PASSWORD, RESOURCE, Toolgate } from './support/toolgate.ts'

/** Every sh block of the README, in order, in a checkout, against a Toolgate that runs meanwhile. */
const run = promisify(execFile)
const BLOCKS = codeBlocks(readDocument('README.md'), 'sh')
const WRITTEN = [
  ...['keys.json', 'last-week.csv', 'audit-key.json', 'checkpoints', 'proof.json'],
  ...['notes-secret', 'notes-key.json', 'notes-jwks.json'],
]
const UNLIKE_A_CHECKOUT = new Set(['.git', '.toolgate', 'dist', ...WRITTEN])
const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
)

let roles: DatabaseWithRoles
let toolgate: Toolgate
let checkout: string
let env: Record<string, string | undefined>

/** The block that holds this text. Each is run once, in the order of the tests. */
function block(text: string): string {
  const found = BLOCKS.filter((each) => each.includes(text))
  expect(found, text).toHaveLength(1)
  done.add(found[0] ?? '')
  return found[0] ?? ''
}
const done = new Set<string>()

const PRELUDE = 'set -euo pipefail\ntoolgate() { npm run --silent toolgate -- "$@"; }\n'

async function sh(script: string): Promise<string> {
  const here = script
    .replaceAll('http://localhost:4000', toolgate.issuer)
    .replace(/postgres:\/\/toolgate_owner:secret@\S+/, toolgate.db.url)
    .replaceAll('toolgate_server', roles.server_role)
  const { stdout } = await run('bash', ['-c', PRELUDE + here], { cwd: checkout, env })
  return stdout
}

beforeAll(async () => {
  roles = await createDatabaseWithRoles()
  toolgate = await Toolgate.start({ db: roles.db, server_url: roles.server_url })
  checkout = mkdtempSync(join(tmpdir(), 'toolgate-readme-'))
  for (const name of readdirSync(ROOT))
    if (!UNLIKE_A_CHECKOUT.has(name)) symlinkSync(join(ROOT, name), join(checkout, name))
  const { PATH, HOME } = process.env
  env = { PATH, HOME, TOOLGATE_DATABASE_URL: toolgate.db.url, TOOLGATE_DATA_DIR: join(checkout, 'data') }
})
afterAll(async () => {
  await toolgate?.close()
  rmSync(checkout, { recursive: true, force: true })
})

/** Ada consents, as the README's reader would have her do in a browser. */
async function adaConnects(): Promise<Record<string, string>> {
  const change = { password: PASSWORD, roles: ['editor'] }
  await changeAccount(toolgate.dependencies, 'ada', change, TEST)
  const { client_id } = await toolgate.register()
  const ada = new Person({ username: 'ada', password: PASSWORD })
  const { access_token } = await toolgate.tokens(ada, client_id, { scope: 'notes:read' })
  const { grants } = JSON.parse(await sh('toolgate grants list --account ada --json'))
  const { refresh_tokens } = JSON.parse(await sh('toolgate refresh-tokens list --account ada --json'))
  return {
    CLIENT: client_id,
    ACCESS_TOKEN: access_token,
    GRANT: grants[0].id,
    REFRESH_TOKEN_ID: refresh_tokens[0].id,
  }
}

describe('the commands of the README', () => {
  it('make credentials of a resource server', async () => {
    expect(await sh(block('add http://localhost:4001/mcp --id notes\n'))).toMatch(/client_secret: \S{43}\n/)
  })

  it('check, compare and apply the catalogue', async () => {
    expect(await sh(block('catalogue check'))).toBe(
      'No faults: 1 resources, 3 scopes, 5 tools, 2 roles.\nNothing changes.\nNothing changes.\n',
    )
  })

  it('manage accounts', async () => {
    const said = await sh(block('accounts create ada'))
    expect(said).toMatch(
      /Created ada[\s\S]*ada: reader\.[\s\S]*password is changed[\s\S]*is disabled\.[\s\S]*is enabled\./,
    )
  })

  it.skipIf(!hasCurl)('ask about a token with curl', async () => {
    Object.assign(env, await adaConnects())
    const { client_id, client_secret } = await toolgate.resourceServer(RESOURCE)
    Object.assign(env, { CLIENT_ID: client_id, CLIENT_SECRET: client_secret })
    const answer = JSON.parse(await sh(block('/introspect')))
    expect(answer).toMatchObject({
      active: true,
      username: 'ada',
      mcp: { allowed: false, scope: 'notes:write' },
    })
  })

  it('show and revoke grants and refresh tokens', async () => {
    // Two installations: one ends with its refresh token, the others all at once.
    await adaConnects()
    Object.assign(env, await adaConnects())
    const said = await sh(block('grants show'))
    expect(said).toMatch(/^ID[\s\S]*\nRevoked 1 grant [\s\S]*\ngrants +\d[\s\S]*\nRevoked \d grants? /)
    await expect(sh('toolgate refresh-tokens revoke -- "$REFRESH_TOKEN_ID"')).rejects.toMatchObject({
      code: 1,
    })
  })

  it('manage resource servers, with a secret of one’s own as often as one likes', async () => {
    const chosen = block('--secret-file')
    expect(await sh(chosen)).toMatch(/Removed notes\.\nclient_id: notes\n/)
    const again = chosen.split('\n').find((line) => line.includes('--secret-file')) ?? ''
    expect(await sh(again)).toBe(`client_id: notes\nresource:  ${RESOURCE}\n`)
  })

  it('register a resource server that signs, and replace its keys', async () => {
    const shown = `client_id: signing-notes\nresource:  ${RESOURCE}\n`
    expect(await sh(block('--jwks'))).toBe(shown + shown)
  })

  it('register clients ahead of time', async () => {
    expect(await sh(block('clients add'))).toMatch(
      /^client_id: +(cl_\S+)\nclient_secret: \S{43}\n[\s\S]*Ticket system[\s\S]*client_secret: \S{43}\n[\s\S]*\nRemoved \1, 0 grants revoked\.\n$/,
    )
  })

  it('tell the story of a client', async () => {
    expect(await sh(block('toolgate trace'))).toMatch(
      /client\.registered[\s\S]*consent\.given[\s\S]*token\.issued/,
    )
  })

  it.skipIf(!hasCurl)('use the operator API with curl', async () => {
    Object.assign(env, await adaConnects())
    const said = await sh(block('operator-tokens create'))
    expect(said).toContain(`"grants":[{"id":"${env.GRANT}"`)
    expect(said).toContain(`{"revoked":["${env.GRANT}"]}`)
    expect(said).toContain('ticket-system')
  })

  it('read and verify the audit log', async () => {
    expect(await sh(block('audit verify\n'))).toMatch(/token\.issued[\s\S]*The audit log is whole/)
  })

  it.skipIf(!hasCurl)('tells the story of an account, says who called a tool, and exports', async () => {
    const said = await sh(block('audit story ada'))
    expect(said).toMatch(/^The story of account ada, from [\s\S]* became access token /)
    expect(readFileSync(join(checkout, 'last-week.csv'), 'utf8')).toMatch(/^occurred_at,writer_id,/)
  })

  it('prove an event', async () => {
    expect(await sh(block('audit prove'))).toMatch(
      /^thumbprint: [\s\S]*appended to checkpoints[\s\S]*The proof is good/,
    )
  })

  it('show the months of the audit log, and what retention would drop', async () => {
    expect(await sh(block('audit retain'))).toMatch(/audit_events_\d{4}_\d{2}[\s\S]*None\./)
  })

  it('prepare production, in which the server then serves', async () => {
    const preparation = block('TOOLGATE_ENV=production')
    expect(await sh(preparation)).toMatch(
      /Nothing to apply[\s\S]*may do what a server needs[\s\S]*Created grace/,
    )
    const settings = preparation.match(/^export .*$/gm)?.join('\n') ?? ''
    const script = `${settings.replace(/postgres:\S+/, roles.server_url)}\nexec node src/cli/main.ts serve`
    const serve = spawn('bash', ['-c', script], { cwd: checkout, env: { ...env, TOOLGATE_PORT: '0' } })
    let said = ''
    for await (const chunk of serve.stdout) {
      said += chunk
      if (said.includes('https://auth.example.com')) break
    }
    serve.kill('SIGTERM')
    const code = await new Promise((resolve) => serve.once('exit', resolve))
    expect(said).toContain('https://auth.example.com')
    expect(said).toContain('may add to the audit log and not change it')
    expect(code).toBe(0)
  })

  it.skipIf(!hasCurl)('are all run here', () => {
    expect(BLOCKS.filter((each) => !done.has(each))).toEqual([])
  })
})
