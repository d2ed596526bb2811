import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CHECKS } from '../../../src/doctor/review/all-checks.ts'
import { ROOT } from '../../support/readme.ts'
import { CHECKS_DOCUMENT, withChecks } from './checks-document.ts'

describe('docs/review.md', () => {
  it('has every check as it is; else: npm run docs:review', () => {
    const page = readFileSync(`${ROOT}${CHECKS_DOCUMENT}`, 'utf8')
    expect(page).toBe(withChecks(page))
  })

  it('names no check twice', () => {
    expect(new Set(CHECKS.map(({ id }) => id)).size).toBe(CHECKS.length)
  })
})
