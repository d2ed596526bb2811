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
