import { type Command, Option } from 'commander'
import { AUDIT_TYPES, type AuditType, DECISIONS } from '../../audit/events/audit-event.ts'
import type { AuditFilter } from '../../audit/query/audit-filter.ts'

/** Which events a command is about. */
export type FilterOptions = {
  type?: AuditType
  actor?: string
  account?: string
  client?: string
  grant?: string
  token?: string
  tool?: string
  resource?: string
  decision?: string
  request?: string
}

export function withFilter(command: Command): Command {
  return command
    .addOption(new Option('--type <type>', 'only events of this type').choices(AUDIT_TYPES))
    .option('--actor <kind:id>', 'only events of this actor, or of a kind of actors, such as cli')
    .option('--account <id>', 'only events of this account')
    .option('--client <id>', 'only events of this client')
    .option('--grant <id>', 'only events of this grant')
    .option('--token <id>', 'only events of the token with this id (never the token itself)')
    .option('--tool <name>', 'only events of this tool')
    .option('--resource <url>', 'only events of this resource')
    .addOption(new Option('--decision <decision>', 'only events with this outcome').choices(DECISIONS))
    .option('--request <id>', 'only events of this request or attempt')
}

export function filterOf(options: FilterOptions): AuditFilter {
  const { type, actor, account, client, grant, token, tool, resource, decision, request } = options
  return {
    type,
    actor,
    account_id: account,
    client_id: client,
    grant_id: grant,
    token_id: token,
    tool,
    resource,
    decision,
    request_id: request,
  }
}
