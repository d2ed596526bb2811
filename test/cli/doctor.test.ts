import { Command } from 'commander'
import { afterEach, expect, it, vi } from 'vitest'
import { registerDoctorCommand } from '../../src/cli/doctor.ts'
import { type Deployment, json, type Parts, startDeployment } from '../doctor/fixtures/deployment.ts'

let deployment: Deployment | undefined

afterEach(async () => {
  await deployment?.close()
  deployment = undefined
  vi.restoreAllMocks()
  process.exitCode = 0
})

async function doctor(url: string, ...words: string[]) {
  const printed: string[] = []
  const said: string[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => void printed.push(String(line)))
  vi.spyOn(console, 'error').mockImplementation((line) => void said.push(String(line)))
  const program = new Command()
  registerDoctorCommand(program)
  await program.parseAsync(['doctor', url, ...words], { from: 'user' })
  return { printed: printed.join('\n'), said: said.join('\n'), status: process.exitCode ?? 0 }
}

async function at(plant?: (parts: Parts) => void): Promise<string> {
  deployment = await startDeployment(plant)
  return deployment.url
}

it('ends with 0 where every client works, and prints a table of them', async () => {
  const { printed, status } = await doctor(await at())
  expect(status).toBe(0)
  expect(printed).toMatch(/^Claude Code +works/m)
})

it('ends with 1 where a client fails; as JSON for programs, for the named clients alone', async () => {
  const url = await at(({ mcp }) => void mcp.set('/mcp', () => json({}, { status: 403 })))
  const { printed, status } = await doctor(url, '--json', '--client', 'vscode', 'cursor')
  expect(status).toBe(1)
  expect(JSON.parse(printed)).toMatchObject({
    clients: [{ client: 'vscode', outcome: 'fails', failed_step: 2 }, { client: 'cursor' }],
    findings: [{ id: 'forbidden_instead_of_unauthorized', stops: ['vscode', 'cursor'] }],
  })
})

it('ends with 2 and says why when there is nothing to judge', async () => {
  expect(await doctor('file:///etc/passwd')).toMatchObject({
    status: 2,
    said: expect.stringMatching(/no http or https URL/),
  })
  expect(await doctor('https://x.example/mcp', '--client', 'nobody')).toMatchObject({
    status: 2,
    said: expect.stringMatching(/no client is called nobody; known are claude-code/),
  })
})

it('says before it registers anything', async () => {
  const { said } = await doctor(await at(), '--active', '--client', 'python-sdk')
  expect(said).toMatch(/^Registering as 1 clients/)
})
