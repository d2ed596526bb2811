import Router from '@koa/router'
import type { Knex } from 'knex'
import type { Context } from 'koa'
import type { InteractionResults, Provider } from 'oidc-provider'
import { type Account, findActiveAccount } from '../../accounts/account-store.ts'
import type { SignedIn } from '../../accounts/sessions/page-sessions.ts'
import type { ActionOrigin } from '../../audit/log/action-origin.ts'
import type { AuditLog } from '../../audit/log/audit-log.ts'
import { recorded } from '../../audit/log/recorded.ts'
import { scopesRefused } from '../../audit/query/refusals-store.ts'
import { AppError } from '../../base/errors.ts'
import { findResource } from '../../catalogue/catalogue.ts'
import type { CatalogueCache } from '../../catalogue/catalogue-store.ts'
import { heldBy } from '../../catalogue/held.ts'
import { findOrigin } from '../../clients/client-store.ts'
import { receiverName, receiverText } from '../../clients/registration/receiver.ts'
import { type Asking, clientChangedSinceGrant, consentsOf } from '../../grants/grant-store.ts'
import { basePath } from '../../http/base-path.ts'
import { assertSameOrigin, csrfToken, verifyCsrf } from '../../http/csrf.ts'
import type { Form } from '../../http/form.ts'
import { readForm } from '../../http/read-body.ts'
import type { Renderer } from '../../http/render.ts'
import { requestOrigin } from '../../http/request-context.ts'
import { type Growth, growthOf } from '../../permission/consented.ts'
import { clientName, documentHost } from '../client-name.ts'
import { redisplayOnInvalid, WITH_PASSWORD } from '../redisplay-on-invalid.ts'
import { signInByForm } from '../sign-in/password-form.ts'
import { type ConsentDecision, type ConsentRequest, consentView, decideScopes } from './consent.ts'
import { saveGrant } from './grant-consent.ts'
import { currentInteraction, type Interaction, interactingClient } from './interaction.ts'

/**
 * Where a person decides: GET /interaction/:uid shows the sign-in or the consent page; POST …/login, …/consent
 * and …/abort answer it. Every POST must come from the page itself: same origin, with the form's token.
 */
export type InteractionDependencies = {
  provider: Provider
  issuer: string
  form_key: string
  db: Knex
  audit: AuditLog
  catalogues: CatalogueCache
  render: Renderer
}

const EXCLUDING = 'What you ticked includes what you unticked. Tick both, or neither.'
const CHANGED_MEANWHILE = 'What is asked for was changed while you decided. Look at it again.'

/** So long after a refusal a request that answers it comes. */
const STEP_UP_MINUTES = 10

type Page = InteractionDependencies & { ctx: Context; interaction: Interaction }

function sendPage({ ctx, render }: Page, view: string, data: object): void {
  ctx.type = 'html'
  ctx.body = render(view, data)
}

function formFields({ interaction, form_key, issuer }: Page, step: string): Record<string, string> {
  const path = `${basePath(issuer)}/interaction/${interaction.uid}`
  return {
    csrf: csrfToken(form_key, interaction.uid),
    action: `${path}/${step}`,
    abort_action: `${path}/abort`,
  }
}

/** The form of a POST, after it proved that it comes from the page. */
async function submittedForm({ ctx, interaction, form_key, issuer }: Page): Promise<Form> {
  assertSameOrigin(ctx, new URL(issuer).origin)
  const form = await readForm(ctx, { multiple: ['scope'] })
  if (!verifyCsrf(form_key, interaction.uid, form.get('csrf')))
    throw new AppError('forbidden', 'This form was not sent from its own page. Go back and try again.')
  return form
}

/**
 * Tells the engine the result and sends the browser on with a page instead of a redirect: Chromium applies
 * `form-action` to every redirect that follows a form, which would stop it on the way to the client.
 */
async function finish(page: Page, result: InteractionResults): Promise<void> {
  const { provider, ctx, interaction } = page
  const url = await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false })
  sendPage(page, 'continue', { url, receiver: receiverText(receiverName(interaction.redirect_uri)) })
}

async function showLogin(page: Page, failed?: { error: string; username: string }): Promise<void> {
  const { interaction, provider, catalogues, db } = page
  const client = await interactingClient(provider, interaction.client_id)
  const catalogue = (await catalogues.current(db))?.catalogue
  const resource = catalogue && interaction.resource && findResource(catalogue, interaction.resource)
  sendPage(page, 'login', {
    ...formFields(page, 'login'),
    client_name: clientName(interaction.client_id, client.name),
    client_host: documentHost(interaction.client_id),
    receiver: receiverText(receiverName(interaction.redirect_uri)),
    resource_name: resource ? resource.name : 'this service',
    ...failed,
  })
}

async function submitLogin(page: Page): Promise<void> {
  const { ctx, interaction } = page
  const form = await submittedForm(page)
  const username = form.get('username') ?? ''
  const letIn = async (account: SignedIn) => {
    if (interaction.account_id !== undefined && interaction.account_id !== account.id)
      throw new AppError(
        'forbidden',
        'Another person is signed in in this browser. Sign in as that person, or use a private window.',
      )
    await finish(page, { login: { accountId: account.id, ts: account.signed_in_at_seconds } })
  }
  const work = () => signInByForm(page, ctx, form, { client_id: interaction.client_id, letIn })
  await redisplayOnInvalid(page, work, (error) => showLogin(page, { error, username }), WITH_PASSWORD)
}

async function consentRequest(page: Page): Promise<ConsentRequest & { account: Account }> {
  const { interaction, provider, db, catalogues } = page
  const { account_id, resource } = interaction
  const account = account_id === undefined ? undefined : await findActiveAccount(db, account_id)
  const current = await catalogues.current(db)
  if (!account || !current || !resource || !findResource(current.catalogue, resource))
    throw new AppError('not_found', 'What was asked for is not there any more. Start again from your app.')
  const { client_id } = interaction
  const client = await interactingClient(provider, client_id)
  const is_added = (await findOrigin(db, client_id)) === 'operator'
  const asking = { account_id: account.id, client_id, resource }
  return {
    account,
    catalogue: current.catalogue,
    catalogue_version: current.version,
    resource,
    requested: interaction.scope,
    roles: account.roles,
    username: account.username,
    client: { client_id, ...client, is_added },
    redirect_uri: interaction.redirect_uri,
    refused: await scopesRefused(db, { ...asking, minutes: STEP_UP_MINUTES }),
    growth: await growthSince(page, asking, account.roles),
  }
}

/** What came under scopes that this person allowed this app before, on any connection that is still there. */
async function growthSince(
  { db, catalogues }: Page,
  asking: Asking,
  roles: readonly string[],
): Promise<Growth[]> {
  const before = await consentsOf(db, asking)
  const history = await catalogues.currentHistory(
    db,
    before.flatMap(({ scope_versions }) => scope_versions),
  )
  if (!history) return []
  return before.flatMap((consent) => {
    const held = heldBy(history, { ...consent, resource: asking.resource }, roles)
    return held ? growthOf(held) : []
  })
}

async function submitConsent(page: Page): Promise<void> {
  const form = await submittedForm(page)
  const request = await consentRequest(page)
  const ticked = form.all('scope')
  if (form.get('catalogue_version') !== String(request.catalogue_version))
    return showConsent(page, request, CHANGED_MEANWHILE)
  const decision = decideScopes(request, ticked)
  const { scopes } = consentView(request)
  // Ticks that exclude each other are no denial: the person is told and decides again.
  if (decision.granted.length === 0 && scopes.some(({ name }) => ticked.includes(name)))
    return showConsent(page, request, EXCLUDING)
  if (decision.granted.length === 0) return finish(page, denial('Nothing was allowed'))
  await finish(page, { consent: { grantId: await giveConsent(page, request, decision) } })
}

/** The grant and its event, both or neither. Returns the grant's id. */
function giveConsent(
  page: Page,
  { account, resource, catalogue_version }: Awaited<ReturnType<typeof consentRequest>>,
  { opened, ...decision }: ConsentDecision,
): Promise<string> {
  const { ctx, interaction, provider } = page
  const { client_id, redirect_uri } = interaction
  const origin: ActionOrigin = { ...requestOrigin(ctx), actor: { kind: 'account', id: account.id } }
  return recorded(page, origin, async (trx, record) => {
    const wanted = { ...interaction, account_id: account.id, resource }
    const grant_id = await saveGrant(provider, trx, wanted, { ...decision, catalogue_version })
    const columns = { account_id: account.id, client_id, resource, scope: opened.join(' '), grant_id }
    const detail = { rejected: decision.rejected, receiver: receiverName(redirect_uri) }
    record({ type: 'consent.given', ...columns, detail })
    return grant_id
  })
}

function denial(error_description: string): InteractionResults {
  return { error: 'access_denied', error_description }
}

async function show(page: Page): Promise<void> {
  if (page.interaction.prompt === 'login') return showLogin(page)
  await showConsent(page, await consentRequest(page))
}

async function showConsent(
  page: Page,
  request: Awaited<ReturnType<typeof consentRequest>>,
  error?: string,
): Promise<void> {
  const { client_id } = page.interaction
  const changed = await clientChangedSinceGrant(page.db, { account_id: request.account.id, client_id })
  if (error !== undefined) page.ctx.status = 400
  sendPage(page, 'consent', { ...formFields(page, 'consent'), ...consentView(request), changed, error })
}

async function abort(page: Page): Promise<void> {
  await submittedForm(page)
  await finish(page, denial('The person did not allow it'))
}

function assertPrompt({ interaction }: Page, prompt: string): void {
  if (interaction.prompt !== prompt)
    throw new AppError('conflict', 'This page was answered already. Go back to your app.')
}

export function interactionRoutes(dependencies: InteractionDependencies): Router {
  const router = new Router()
  const on = (handle: (page: Page) => Promise<void>, prompt?: string) => async (ctx: Context) => {
    const page = { ...dependencies, ctx, interaction: await currentInteraction(dependencies.provider, ctx) }
    if (prompt) assertPrompt(page, prompt)
    await handle(page)
  }
  router.get('/interaction/:uid', on(show))
  router.post('/interaction/:uid/login', on(submitLogin, 'login'))
  router.post('/interaction/:uid/consent', on(submitConsent, 'consent'))
  router.post('/interaction/:uid/abort', on(abort))
  return router
}
