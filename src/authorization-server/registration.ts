import { timingSafeEqual } from 'node:crypto'
import type { Knex } from 'knex'
import type { Context, Middleware } from 'koa'
import { sha256 } from '../base/digest.ts'
import { FairQueue } from '../base/fair-queue.ts'
import { siteOf } from '../base/network.ts'
import { isRegistrationBlocked } from '../clients/client-block-store.ts'
import { findSameRegistration, holdRegistration } from '../clients/client-store.ts'
import { sanitiseClientMetadata } from '../clients/registration/client-metadata.ts'
import { registrationDigest } from '../clients/registration/same-registration.ts'
import { readJson } from '../http/read-body.ts'
import { bearerToken, clientIp, clientNetwork, hungUp } from '../http/request-context.ts'
import { attemptsForgottenIn, countAttempt } from '../sign-in/attempt-store.ts'
import { offerBody } from './offered-body.ts'
import { answerOAuthError, answerRefusal } from './outcomes/oauth-error.ts'
import { connectionFor, currentUnit } from './tokens/unit-of-work.ts'

/**
 * POST /register (RFC 7591) before the engine sees it: who may register, what of the metadata is kept, and whether
 * this client registered already. Only rows that are really new count against an address, since many people share
 * the address of one hosted client.
 */
export type RegistrationPolicy = {
  readonly mode: 'open' | 'token' | 'closed'
  readonly token: string | undefined
  readonly new_clients_per_hour: number
  readonly app_schemes: readonly string[]
}

const HOUR_SECONDS = 3_600

/** So many networks may register as much as one may, and no more clients in all: their rows stay for a week. */
const NETWORKS_AT_FULL_RATE = 10

/** Of two at once, one may wait for the other: for the same registration, and not with more connections than it has. */
const LINE = { width: 2, waiting_max: 32, lane_max: 16, deadline_ms: 5_000 }

/** RFC 7591 §3: the initial access token. True when this caller may register. */
function mayRegister(ctx: Context, { mode, token }: RegistrationPolicy): boolean {
  if (mode === 'open') return true
  if (mode === 'closed') {
    const words = 'Clients do not register themselves here; ask the operator for a client_id'
    answerOAuthError(ctx, 403, 'access_denied', words)
    return false
  }
  if (token !== undefined && timingSafeEqual(sha256(bearerToken(ctx) ?? ''), sha256(token))) return true
  // RFC 6750 §3.1: a request without any token is told no error code.
  const error = ctx.get('authorization') === '' ? '' : ', error="invalid_token"'
  ctx.set('WWW-Authenticate', `Bearer realm="registration"${error}`)
  const words = 'Registration needs the initial access token that the operator gives out'
  answerOAuthError(ctx, 401, 'invalid_token', words)
  return false
}

async function readMetadata(
  ctx: Context,
  { app_schemes }: RegistrationPolicy,
): Promise<Record<string, unknown> | undefined> {
  const body = await readJson(ctx)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    answerOAuthError(ctx, 400, 'invalid_client_metadata', 'The registration request must be a JSON object')
    return undefined
  }
  const sanitised = sanitiseClientMetadata(body as Record<string, unknown>, { app_schemes })
  if ('metadata' in sanitised) return sanitised.metadata
  answerOAuthError(ctx, 400, sanitised.error, sanitised.fault)
  return undefined
}

/** Counts in the request's own transaction, so that a registration that is refused after all counts for nothing. */
async function isWithinRate(ctx: Context, db: Knex, new_clients_per_hour: number): Promise<boolean> {
  const key = sha256(`register ${clientNetwork(ctx)}`)
  const of_all = { key: sha256('register'), max: new_clients_per_hour * NETWORKS_AT_FULL_RATE }
  const counted = await countAttempt(db, [{ key, max: new_clients_per_hour }, of_all], HOUR_SECONDS)
  const reached = counted.find(({ failures, max }) => failures > max)
  if (!reached) return true
  ctx.set('Retry-After', String(await attemptsForgottenIn(db, reached.key)))
  const whose = reached.key === key ? ' from this address' : ''
  const words = `Too many new clients${whose}; try again later`
  answerOAuthError(ctx, 429, 'temporarily_unavailable', words)
  return false
}

/** True when it was answered with the client that registered the same metadata before, or because that was blocked. */
async function answerKnown(ctx: Context, db: Knex, digest: Buffer): Promise<boolean> {
  if (await isRegistrationBlocked(db, digest)) {
    const words = 'A client with this metadata was blocked here; ask the operator'
    answerOAuthError(ctx, 403, 'access_denied', words)
    return true
  }
  const same = await findSameRegistration(db, digest)
  if (!same) return false
  const unit = currentUnit()
  if (unit) unit.registered_before = true
  ctx.status = 201
  ctx.body = same
  return true
}

/** Answers with the client that registered the same metadata before, or lets the engine make a new one. */
async function register(
  ctx: Context,
  db: Knex,
  line: FairQueue,
  policy: RegistrationPolicy,
): Promise<boolean> {
  if (!mayRegister(ctx, policy)) return false
  const metadata = await readMetadata(ctx, policy)
  if (!metadata) return false
  const unit = currentUnit()
  // The turn lasts until everything is committed; who waits for one holds no connection.
  const leave = await line.enter({ lane: siteOf(clientIp(ctx)), signal: hungUp(ctx) })
  unit?.atEnd(leave)
  const digest = registrationDigest(metadata)
  if (digest && (await answerKnown(ctx, db, digest))) return false
  const connection = await connectionFor(db)
  if (digest) {
    await holdRegistration(connection, digest)
    // Somebody else may have registered the same until the lock was had.
    if (await answerKnown(ctx, connection, digest)) return false
  }
  if (!(await isWithinRate(ctx, connection, policy.new_clients_per_hour))) return false
  if (unit && digest) unit.registration_digest = digest
  offerBody(ctx, JSON.stringify(metadata))
  return true
}

/** `db` is the pool of token requests: of its connections, registrations have two at most. */
export function registrationMiddleware(dependencies: {
  db: Knex
  registration: RegistrationPolicy
}): Middleware {
  const { db, registration } = dependencies
  const line = new FairQueue(LINE)
  return async (ctx, next) => {
    if (ctx.path !== '/register' || ctx.method !== 'POST') return next()
    let proceed = false
    try {
      proceed = await register(ctx, db, line, registration)
    } catch (error) {
      answerRefusal(ctx, error)
    }
    if (proceed) await next()
  }
}
