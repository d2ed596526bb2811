import type { Knex } from 'knex'
import type { Context, Middleware } from 'koa'
import { sha256 } from '../base/digest.ts'
import { AppError } from '../base/errors.ts'
import { type Catalogue, defaultScopes, findResource, publishedResources } from '../catalogue/catalogue.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { type ClientCredentials, readClientCredentials } from '../clients/client-credentials.ts'
import type { Form } from '../http/form.ts'
import { OAUTH_FORM_LIMIT_BYTES, readForm } from '../http/read-body.ts'
import type { Resource } from '../permission/scopes.ts'
import { BEARER } from './adapters/token-adapters.ts'
import { offerBody } from './offered-body.ts'
import { followChallenge, followVerifier } from './outcomes/attempt.ts'
import { answerRefusal, challengeClient } from './outcomes/oauth-error.ts'
import { catalogueInForce } from './resource-indicators.ts'
import type { Rotations } from './tokens/rotations.ts'
import { currentUnit } from './tokens/unit-of-work.ts'

/**
 * What clients send, put into the form the engine expects, before it looks: resources in their canonical form, and
 * only scopes that exist. Registrations have a file of their own.
 */
export type ToleranceDependencies = { db: Knex; catalogues: CatalogueCache; rotations: Rotations }

function oneOrMany<T>(values: T[]): T | T[] | undefined {
  return values.length > 1 ? values : values[0]
}

/** RFC 8707 identifiers as the catalogue spells them; what it does not know stays as sent, to be refused by name. */
function canonicalResources(catalogue: Catalogue, sent: readonly string[]): string[] {
  return [...new Set(sent.map((value) => findResource(catalogue, value)?.resource ?? value))]
}

function asList(value: string | string[] | undefined): string[] {
  return value === undefined || value === '' ? [] : [value].flat()
}

function hasScope(resource: Resource, name: string): boolean {
  return resource.scopes.some((scope) => scope.name === name)
}

/** Scopes the resource knows, in the order asked; its default scopes when none is left. */
function requestedScopes(resource: Resource, sent: string | undefined): string[] {
  const known = (sent ?? '').split(/\s+/).filter((scope) => hasScope(resource, scope))
  return known.length > 0 ? [...new Set(known)] : defaultScopes(resource)
}

/** A sign-in in progress keeps its parameters, and Postgres stores no NUL. Throws `invalid_input`, shown to the person. */
function refuseNul(query: Context['query']): void {
  if (
    Object.entries(query)
      .flat(2)
      .some((text) => text?.includes('\0'))
  )
    throw new AppError('invalid_input', 'A parameter of this address holds a NUL character')
}

function mendAuthorizationRequest(ctx: Context, catalogue: Catalogue): void {
  // OpenID Connect's own parameters mean nothing without its scope, and the engine refuses them then.
  const { resource: sent, scope, nonce: _, max_age: __, ...rest } = ctx.query
  // A doubled scope is left as it is: the engine refuses it.
  if (Array.isArray(scope)) return
  const [single, ...others] = publishedResources(catalogue)
  const only = others.length === 0 ? single?.resource : undefined
  const asked = canonicalResources(catalogue, asList(sent))
  const resources = asked.length === 0 && only ? [only] : asked
  const [first] = resources
  const known = resources.length === 1 && first !== undefined ? findResource(catalogue, first) : undefined
  const resource = oneOrMany(resources)
  const scopes = known ? requestedScopes(known, scope).join(' ') : scope
  ctx.query = {
    ...rest,
    ...(resource === undefined ? {} : { resource }),
    ...(scopes === undefined ? {} : { scope: scopes }),
  }
}

async function mendTokenRequest(ctx: Context, dependencies: ToleranceDependencies): Promise<void> {
  const form = await readForm(ctx, { limit_bytes: OAUTH_FORM_LIMIT_BYTES, multiple: ['resource'] })
  followVerifier(ctx, form.get('code_verifier'))
  const credentials = readClientCredentials(ctx.headers.authorization, form)
  await foresee(dependencies.rotations, form)
  const catalogue = await knownCatalogue(dependencies)
  const mended = new URLSearchParams()
  for (const name of form.names()) {
    if (name === 'resource')
      for (const value of canonicalResources(catalogue, form.all(name))) mended.append(name, value)
    else mended.set(name, form.get(name) ?? '')
  }
  if (form.get('grant_type') === 'refresh_token') mendRefreshScope(mended, catalogue)
  offerForm(ctx, mended, credentials)
}

/** Clients add `offline_access` and other scopes that no token here has; asking for them must not cost a refresh. */
function mendRefreshScope(form: URLSearchParams, catalogue: Catalogue): void {
  const sent = form.get('scope')
  if (sent === null) return
  const known = sent
    .split(/\s+/)
    .filter((scope) => catalogue.resources.some((resource) => hasScope(resource, scope)))
  if (known.length > 0) form.set('scope', known.join(' '))
  else form.delete('scope')
}

/** Reads at once what the engine will ask about a refresh, so that its answers need no trips of their own. */
async function foresee(rotations: Rotations, form: Form): Promise<void> {
  const presented = form.get('refresh_token')
  const unit = currentUnit()
  if (form.get('grant_type') !== 'refresh_token' || !presented || !BEARER.test(presented) || !unit) return
  unit.foreseen = { presented, state: await rotations.state(sha256(presented)) }
}

async function knownCatalogue(dependencies: ToleranceDependencies): Promise<Catalogue> {
  // Not by the request's transaction, which a request that is refused for its shape never opens.
  const catalogue = await catalogueInForce(dependencies, async () => dependencies.db)
  return catalogue ?? { resources: [], roles: [] }
}

async function mendRevocation(ctx: Context): Promise<void> {
  const form = await readForm(ctx, { limit_bytes: OAUTH_FORM_LIMIT_BYTES })
  const credentials = readClientCredentials(ctx.headers.authorization, form)
  offerForm(ctx, new URLSearchParams(form.toObject() as Record<string, string>), credentials)
}

/** With the credentials as parameters, whichever way they came: there is one reader of the header, and it is ours. */
function offerForm(ctx: Context, form: URLSearchParams, credentials: ClientCredentials): void {
  for (const [name, value] of Object.entries(credentials)) form.set(name, value)
  delete ctx.req.headers.authorization
  ctx.req.headers['content-type'] = 'application/x-www-form-urlencoded'
  offerBody(ctx, form.toString())
}

const MENDED: Record<string, (ctx: Context, dependencies: ToleranceDependencies) => Promise<void>> = {
  'POST /token': mendTokenRequest,
  'POST /revoke': mendRevocation,
}

export function requestTolerance(dependencies: ToleranceDependencies): Middleware {
  return async (ctx, next) => {
    if (ctx.path === '/authorize') {
      followChallenge(ctx, ctx.query.code_challenge)
      refuseNul(ctx.query)
      mendAuthorizationRequest(ctx, await knownCatalogue(dependencies))
    }
    // The way back from an interaction takes no parameters; with some, the engine's own error handler fails.
    if (ctx.path.startsWith('/authorize/')) ctx.querystring = ''
    const { authorization } = ctx.headers
    try {
      await MENDED[`${ctx.method} ${ctx.path}`]?.(ctx, dependencies)
    } catch (error) {
      // No refusal of this client, so it is not recorded as one.
      if (error instanceof AppError && error.code === 'unavailable') throw error
      return answerRefusal(ctx, error)
    }
    await next()
    // RFC 6749 §5.2: whoever tried by the header is told how by the header.
    if (ctx.status === 401 && authorization) challengeClient(ctx)
  }
}
