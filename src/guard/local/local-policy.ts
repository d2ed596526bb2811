/**
 * Mode `none`: no authorization server. Only this machine is served, the catalogue decides here, and the calls are
 * recorded here. Nothing of this is in the guard itself: whoever does not import it cannot come to serve strangers.
 */
import type { Actor } from '../../audit-chain/actor.ts'
import type { EventWords } from '../../audit-chain/event-fields.ts'
import type { Held } from '../../permission/consented.ts'
import { decideMethod } from '../../permission/mcp-method.ts'
import type { Resource } from '../../permission/scopes.ts'
import type { LocalPolicy } from '../guard-options.ts'
import type { ActiveToken, Introspect } from '../introspection-client/introspection.ts'
import type { CallReport, Recorder } from '../reports/call-report.ts'
import { requireLocal } from './loopback.ts'

export type LocalOptions = {
  /** The catalogue as `toolgate catalogue show --json` prints it, with this MCP server among its resources. */
  catalogue: { readonly resources: readonly Resource[] }
  /** What whoever sits at this machine may do; every scope of the resource when absent. */
  scopes?: readonly string[]
  /** Where calls are recorded, such as `fileLog(…)`. */
  log: CallLog
}

/**
 * What mode `none` needs in place of an authorization server, for the guard's option `local`.
 * @throws TypeError, when the guard is made, for a resource or a scope that the catalogue does not have
 */
export function localPolicy(options: LocalOptions): LocalPolicy {
  return (resource) => {
    const held = heldLocally(resource, options)
    options.log.open?.()
    const recorder = recordLocally(resource, options)
    return {
      requireLocal,
      introspect: askLocally(resource, held, recorder),
      recorder,
    }
  }
}

/** A log of this machine's own. */
export type CallLog = {
  /** Called once, when the guard is made in mode `none`. Throws where nothing can be recorded. */
  open?(): void
  /** Resolves when the events are kept, in this order. */
  append(events: readonly EventWords[]): Promise<void>
  close(): Promise<void>
}

/** Who calls in mode `none`, and through which client. */
const LOCAL_USER = 'local'
const LOCAL_ACTOR: Actor = { kind: 'local_user' }
/** Whoever has no token has none that expires; handlers look at the time of a token, and see one that is good. */
const GOOD_FOR_SECONDS = 3_600

/** Decides by the catalogue and records the decision before it counts, as the authorization server would. */
function askLocally(resource: string, held: Held, recorder: Recorder): Introspect {
  const scope = held.effective.join(' ')
  return async (_token, question) => {
    const token: ActiveToken = {
      active: true,
      sub: LOCAL_USER,
      client_id: LOCAL_USER,
      scope,
      aud: resource,
      exp: Math.floor(Date.now() / 1000) + GOOD_FOR_SECONDS,
    }
    const { mcp_method, mcp_name, request_id } = question
    if (mcp_method === undefined) return token
    const decided = decideMethod(held, question)
    const { allowed, scope: needed } = decided
    const call = { method: mcp_method, name: mcp_name, request_id, sub: LOCAL_USER, client_id: LOCAL_USER }
    const place = { id: crypto.randomUUID(), occurred_at_ms: Date.now() }
    await recorder.record([{ type: 'tool.decided', ...place, ...call, allowed, scope: needed }])
    const named = mcp_name === undefined ? {} : { name: mcp_name }
    return { ...token, mcp: { method: mcp_method, ...named, ...decided } }
  }
}

function heldLocally(resource: string, { catalogue, scopes }: LocalOptions): Held {
  const found = catalogue.resources.find((each) => each.resource === resource)
  if (!found) throw new TypeError(`local.catalogue has no resource ${resource}`)
  const names = found.scopes.map(({ name }) => name)
  const unknown = scopes?.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new TypeError(`local.scopes: the catalogue has no scope ${unknown}`)
  return { resource: found, effective: scopes ?? names }
}

/** Writes reports into the local log, as the audit log words them. */
function recordLocally(resource: string, { log }: LocalOptions): Recorder {
  return {
    record: (reports) => log.append(reports.map((report) => wordsOf(resource, report))),
    close: () => log.close(),
  }
}

function wordsOf(resource: string, report: CallReport): EventWords {
  const { type, client_id, name, method, request_id } = report
  const words = { type, actor: LOCAL_ACTOR, client_id, resource, tool: name, request_id }
  if (report.type === 'tool.decided') {
    const decision = report.allowed ? 'allowed' : 'denied'
    return { ...words, decision, detail: { method, needed: report.scope } }
  }
  const { outcome, duration_ms, size_bytes, arguments_sha256 } = report
  const hashed = arguments_sha256 === undefined ? {} : { arguments_sha256 }
  return { ...words, detail: { method, outcome, duration_ms, size_bytes, ...hashed } }
}
