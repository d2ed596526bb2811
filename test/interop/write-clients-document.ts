import { writeFileSync } from 'node:fs'
import { ROOT } from '../support/readme.ts'
import { CLIENTS_DOCUMENT, clientsDocument } from './clients-document.ts'

writeFileSync(`${ROOT}${CLIENTS_DOCUMENT}`, clientsDocument())
