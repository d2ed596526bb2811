import { createHash } from 'node:crypto'
import type { Knex } from 'knex'
import { AppError } from '../../errors.ts'
import type { AuditRow } from '../chain/hash-chain.ts'
import { findAccountName, findGrantLife, findTokenEvent } from './story-store.ts'

/** What a story is about. `issued` is the event that gave the token. */
export type StorySubject =
  | { kind: 'account'; account_id: string; username: string | undefined }
  | { kind: 'grant'; grant_id: string }
  | { kind: 'token'; token_id: string; grant_id: string; issued: AuditRow }

const BEARER = /^([A-Za-z0-9_-]{43}|tgp_[A-Za-z0-9]{49})$/

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

async function tokenSubject(db: Knex, token_id: string): Promise<StorySubject | undefined> {
  const issued = await findTokenEvent(db, token_id)
  const grant_id = issued?.grant_id
  return issued && grant_id ? { kind: 'token', token_id, grant_id, issued } : undefined
}

/** The subject of a token itself. It is hashed here and goes no further. Throws `not_found`. */
export async function subjectOfToken(db: Knex, token: string): Promise<StorySubject> {
  const subject = await tokenSubject(db, sha256(token))
  if (!subject) throw new AppError('not_found', 'No token of this value is recorded as issued here')
  return subject
}

/**
 * The subject that this names: an account by id or username, a grant, or a token by its id. What looks like a token
 * is first taken for the token itself and only its hash is asked for, unless `ids_only`. Throws `not_found`.
 */
export async function subjectOf(
  db: Knex,
  named: string,
  options: { ids_only?: boolean } = {},
): Promise<StorySubject> {
  const looks_like_token = BEARER.test(named)
  if (looks_like_token && !options.ids_only) {
    const subject = await tokenSubject(db, sha256(named))
    if (subject) return subject
  }
  const [account, life, token] = await Promise.all([
    findAccountName(db, named),
    findGrantLife(db, named),
    looks_like_token ? tokenSubject(db, named) : undefined,
  ])
  if (life) return { kind: 'grant', grant_id: named }
  if (token) return token
  if (account) return { kind: 'account', account_id: account.id, username: account.username }
  throw new AppError(
    'not_found',
    'Nothing is recorded of this: give a grant id, a token, a token id, an account id or a username',
  )
}
