import type { Context } from 'koa'
import { errors, type Provider } from 'oidc-provider'
import { followChallenge } from '../../authorization-server/outcomes/attempt.ts'
import { AppError } from '../../base/errors.ts'

/** A sign-in or consent in progress, as the pages need it. */
export type Interaction = {
  uid: string
  prompt: string
  account_id: string | undefined
  client_id: string
  redirect_uri: string
  resource: string | undefined
  scope: string[]
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Reads the interaction that this browser's cookie and this URL agree on. Throws `not_found` otherwise. */
export async function currentInteraction(provider: Provider, ctx: Context): Promise<Interaction> {
  const details = await provider.interactionDetails(ctx.req, ctx.res).catch((error) => {
    if (error instanceof errors.SessionNotFound)
      throw new AppError(
        'not_found',
        'This sign-in has ended or belongs to another browser. Start again from your app.',
      )
    throw error
  })
  if (details.uid !== ctx.params.uid)
    throw new AppError(
      'not_found',
      'Another sign-in was started in this browser since. Continue there, or start again from your app.',
    )
  const { client_id, redirect_uri, resource, scope, code_challenge } = details.params
  followChallenge(ctx, code_challenge)
  return {
    uid: details.uid,
    prompt: details.prompt.name,
    account_id: details.session?.accountId,
    client_id: text(client_id),
    redirect_uri: text(redirect_uri),
    resource: Array.isArray(resource) ? text(resource[0]) : text(resource) || undefined,
    scope: text(scope).split(' ').filter(Boolean),
  }
}

export type DisplayedClient = { name: string | undefined }

/**
 * The client as registered or as its metadata document says. Throws `not_found` when it is gone meanwhile, and
 * `forbidden` when it was blocked.
 */
export async function interactingClient(provider: Provider, client_id: string): Promise<DisplayedClient> {
  const client = await provider.Client.find(client_id).catch((error) => {
    if (error instanceof errors.UnauthorizedClient)
      throw new AppError('forbidden', 'The people who run this server blocked this app. It gets no access.')
    return undefined
  })
  if (!client)
    throw new AppError('not_found', 'The app that asked is not registered here any more. Connect it again.')
  return { name: client.clientName }
}
