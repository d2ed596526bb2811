import type { CallReport } from './call-report.ts'

/** Where reports wait until the authorization server has taken them. */
export type Spool = {
  /** What was taken before and never acknowledged, oldest first. */
  readonly left: readonly CallReport[]
  /** Resolves when they are kept. */
  take(reports: readonly CallReport[]): Promise<void>
  /** These need not be kept any longer. */
  acknowledge(ids: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** For whoever can lose what waits when the process ends without `close`: the queue itself keeps it. */
export function memorySpool(): Spool {
  const nothing = async () => {}
  return { left: [], take: nothing, acknowledge: nothing, close: nothing }
}
