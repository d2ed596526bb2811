import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { RULES } from '../../../src/doctor/rules/rules.ts'
import { ROOT } from '../../support/readme.ts'
import { RULES_DOCUMENT, withRules } from './rules-document.ts'

describe('docs/review.md', () => {
  it('has every rule as it is; else: npm run docs:review', () => {
    const page = readFileSync(`${ROOT}${RULES_DOCUMENT}`, 'utf8')
    expect(page).toBe(withRules(page))
  })

  it('names no rule twice', () => {
    expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length)
  })
})
