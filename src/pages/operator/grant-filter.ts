import { AppError } from '../../base/errors.ts'
import type { Resource } from '../../permission/scopes.ts'
import { filledIn } from '../filled-in.ts'
import type { Page } from '../page.ts'

/** What grants and their tokens are looked for by, as forms and links send it. */
const FILTERS = ['account', 'client_id', 'resource', 'scope', 'unused_since'] as const

export type Sent = Record<string, string | string[] | undefined>
export type Filter = Partial<Record<(typeof FILTERS)[number], string>>

/** Throws `invalid_input` for what was sent twice. */
export function single(value: string | string[] | undefined): string | undefined {
  if (Array.isArray(value)) throw new AppError('invalid_input', 'A filter is given more than once')
  return value || undefined
}

/** What was asked for, by a form that sends its empty fields too. */
export function filterOf(sent: Sent): Filter {
  return filledIn(Object.fromEntries(FILTERS.map((name) => [name, single(sent[name])?.trim()])))
}

/** What the filter's list of resources offers. */
export async function resourcesOf({ catalogues, db }: Page): Promise<readonly Resource[]> {
  return (await catalogues.current(db))?.catalogue.resources ?? []
}

export function revokedText(count: number): string {
  if (count === 0) return 'Nothing was left to revoke.'
  return `Revoked ${count} ${count === 1 ? 'grant' : 'grants'} with all their tokens, as of the next call.`
}
