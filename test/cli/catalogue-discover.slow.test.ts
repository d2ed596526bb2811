import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { registerDiscoverCommand } from '../../src/cli/catalogue-discover.ts'
import { serveOffering } from '../doctor/discovery/offering.ts'

let server: Awaited<ReturnType<typeof serveOffering>>
let directory: string
beforeAll(async () => {
  server = await serveOffering({
    get: { readOnlyHint: true },
    put: { destructiveHint: false },
    burn: undefined,
  })
  directory = mkdtempSync(join(tmpdir(), 'toolgate-discover-'))
})
afterAll(async () => {
  await server.close()
  rmSync(directory, { recursive: true, force: true })
})
afterEach(() => {
  process.exitCode = undefined
})

async function discover(...words: string[]): Promise<{ printed: string; code: unknown }> {
  const printed: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void printed.push(String(line)))
  try {
    const program = new Command().exitOverride()
    registerDiscoverCommand(program)
    await program.parseAsync(['discover', server.url, ...words], { from: 'user' })
    return { printed: printed.join('\n'), code: process.exitCode }
  } finally {
    log.mockRestore()
  }
}

describe('catalogue discover', () => {
  it('prints a catalogue that can be checked and applied, and names the tools that say nothing', async () => {
    const { printed } = await discover('--resource', 'https://notes.example/mcp')
    expect(printed).toMatch(/^# Nothing is said of burn/m)
    expect(parseCatalogue(printed)).toMatchObject({
      catalogue: { resources: [{ resource: 'https://notes.example/mcp', default_scopes: ['notes:read'] }] },
    })
  })

  it('writes a file, but never over one', async () => {
    const out = join(directory, 'proposed.yaml')
    await discover('--out', out)
    expect(parseCatalogue(readFileSync(out, 'utf8'))).toHaveProperty('catalogue')
    await expect(discover('--out', out)).rejects.toMatchObject({ code: 'EEXIST' })
  })
})

describe('catalogue discover --check', () => {
  async function checkAgainst(change: (text: string) => string) {
    const file = join(directory, 'catalogue.yaml')
    const { printed } = await discover()
    writeFileSync(file, change(printed))
    return discover('--check', '--json', '--catalogue', file)
  }

  it('ends with 0 when every tool is opened by a scope and none is gone', async () => {
    const { printed, code } = await checkAgainst((text) => text)
    expect(JSON.parse(printed)).toMatchObject({ fits: true, unmapped: [], gone: [] })
    expect(code).toBeUndefined()
  })

  it('fails on a tool that no scope opens', async () => {
    const { printed, code } = await checkAgainst((text) => text.replace('- put', '- other'))
    expect(JSON.parse(printed)).toMatchObject({ fits: false, unmapped: ['put'], gone: ['other'] })
    expect(code).toBe(1)
  })

  it('fails on a tool that is under a read-only scope and does not say so itself', async () => {
    const { printed, code } = await checkAgainst((text) =>
      text.replace(/(description: Create and change[^\n]*\n)/, '$1        risk: read_only\n'),
    )
    expect(JSON.parse(printed)).toMatchObject({ not_read_only: ['put'] })
    expect(code).toBe(1)
  })
})

describe('catalogue discover --stdio', () => {
  it('gives the program all that follows, also what looks like an option', async () => {
    const program = new URL('../doctor/discovery/offering-over-stdio.ts', import.meta.url).pathname
    const { printed } = await discover(
      '--json',
      '--stdio',
      process.execPath,
      '--no-warnings',
      program,
      '--json',
    )
    expect(JSON.parse(printed).tools.length).toBeGreaterThan(0)
  })

  it('says of a program that ends at once what to check', async () => {
    await expect(discover('--stdio', process.execPath, '-e', '0')).rejects.toThrow(/starts by itself/)
  })
})
