import type { Page } from '../page.ts'

export type ShownSecret = {
  title: string
  client_id?: string
  /** Absent for what proves itself without one. */
  secret: string | undefined
  /** Of the secret; `client_secret` when absent. */
  name?: string
  back: { path: string; label: string }
}

/**
 * The answer to the form that made it, and the only page that ever has it: never by a redirect, whose notice would put
 * it into a cookie.
 */
export function showSecret(page: Page, shown: ShownSecret): void {
  page.show('operator/secret', { name: 'client_secret', ...shown })
}
