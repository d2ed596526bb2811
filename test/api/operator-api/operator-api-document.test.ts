import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ROOT } from '../../support/readme.ts'
import { OPERATOR_API_DOCUMENT, operatorApiDocument } from './operator-api-document.ts'

it('docs/operator-api.md lists the actions that there are; write-operator-api-document.ts brings it up to date', () => {
  expect(readFileSync(`${ROOT}${OPERATOR_API_DOCUMENT}`, 'utf8')).toBe(operatorApiDocument())
})
