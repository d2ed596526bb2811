import type { AuditLog } from '../../audit/log/audit-log.ts'
import { UNAUTHENTICATED } from '../../audit-chain/actor.ts'

/** Which hosts may be clients by publishing a metadata document: all, those on a list, or none. */
export type AdmissionPolicy = {
  readonly mode: 'open' | 'allow-list' | 'closed'
  /** Hosts, or `*.example.com` for all hosts below one. */
  readonly hosts: readonly string[]
  /** Only record what would be refused. */
  readonly dry_run: boolean
}

function matches(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern
}

/** True when the policy's words admit the host, whether or not it is a dry run. */
export function admits({ mode, hosts }: AdmissionPolicy, host: string): boolean {
  if (mode === 'open') return true
  return mode === 'allow-list' && hosts.some((pattern) => matches(pattern, host))
}

const WINDOW_MS = 60_000
const HOSTS_MAX = 100

/**
 * The policy with its record: who was refused, or would have been. One event for each host and minute, since the
 * engine asks several times for one request and anybody can ask; after 100 hosts a minute's record is full.
 */
export class Admission {
  readonly policy: AdmissionPolicy
  readonly #audit: AuditLog
  readonly #recorded = new Set<string>()
  #window_started_ms = 0

  constructor(policy: AdmissionPolicy, audit: AuditLog) {
    this.policy = policy
    this.#audit = audit
  }

  /** Whether the client may come in: admitted, or a dry run. `now_ms` never goes backwards. */
  async admit(url: URL, request_id?: string, now_ms: number = performance.now()): Promise<boolean> {
    const { policy } = this
    if (admits(policy, url.hostname)) return true
    if (this.#isNew(url.hostname, now_ms))
      await this.#audit.append({
        type: 'client.admission_refused',
        actor: UNAUTHENTICATED,
        request_id,
        detail: {
          presented_client_id: url.href,
          host: url.hostname,
          mode: policy.mode,
          dry_run: policy.dry_run,
        },
      })
    return policy.dry_run
  }

  #isNew(host: string, now_ms: number): boolean {
    if (now_ms - this.#window_started_ms >= WINDOW_MS) {
      this.#window_started_ms = now_ms
      this.#recorded.clear()
    }
    if (this.#recorded.has(host) || this.#recorded.size >= HOSTS_MAX) return false
    this.#recorded.add(host)
    return true
  }
}
