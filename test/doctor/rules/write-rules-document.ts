import { readFileSync, writeFileSync } from 'node:fs'
import { ROOT } from '../../support/readme.ts'
import { RULES_DOCUMENT, withRules } from './rules-document.ts'

const file = `${ROOT}${RULES_DOCUMENT}`
writeFileSync(file, withRules(readFileSync(file, 'utf8')))
