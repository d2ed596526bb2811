import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { explainToolDenial } from '../explanation/tool-denial.ts'
import { API } from '../export/ocsf-classes.ts'
import { clean, short } from '../story/words.ts'
import { event, type Optional, times } from './event-definition.ts'

/** What a resource server said after the fact. Of a call that is not known here, whose it was is its word alone. */
type Report = { source: 'resource_server'; report_id: string; reported_at_ms: number } & Optional<{
  stated_account_id: string
  stated_client_id: string
  stated_token_id: string
}>

/** `needed`: the scope that opens it; empty where none does. */
type Decision = { method: string; needed: string } & Optional<{ resource_server: string } & Report>

type Completion = Report &
  Optional<{ arguments_sha256: string }> & {
    resource_server: string
    method: string
    outcome: 'ok' | 'tool_error' | 'protocol_error' | 'http_error' | 'aborted'
    duration_ms: number
    size_bytes: number
  }

const OUTCOMES: Readonly<Record<Completion['outcome'], string>> = {
  ok: 'went well',
  tool_error: 'ended with an error of the tool',
  protocol_error: 'ended with a protocol error',
  http_error: 'ended with an HTTP error',
  aborted: 'broke off',
}

/** What a resource server reported is its word: it says what was called, and by whose token. */
export function isReported(detail: Readonly<Record<string, unknown>> | null | undefined): boolean {
  return detail?.source === 'resource_server'
}

/** No scope opens it, so that its name may be anything that the caller liked. */
export function isUnknownTool({ tool, detail }: Pick<AuditRow, 'tool' | 'detail'>): boolean {
  return tool !== null && detail?.needed === ''
}

export const TOOL_EVENTS = {
  /** What came of a call, as its resource server says. */
  'tool.completed': event<Completion>('nothing', API.other, {
    sentence({ event, detail: { outcome, duration_ms, size_bytes, method } }) {
      const ended = outcome && Object.hasOwn(OUTCOMES, outcome) ? OUTCOMES[outcome] : clean(outcome)
      const measured = `${clean(duration_ms)} ms, ${clean(size_bytes)} bytes`
      return `the server says that ${clean(event.tool ?? method)} ${ended} (${measured}), token ${short(event.token_id)}`
    },
    failure: ({ outcome = 'ok' }) => (outcome === 'ok' ? undefined : 'failed'),
    is_frequent: true,
  }),
  /** An introspection that named an MCP method or tool, or a decision that its resource server made from its cache. */
  'tool.decided': event<Decision>('nothing', API.read, {
    sentence({ event, detail }) {
      const called = `${clean(event.tool ?? detail.method)}${isUnknownTool(event) ? ', which no scope opens,' : ''}`
      const told = `${called} ${clean(event.decision)}, token ${short(event.token_id)}`
      return isReported(detail) ? `the server says: ${told}` : told
    },
    explain: (facts) => (facts.event.decision === 'denied' ? explainToolDenial(facts) : undefined),
    is_frequent: true,
    personal({ event: { tool, detail }, count, app, resource }) {
      const method = typeof detail?.method === 'string' ? detail.method : 'its tools'
      const says = isReported(detail) ? `${resource} says that ` : ''
      if (tool === null) return `${says}${app} asked ${resource} for ${method} ${times(count)}`
      if (isUnknownTool({ tool, detail }))
        return `${says}${app} asked ${resource} for something that nothing opens ${times(count)}`
      return { text: `${says}${app} called`, tool, after: times(count) }
    },
    is_counted: true,
  }),
}
