import type { Command } from 'commander'
import { traceEvents } from '../audit/query/trace-store.ts'
import { auditJson, auditLine } from './audit/audit-line.ts'
import { type OpenContext, withContext } from './context.ts'
import type { OutputOptions } from './output.ts'

/** `toolgate trace ID`: what happened behind the id on an error page, as one story. */
export function registerTraceCommand(program: Command, open: OpenContext): void {
  program
    .command('trace <id>')
    .description('the story of one attempt to connect: a trace id from an error, a grant or a client_id')
    .option('--json', 'one JSON object a line')
    .action((id: string, options: OutputOptions) =>
      withContext(open, async ({ db }) => {
        const events = await traceEvents(db, id)
        for (const event of events) console.log(options.json ? auditJson(event) : auditLine(event))
        if (events.length > 0) return
        console.error(`Nothing is recorded under ${id}.`)
        process.exitCode = 1
      }),
    )
}
