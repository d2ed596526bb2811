import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CommandLine, commandLine } from './commands.ts'

let cli: CommandLine
const directory = mkdtempSync(join(tmpdir(), 'toolgate-secrets-'))
beforeAll(async () => {
  cli = await commandLine()
})
afterAll(async () => {
  rmSync(directory, { recursive: true })
  await cli.close()
})

const servers = (...words: string[]) => cli.run('resource-servers', ...words)
const json = async (...words: string[]) => JSON.parse((await servers(...words, '--json')).join('\n'))
const RESOURCE = 'http://localhost:4001/mcp'

describe('resource-servers', () => {
  it('add shows a secret once; list has none', async () => {
    const made = await json('add', RESOURCE, '--id', 'notes')
    expect(made).toEqual({
      client_id: 'notes',
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      resource: RESOURCE,
    })
    const listed = (await servers('list', '--json')).join('')
    expect(listed).toContain('notes')
    expect(listed).not.toContain(made.client_secret)
  })

  it('rotate-secret gives another one', async () => {
    const [first, second] = [await json('rotate-secret', 'notes'), await json('rotate-secret', 'notes')]
    expect(first.client_secret).not.toBe(second.client_secret)
  })

  it('a secret from a file is not printed', async () => {
    const file = join(directory, 'secret')
    writeFileSync(file, `${'s'.repeat(40)}\n`)
    const lines = await servers('add', RESOURCE, '--id', 'own', '--secret-file', file)
    expect(lines.join('\n')).not.toContain('sss')
  })

  it('a key is made here or elsewhere, registered, and replaced; the private half stays in its file', async () => {
    const file = join(directory, 'key.json')
    const jwks = join(directory, 'jwks.json')
    writeFileSync(jwks, (await servers('create-key', file)).join(''))
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const { d } = JSON.parse(readFileSync(file, 'utf8'))
    expect(readFileSync(jwks, 'utf8')).not.toContain(d)
    await expect(servers('create-key', file)).rejects.toThrow('EEXIST')

    const made = { client_id: 'signing', resource: RESOURCE }
    expect(await json('add', RESOURCE, '--id', 'signing', '--jwks', jwks)).toEqual(made)
    expect(await json('add', RESOURCE, '--id', 'signing', '--jwks', jwks)).toEqual(made)
    expect(await json('rotate-keys', 'signing', '--jwks', jwks)).toEqual(made)
    const methods = (await json('list')).resource_servers.map(
      ({ id, authentication }: Record<string, string>) => [id, authentication],
    )
    expect(methods).toContainEqual(['signing', 'private_key_jwt'])
    expect(methods).toContainEqual(['notes', 'client_secret'])
    await expect(servers('add', RESOURCE, '--id', 'x', '--jwks', file)).rejects.toThrow(/^jwks\.keys: /)
    await expect(servers('add', RESOURCE, '--jwks', jwks, '--secret-file', file)).rejects.toThrow(
      'secret and jwks exclude each other',
    )
    writeFileSync(jwks, 'no json')
    await expect(servers('rotate-keys', 'signing', '--jwks', jwks)).rejects.toThrow('is not JSON')
  })

  it.each<[string, string[], string]>([
    ['a resource that is none', ['add', 'nothing'], 'absolute http(s) URL'],
    ['an id that is none', ['add', RESOURCE, '--id', 'A B'], 'An id has'],
    ['an id that is taken', ['add', RESOURCE, '--id', 'notes'], 'already'],
    [
      'a secret file that is not there',
      ['add', RESOURCE, '--secret-file', join(directory, 'absent')],
      'cannot be read: no such file or directory',
    ],
    ['rotating what is not there', ['rotate-secret', 'nobody'], 'There is no resource server'],
    ['removing what is not there', ['remove', 'nobody'], 'There is no resource server'],
  ])('%s is refused in words', async (_, words, message) => {
    await expect(servers(...words)).rejects.toThrow(message)
    expect(cli.left_open()).toBe(0)
  })

  it('remove removes it', async () => {
    expect(await servers('remove', 'notes')).toEqual(['Removed notes.'])
    await expect(servers('rotate-secret', 'notes')).rejects.toThrow('There is no resource server')
  })
})
