import { expect, it } from 'vitest'
import { sarifOf } from '../../../src/doctor/report/sarif.ts'
import type { Review } from '../../../src/doctor/review.ts'
import { RULES } from '../../../src/doctor/rules/rules.ts'

const findings = RULES.map(({ judge: _, ...check }) => ({ ...check, evidence: { seen: 'something' } }))
const REVIEW: Review = {
  url: 'https://notes.example/mcp',
  begun_at: '2026-07-28T10:00:00.000Z',
  findings,
  passed: [],
  not_judged: [{ id: 'tokens.audience', why: 'there is none', flag: '--foreign-token' }],
}

type Rule = { id: string; shortDescription: { text: string }; help: { text: string }; helpUri: string }
type Result = { ruleId: string; ruleIndex: number; level: string; message: { text: string } }
type Log = {
  version: string
  $schema: string
  runs: {
    tool: { driver: { name: string; rules: Rule[] } }
    invocations: {
      executionSuccessful: boolean
      toolExecutionNotifications: { message: { text: string } }[]
    }[]
    results: (Result & { locations: { physicalLocation: { artifactLocation: { uri: string } } }[] })[]
  }[]
}

const log = sarifOf(REVIEW) as Log
const run = log.runs[0]!

it('says that it is SARIF 2.1.0, and has what its schema requires', () => {
  expect(log.version).toBe('2.1.0')
  expect(URL.canParse(log.$schema)).toBe(true)
  expect(run.tool.driver.name).toBe('toolgate review')
  expect(run.invocations[0]?.executionSuccessful).toBe(true)
})

it('has a rule for every one of ours, with an absolute address of the section and the remediation', () => {
  const { rules } = run.tool.driver
  expect(rules.map(({ id }) => id)).toEqual(RULES.map(({ id }) => id))
  expect(rules.filter(({ helpUri, help }) => !helpUri.startsWith('https://') || help.text === '')).toEqual([])
})

it('has a result for every finding, which points to its rule and to the server', () => {
  const { rules } = run.tool.driver
  expect(run.results.length).toBe(findings.length)
  expect(run.results.filter(({ ruleId, ruleIndex }) => rules[ruleIndex]?.id !== ruleId)).toEqual([])
  expect(run.results.filter(({ level }) => !['error', 'warning', 'note'].includes(level))).toEqual([])
  const addresses = run.results.map(({ locations }) => locations[0]?.physicalLocation.artifactLocation.uri)
  expect([...new Set(addresses)]).toEqual([REVIEW.url])
})

it('says what was not judged, and how it would be', () => {
  const texts = run.invocations[0]?.toolExecutionNotifications.map(({ message }) => message.text)
  expect(texts).toEqual(['Not judged: there is none (--foreign-token)'])
})
