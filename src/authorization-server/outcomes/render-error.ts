import { STATUS_CODES } from 'node:http'
import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider'
import type { Renderer } from '../../http/render.ts'
import { requestId } from '../../http/request-context.ts'

/** Errors that cannot be sent to the client's redirect URI are shown to the person, with what to do about them. */
const HINTS: Record<string, string> = {
  invalid_client:
    'The app is not registered here (any more). Remove this server from the app and add it again.',
  invalid_redirect_uri: 'The app asked to be called back at an address it did not register.',
  temporarily_unavailable: 'Too much of this is asked for at the moment. Try again in a minute.',
  unauthorized_client:
    'The people who run this server do not let this app in. If you need it, ask them; nothing that you do here changes it.',
  invalid_request: 'Start again from your app. If this stays, report it to the app’s makers.',
}

/** A client that is known by the URL of its document cannot be mended by adding it again. */
const DOCUMENT_HINT =
  'The app describes itself at the address that is its client_id, and that could not be used. Try again in a few minutes; if this stays, report it to the app’s makers.'

function hintFor(error: string, client_id: unknown): string | undefined {
  const is_document = typeof client_id === 'string' && client_id.startsWith('https://')
  return error === 'invalid_client' && is_document ? DOCUMENT_HINT : HINTS[error]
}

export function errorPage(render: Renderer) {
  return (ctx: KoaContextWithOIDC, out: ErrorOut): void => {
    // Some clients probe this page: an unknown client must be a 4xx they can read.
    const status = Math.max(ctx.status, 400)
    const hint = hintFor(out.error, ctx.oidc.params?.client_id)
    const detail = out.error_description ?? out.error
    ctx.state.is_shown_to_person = true
    ctx.status = status
    ctx.type = 'html'
    ctx.body = render('error', {
      status,
      title: STATUS_CODES[status] ?? 'Error',
      detail: `${out.error}: ${detail}`,
      request_id: requestId(ctx),
      ...(hint ? { hint } : {}),
    })
  }
}
