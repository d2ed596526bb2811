import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { sha256 } from '../../base/digest.ts'
import { AppError } from '../../base/errors.ts'
import { findAccountName, findGrantLife, findTokenEvent } from './story-store.ts'

/** What a story is about. `issued` is the event that gave the token. */
export type StorySubject =
  | { kind: 'account'; account_id: string; username: string | undefined }
  | { kind: 'grant'; grant_id: string }
  | { kind: 'token'; token_id: string; grant_id: string; issued: AuditRow }

const BEARER = /^([A-Za-z0-9_-]{43}|tgp_[A-Za-z0-9]{49})$/
/** The id of a token looks like a token, so that it has to be said which of the two it is. */
const TOKEN_ID = /^sha256:([A-Za-z0-9_-]{43})$/

function tokenName(token: string): string {
  return sha256(token).toString('base64url')
}

/** The same subject by a name that may be shown and kept: of what could be a token, its id. */
export function publicName(named: string): string {
  return BEARER.test(named) ? `sha256:${tokenName(named)}` : named
}

async function tokenSubject(db: Knex, token_id: string): Promise<StorySubject | undefined> {
  const issued = await findTokenEvent(db, token_id)
  const grant_id = issued?.grant_id
  return issued && grant_id ? { kind: 'token', token_id, grant_id, issued } : undefined
}

/**
 * The subject that this names: an account by id or username, a grant, a token by its id behind `sha256:`, or a token
 * itself. What could be a token is taken for one: only its hash is asked for, since whatever reaches a database may be
 * logged there. Throws `not_found`.
 */
export async function subjectOf(db: Knex, named: string): Promise<StorySubject> {
  const token_id = TOKEN_ID.exec(named)?.[1] ?? (BEARER.test(named) ? tokenName(named) : undefined)
  const subject = token_id === undefined ? await namedSubject(db, named) : await tokenSubject(db, token_id)
  if (subject) return subject
  throw new AppError(
    'not_found',
    'Nothing is recorded of this: give a grant id, an account id, a username, a token, or sha256: and the id of a token',
  )
}

async function namedSubject(db: Knex, named: string): Promise<StorySubject | undefined> {
  const [account, life] = await Promise.all([findAccountName(db, named), findGrantLife(db, named)])
  if (life) return { kind: 'grant', grant_id: named }
  return account && { kind: 'account', account_id: account.id, username: account.username }
}
