import { writeFileSync } from 'node:fs'
import { ROOT } from '../support/readme.ts'
import { CONFIGURATION_DOCUMENT, configurationDocument } from './configuration-document.ts'

writeFileSync(`${ROOT}${CONFIGURATION_DOCUMENT}`, configurationDocument())
