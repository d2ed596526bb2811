import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { errors } from 'oidc-provider'
import { parseJson } from '../../base/json.ts'
import type { PreparedRotation } from '../../grants/rotation-store.ts'
import type { Spent } from './rotations.ts'
import type { Replay, Rotation } from './unit-of-work.ts'

/**
 * Clients race with themselves and lose answers. A refresh token that was just spent gets, for a short grace,
 * the identical answer again: same access token, same successor. The answer waits sealed under a key derived
 * from the spent token, so the database alone cannot reveal it.
 */
export type TokenResponse = {
  access_token: string
  refresh_token?: string
  expires_in: number
  scope?: string
}

const IV_BYTES = 12
const TAG_BYTES = 16

function sealingKey(presented: string): Buffer {
  return Buffer.from(hkdfSync('sha256', presented, '', 'toolgate refresh successor v1', 32))
}

export function seal(presented: string, response: TokenResponse): Buffer {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', sealingKey(presented), iv)
  const text = Buffer.concat([cipher.update(JSON.stringify(response), 'utf8'), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), text])
}

export function unseal(presented: string, sealed: Buffer): TokenResponse {
  const iv = sealed.subarray(0, IV_BYTES)
  // Without a fixed length, GCM takes a tag that was cut short, which is easier to forge.
  const options = { authTagLength: TAG_BYTES }
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(presented), iv, options)
  decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
  const text = Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()])
  return parseJson(text.toString('utf8')) as TokenResponse
}

/** What the engine decided on, with its answer sealed for a caller that asks again. */
export function prepareRotation(rotation: Rotation, response: TokenResponse): PreparedRotation {
  const { presented, id, grant_id, refresh_token, access_token } = rotation
  if (!refresh_token || !access_token) throw new Error('a refresh token was spent and nothing issued for it')
  return { id, grant_id, refresh_token, access_token, sealed_response: seal(presented, response) }
}

/** The replay that a spent token is, when it was spent moments ago and its answer is still there to be given again. */
export function replayWithin(grace_seconds: number, presented: string, spent: Spent): Replay | undefined {
  const { sealed_response, consumed_seconds_ago } = spent
  if (sealed_response === null || consumed_seconds_ago === null) return undefined
  // A grace of 0 is none at all, also for whoever comes second in the same moment.
  return consumed_seconds_ago < grace_seconds
    ? { presented, sealed_response, consumed_seconds_ago }
    : undefined
}

/**
 * The answer that the first caller got, with the time that has passed taken off `expires_in`. Throws
 * `invalid_scope` when this request, had it come first, would have got another scope.
 */
export function identicalSuccessor(replay: Replay, would_be: TokenResponse): TokenResponse {
  const first = unseal(replay.presented, replay.sealed_response)
  if ((first.scope ?? '') !== (would_be.scope ?? ''))
    throw new errors.InvalidScope('this refresh token was just used for another scope', would_be.scope ?? '')
  return { ...first, expires_in: Math.max(1, first.expires_in - Math.floor(replay.consumed_seconds_ago)) }
}
