import { afterEach, describe, expect, it } from 'vitest'
import { type Diagnosis, diagnose } from '../../src/doctor/doctor.ts'
import { reportJson, reportLines } from '../../src/doctor/report/doctor-report.ts'
import { ASM, type Deployment, json, type Parts, PRM_PATH, startDeployment } from './fixtures/deployment.ts'
import { FIXTURES, SLASH_COUNTS, WARNINGS } from './fixtures/mistakes.ts'

let deployment: Deployment | undefined

afterEach(async () => {
  await deployment?.close()
  deployment = undefined
})

async function diagnosed(plant?: (parts: Parts) => void): Promise<Diagnosis> {
  deployment = await startDeployment(plant)
  return diagnose(deployment.url)
}

function failing({ verdicts }: Diagnosis): string[] {
  return verdicts.filter(({ failed }) => failed).map(({ profile }) => profile.name)
}

describe('a deployment without a mistake', () => {
  it('works for every client, and only reads were made but for one initialize', async () => {
    const diagnosis = await diagnosed()
    expect(failing(diagnosis)).toEqual([])
    // Local addresses are told to clients that ask from elsewhere; nothing else is said.
    expect(diagnosis.findings.map(({ id }) => id)).toEqual(['not_public'])
    const writes = deployment?.requests.filter((request) => !/: (GET|HEAD|OPTIONS) /.test(request))
    expect(writes).toEqual(['mcp: POST /mcp'])
  })

  it('asks for the same thing once, however many clients look there', async () => {
    await diagnosed()
    const reads = deployment?.requests.filter((request) => request === `as: GET ${ASM}`)
    // Once as a program and once as a page in a browser.
    expect(reads).toHaveLength(2)
  })
})

describe('each mistake is named, stops the clients it stops, and no others', () => {
  for (const [name, { id, title, plant, fails, at }] of Object.entries(FIXTURES))
    it(name, async () => {
      const diagnosis = await diagnosed(plant)
      expect(failing(diagnosis).toSorted()).toEqual([...fails].toSorted())
      const finding = diagnosis.findings.find((each) => each.id === id && title.test(each.title))
      expect(finding, JSON.stringify(diagnosis.findings, null, 1)).toBeDefined()
      expect(`${finding?.title}${finding?.remediation}`).not.toMatch(/\{\w+\}/)
      if (at !== undefined)
        for (const { failed } of diagnosis.verdicts) if (failed) expect(failed.number).toBe(at)
    })

  for (const [name, { id, title, plant }] of Object.entries(WARNINGS))
    it(`${name} stops no client and is told`, async () => {
      const diagnosis = await diagnosed(plant)
      expect(failing(diagnosis)).toEqual([])
      expect(diagnosis.findings.find((each) => each.id === id)?.title).toMatch(title)
    })
})

describe('the report', () => {
  it('says each finding once, with every client that it stops', async () => {
    const diagnosis = await diagnosed(FIXTURES['a slash at the end of resource']?.plant)
    const [first] = diagnosis.findings
    expect(first).toMatchObject({ id: 'resource_slash', stops: expect.arrayContaining(SLASH_COUNTS) })
    const text = reportLines(diagnosis).join('\n')
    expect(text.match(/another trailing slash/g)).toHaveLength(1)
    expect(text).toMatch(/VS Code +fails at step 3 of 8: resource metadata/)
  })

  it('tells a failure that is only likely from one that is known', async () => {
    const { verdicts } = await diagnosed(FIXTURES['an issuer under another name']?.plant)
    const likely = (name: string) => verdicts.find(({ profile }) => profile.name === name)?.likely
    expect(likely('cursor')).toBe(true)
    expect(likely('typescript-sdk')).toBe(false)
  })

  it('leaves steps after a failed one not reached', async () => {
    const { verdicts } = await diagnosed(FIXTURES['403 in the place of 401']?.plant)
    expect(verdicts[0]?.steps.map(({ outcome }) => outcome)).toEqual([
      'ok',
      'fails',
      ...Array(6).fill('not reached'),
    ])
  })

  it('prints nothing that steers a terminal, and no secret', async () => {
    const diagnosis = await diagnosed((parts) => {
      parts.server_metadata.issuer = 'https://x/\u001b[2J\u202e?access_token=s3cret-value'
      parts.mcp.set(PRM_PATH, () =>
        json({ ...parts.resource_metadata, resource: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln' }),
      )
    })
    const printed = `${reportLines(diagnosis).join('\n')}${JSON.stringify(reportJson(diagnosis))}`
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
    expect(printed).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]|\\u00|s3cret|eyJhbGci/)
  })
})

describe('what the metadata says of this network', () => {
  it('is not asked for when the MCP server is public', async () => {
    const { isLocal } = await import('../../src/doctor/crawl/local-address.ts')
    for (const host of ['localhost', '127.0.0.1', '[::1]', '10.1.2.3', '169.254.169.254', 'db.internal'])
      expect(isLocal(new URL(`http://${host}/`)), host).toBe(true)
    for (const host of ['example.com', '8.8.8.8'])
      expect(isLocal(new URL(`http://${host}/`)), host).toBe(false)
  })
})
