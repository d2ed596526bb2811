import { readFileSync, writeFileSync } from 'node:fs'
import { ROOT } from '../../support/readme.ts'
import { CHECKS_DOCUMENT, withChecks } from './checks-document.ts'

const file = `${ROOT}${CHECKS_DOCUMENT}`
writeFileSync(file, withChecks(readFileSync(file, 'utf8')))
