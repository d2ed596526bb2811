import { writeFileSync } from 'node:fs'
import { ROOT } from '../../support/readme.ts'
import { OPERATOR_API_DOCUMENT, operatorApiDocument } from './operator-api-document.ts'

writeFileSync(`${ROOT}${OPERATOR_API_DOCUMENT}`, operatorApiDocument())
