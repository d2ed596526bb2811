import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { type BadDeployment, startBadDeployment } from '../doctor/fixtures/bad-deployment.ts'
import { freePort } from '../support/free-port.ts'

let deployment: BadDeployment | undefined
afterEach(async () => {
  await deployment?.close()
  deployment = undefined
})

const directory = mkdtempSync(join(tmpdir(), 'toolgate-review-'))

/** The real program, without a configuration and without a database. */
async function reviewed(words: string[], env: Record<string, string> = {}) {
  const options = { env, stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] }
  const child = spawn(process.execPath, ['src/cli/main.ts', 'review', ...words], options)
  let [out, err] = ['', '']
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stderr.on('data', (data) => {
    err += data
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}

it('ends with 0 where there is nothing to find, and takes tokens from the environment and from files', async () => {
  deployment = await startBadDeployment()
  const token = deployment.authorization.give()
  const file = join(directory, 'second.token')
  writeFileSync(file, `${deployment.authorization.give({ user: 'bob' })}\n`)
  const words = [deployment.url, '--token', 'env:MY_TOKEN', '--second-token', `@${file}`, '--json']
  const { code, out } = await reviewed(words, { MY_TOKEN: token })
  const { findings, passed } = JSON.parse(out)
  expect([code, findings]).toEqual([0, []])
  expect(passed).toContain('transport.session-hijack')
  expect(out).not.toContain(token)
})

it('ends with 1 where something is at or above --fail-on, and writes SARIF', async () => {
  deployment = await startBadDeployment('offers no revocation')
  const file = join(directory, 'review.sarif')
  expect((await reviewed([deployment.url])).code).toBe(0)
  const { code, out } = await reviewed([deployment.url, '--fail-on', 'medium', '--sarif', file])
  expect(code).toBe(1)
  expect(out).toMatch(/MEDIUM {4}Tokens cannot be revoked {2}\[server\.no-revocation\]/)
  expect(JSON.parse(readFileSync(file, 'utf8')).runs[0].results[0].ruleId).toBe('server.no-revocation')
})

it.each([
  ['no address', ['notes'], 'http or https'],
  [
    'a token that is not there',
    ['http://127.0.0.1:9/mcp', '--token', 'env:NO_SUCH'],
    'there is no token in NO_SUCH',
  ],
  ['an unknown severity', ['http://127.0.0.1:9/mcp', '--fail-on', 'bad'], '--fail-on is one of'],
  ['an operator token for nobody', ['http://127.0.0.1:9/mcp', '--operator-token', 'x'], 'need --issuer'],
])('ends with 2 for %s', async (_, words, said) => {
  const { code, err } = await reviewed(words)
  expect(code).toBe(2)
  expect(err).toMatch(new RegExp(said))
})

it('ends with 2 for a server that is not there', async () => {
  const { code, err } = await reviewed([`http://127.0.0.1:${await freePort()}/mcp`])
  expect([code, err]).toEqual([2, expect.stringContaining('nothing was reviewed: http://127.0.0.1:')])
})

it.each([
  ['no URL', []],
  ['a misspelt option', ['http://127.0.0.1:9/mcp', '--fail-onn', 'low']],
])('ends with 2, not with what means findings, for %s', async (_, words) => {
  expect((await reviewed(words)).code).toBe(2)
})

it('shows its findings also where the SARIF cannot be written, and ends with 2', async () => {
  deployment = await startBadDeployment('offers no revocation')
  const { code, out, err } = await reviewed([deployment.url, '--sarif', join(directory, 'no', 'such.sarif')])
  expect(code).toBe(2)
  expect(out).toContain('[server.no-revocation]')
  expect(err).toContain('--sarif could not be written')
  expect(err).not.toContain('nothing was reviewed')
})

it('does not judge a website as an MCP server', async () => {
  const website = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<title>Hello</title>')
  }).listen(0, '127.0.0.1')
  await once(website, 'listening')
  const { port } = website.address() as AddressInfo
  const { code, out, err } = await reviewed([`http://127.0.0.1:${port}/`])
  website.close()
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain('a web page answers there, and no MCP server')
})
