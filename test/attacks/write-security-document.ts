import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../support/readme.ts'
import { securityDocument } from './security-document.ts'

/** `npm run docs:security`. */
writeFileSync(join(ROOT, 'docs/security.md'), securityDocument())
