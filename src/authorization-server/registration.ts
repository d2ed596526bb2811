import { timingSafeEqual } from 'node:crypto'
import type { Knex } from 'knex'
import type { Context, Middleware } from 'koa'
import { countAttempt } from '../accounts/account-store.ts'
import { sanitiseClientMetadata } from '../clients/client-metadata.ts'
import { sha256 } from '../clients/client-secret.ts'
import { findSameRegistration } from '../clients/client-store.ts'
import { registrationDigest } from '../clients/same-registration.ts'
import { readJson } from '../http/read-body.ts'
import { clientIp } from '../http/request-context.ts'
import { answerBadBody, answerOAuthError } from './oauth-error.ts'
import { offerBody } from './offered-body.ts'
import { currentUnit } from './unit-of-work.ts'

/**
 * POST /register (RFC 7591) before the engine sees it: who may register, what of the metadata is kept, and whether
 * this client registered already. Only rows that are really new count against an address, since many people share
 * the address of one hosted client.
 */
export type RegistrationPolicy = {
  readonly mode: 'open' | 'token' | 'closed'
  readonly token: string | undefined
  readonly new_clients_per_hour: number
}

const HOUR_SECONDS = 3_600

function bears(ctx: Context, token: string): boolean {
  const [scheme, presented = ''] = ctx.get('authorization').split(' ')
  return scheme?.toLowerCase() === 'bearer' && timingSafeEqual(sha256(presented), sha256(token))
}

/** RFC 7591 §3: the initial access token. True when this caller may register. */
function mayRegister(ctx: Context, policy: RegistrationPolicy): boolean {
  if (policy.mode === 'open') return true
  if (policy.mode === 'token' && policy.token !== undefined && bears(ctx, policy.token)) return true
  ctx.set('WWW-Authenticate', 'Bearer realm="registration"')
  const words =
    policy.mode === 'closed'
      ? 'Clients do not register themselves here; ask the operator for a client_id'
      : 'Registration needs the initial access token that the operator gives out'
  answerOAuthError(
    ctx,
    policy.mode === 'closed' ? 403 : 401,
    policy.mode === 'closed' ? 'access_denied' : 'invalid_token',
    words,
  )
  return false
}

async function readMetadata(ctx: Context): Promise<Record<string, unknown> | undefined> {
  const body = await readJson(ctx)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    answerOAuthError(ctx, 400, 'invalid_client_metadata', 'The registration request must be a JSON object')
    return undefined
  }
  const sanitised = sanitiseClientMetadata(body as Record<string, unknown>)
  if ('metadata' in sanitised) return sanitised.metadata
  answerOAuthError(ctx, 400, sanitised.error, sanitised.fault)
  return undefined
}

async function isWithinRate(
  ctx: Context,
  db: Knex,
  { new_clients_per_hour }: RegistrationPolicy,
): Promise<boolean> {
  const [count = 0] = await countAttempt(db, [`register ${clientIp(ctx) ?? 'unknown'}`], HOUR_SECONDS)
  if (count <= new_clients_per_hour) return true
  ctx.set('Retry-After', String(HOUR_SECONDS))
  answerOAuthError(
    ctx,
    429,
    'temporarily_unavailable',
    'Too many new clients from this address; try again later',
  )
  return false
}

/** Answers with the client that registered the same metadata before, or lets the engine make a new one. */
async function register(ctx: Context, db: Knex, policy: RegistrationPolicy): Promise<boolean> {
  if (!mayRegister(ctx, policy)) return false
  const metadata = await readMetadata(ctx)
  if (!metadata) return false
  const metadata_digest = registrationDigest(metadata)
  const same = metadata_digest && (await findSameRegistration(db, metadata_digest))
  if (same) {
    ctx.status = 201
    ctx.body = same
    return false
  }
  if (!(await isWithinRate(ctx, db, policy))) return false
  const unit = currentUnit()
  if (unit && metadata_digest) unit.registration_digest = metadata_digest
  offerBody(ctx, JSON.stringify(metadata))
  return true
}

export function registrationMiddleware(dependencies: {
  db: Knex
  registration: RegistrationPolicy
}): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/register' || ctx.method !== 'POST') return next()
    let proceed = false
    try {
      proceed = await register(ctx, dependencies.db, dependencies.registration)
    } catch (error) {
      answerBadBody(ctx, error)
    }
    if (proceed) await next()
  }
}
