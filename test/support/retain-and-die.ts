import { retain } from '../../src/audit/integrity/archive/retention.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { evidence } from '../audit/months.ts'
import { TEST } from './origins.ts'

/** A process that keeps four months and is killed at one step: `node retain-and-die.ts URL DIRECTORY STEP`. */
const [url = '', directory = '', step = ''] = process.argv.slice(2)

function reached(here: string): void {
  if (here === step) process.kill(process.pid, 'SIGKILL')
}

const database = openDatabase({ url })
const audit = new AuditLog(database.hot)
const keys = evidence()
await retain(
  database.knex,
  {
    appendIn: (trx, events, commit) =>
      audit.appendIn(trx, events, async () => {
        reached('recorded')
        await commit()
        reached('committed')
      }),
  },
  {
    months: 4,
    actor: TEST.actor,
    directory,
    evidence: {
      ...keys,
      sign: async (statement) => {
        reached('closed_at' in statement ? 'closing' : 'manifest')
        return keys.sign(statement)
      },
      publish: async () => reached('published'),
    },
    on_progress: () => reached('rows'),
  },
)
await audit.close()
await database.close()
