import type { Knex } from 'knex'
import { errors } from 'oidc-provider'
import { sha256 } from '../../base/digest.ts'
import {
  consume,
  deleteToken,
  findAccessToken,
  findAuthorizationCode,
  findRefreshToken,
  insertAccessToken,
  insertSpentOnce,
} from '../../grants/token-store.ts'
import { replayWithin } from '../tokens/refresh-rotation.ts'
import { connectionFor, currentUnit } from '../tokens/unit-of-work.ts'
import type { ModelAdapter, ModelPayload } from './model-adapter.ts'

/** Codes and tokens are 43 base64url characters; any other string is refused without a query. */
export const BEARER = /^[A-Za-z0-9_-]{43}$/

const NOT_STORED = 'is never looked up this way'

/** Deleting a grant deletes what it owns, so there is nothing left to do per model. */
async function ownedByGrant(): Promise<void> {}

function withoutId({ jti: _, ...payload }: ModelPayload): ModelPayload {
  return payload
}

function requireGrant(payload: ModelPayload): string {
  if (!payload.grantId) throw new Error('a code or token without a grant')
  return payload.grantId
}

/** Refusals of the database that are a dead grant to the client. */
const DEAD_GRANT: Readonly<Record<string, string>> = {
  // foreign key: the grant was revoked while this request was under way
  23503: 'grant not found',
  // unique: a browser that opened its way back twice has two codes of one grant, and the other one was redeemed
  23505: 'this grant has its refresh token already',
}

async function insertOwned(insert: Promise<void>): Promise<void> {
  try {
    await insert
  } catch (error) {
    const refused = DEAD_GRANT[String((error as { code?: unknown }).code)]
    throw refused === undefined ? error : new errors.InvalidGrant(refused)
  }
}

export function authorizationCodeAdapter(db: Knex): ModelAdapter {
  return {
    async upsert(id, payload, ttl_seconds = 0) {
      const connection = await connectionFor(db)
      const row = {
        id: sha256(id),
        grant_id: requireGrant(payload),
        payload: withoutId(payload),
        ttl_seconds,
      }
      await insertOwned(insertSpentOnce(connection, 'authorization_codes', row))
    },
    async find(id) {
      if (!BEARER.test(id)) return undefined
      const found = await findAuthorizationCode(await connectionFor(db), sha256(id))
      if (!found) return undefined
      const { exp: _, ...payload } = found.payload
      const unit = currentUnit()
      if (unit) unit.code_challenge = payload.codeChallenge
      return { ...payload, jti: id, exp: expiry(found), ...(found.consumed ? { consumed: 1 } : {}) }
    },
    async consume(id) {
      if (!(await consume(await connectionFor(db), 'authorization_codes', sha256(id))))
        throw new errors.InvalidGrant('authorization code already consumed')
    },
    async destroy(id) {
      await deleteToken(await connectionFor(db), 'authorization_codes', sha256(id))
    },
    revokeByGrantId: ownedByGrant,
  }
}

/** oidc-provider compares `exp` with its own clock; the database's verdict is put into terms it cannot get wrong. */
function expiry(found: { expired: boolean; payload: ModelPayload }): number {
  return found.expired ? 1 : Number.MAX_SAFE_INTEGER
}

/** What is known about a presented token: foreseen for a refresh, looked up for a revocation. */
async function knownRefreshToken(db: Knex, id: string) {
  const foreseen = currentUnit()?.foreseen
  if (foreseen?.presented === id) return foreseen.state.token
  return findRefreshToken(await connectionFor(db), sha256(id))
}

export function refreshTokenAdapter(db: Knex, grace_seconds: number): ModelAdapter {
  return {
    async upsert(id, payload, ttl_seconds = 0) {
      const unit = currentUnit()
      if (unit?.replay) return
      const row = { id: sha256(id), payload: withoutId(payload), ttl_seconds }
      const grant_id = requireGrant(payload)
      if (unit?.rotation) unit.rotation.refresh_token = row
      else await insertOwned(insertSpentOnce(await connectionFor(db), 'refresh_tokens', { ...row, grant_id }))
    },
    async find(id) {
      if (!BEARER.test(id)) return undefined
      const found = await knownRefreshToken(db, id)
      if (!found) return undefined
      const payload: ModelPayload = { ...found.payload, jti: id, exp: expiry(found) }
      if (!found.consumed) return payload
      const unit = currentUnit()
      const replay = unit?.foreseen && replayWithin(grace_seconds, id, found)
      if (!unit || !replay) return { ...payload, consumed: 1 }
      unit.replay = replay
      return payload
    },
    async consume(id) {
      const unit = currentUnit()
      if (unit?.replay) return
      const token = unit?.foreseen?.presented === id ? unit.foreseen.state.token : undefined
      if (unit && token) unit.rotation = { presented: id, id: sha256(id), grant_id: token.grant_id }
      else if (!(await consume(await connectionFor(db), 'refresh_tokens', sha256(id))))
        throw new errors.InvalidGrant('refresh token already used')
    },
    async destroy(id) {
      await deleteToken(await connectionFor(db), 'refresh_tokens', sha256(id))
    },
    revokeByGrantId: ownedByGrant,
  }
}

export function accessTokenAdapter(db: Knex): ModelAdapter {
  return {
    async upsert(id, payload, ttl_seconds = 0) {
      const unit = currentUnit()
      if (unit?.replay) return
      const { accountId, clientId, aud, scope, gty } = payload
      if (typeof aud !== 'string' || !accountId || !clientId)
        throw new errors.InvalidTarget('a token needs exactly one resource')
      const row = {
        id: sha256(id),
        account_id: accountId,
        client_id: clientId,
        resource: aud,
        scope: scope ?? '',
        gty,
        ttl_seconds,
      }
      const grant_id = requireGrant(payload)
      if (unit?.rotation) unit.rotation.access_token = row
      else await insertOwned(insertAccessToken(await connectionFor(db), { ...row, grant_id }))
    },
    async find(id) {
      if (!BEARER.test(id)) return undefined
      const row = await findAccessToken(await connectionFor(db), sha256(id))
      if (!row) return undefined
      return {
        kind: 'AccessToken',
        jti: id,
        grantId: row.grant_id,
        accountId: row.account_id,
        clientId: row.client_id,
        aud: row.resource,
        scope: row.scope,
        iat: row.iat,
        exp: row.exp,
        ...(row.gty ? { gty: row.gty } : {}),
      }
    },
    async consume() {
      throw new Error(`an access token ${NOT_STORED}`)
    },
    async destroy(id) {
      await deleteToken(await connectionFor(db), 'access_tokens', sha256(id))
    },
    revokeByGrantId: ownedByGrant,
  }
}
