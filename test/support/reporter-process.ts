/** An MCP server's reports in a process of their own: takes as many as it is told, says so, and lives on. */
import { checkOptions } from '../../src/guard/guard-options.ts'
import { createReportQueue } from '../../src/guard/reports/report-queue.ts'
import { fileSpool } from '../../src/guard/spool/file-spool.ts'

const { issuer, client_id, client_secret, path, reports } = JSON.parse(process.argv[2] ?? '{}')
const { decided_by } = checkOptions({
  resource: 'http://localhost/mcp',
  default_scopes: [],
  issuer,
  client_id,
  client_secret,
})
if (!('server' in decided_by)) throw new Error('no server')
const queue = createReportQueue(decided_by.server, { spool: fileSpool(path) }, () => {})
await queue.record(reports)
process.stdout.write('recorded\n')
// Until somebody ends it.
setInterval(() => {}, 1_000)
