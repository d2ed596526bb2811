import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { basePath } from '../../http/base-path.ts'
import { countHostLines } from '../../http/host-check.ts'
import { OAUTH_FORM_LIMIT_BYTES, readForm } from '../../http/read-body.ts'
import { chosenRequestId, plainAddress } from '../../http/request-context.ts'
import { securityHeadersOf } from '../../http/security-headers.ts'
import type { IntrospectionBatch } from './batch.ts'
import type { Decision } from './decision.ts'
import { handOver, INTROSPECTION_PATH } from './endpoint.ts'
import { readQuestion } from './question.ts'

export type ShortCutOptions = { batch: IntrospectionBatch; issuer: string }

/**
 * The usual introspection without koa, which costs more than the question itself. Only answers of 200 leave here,
 * with the same headers; whatever else a request turns out to be, `rest` answers it, once, as it answers all.
 *
 * Not for a server behind a proxy: X-Forwarded-* headers are not read here.
 */
export function introspectionShortCut(
  { batch, issuer }: ShortCutOptions,
  rest: RequestListener,
): RequestListener {
  const { host } = new URL(issuer)
  const path = basePath(issuer) + INTROSPECTION_PATH
  const headers = {
    ...securityHeadersOf(INTROSPECTION_PATH, { issuer }),
    'Content-Type': 'application/json; charset=utf-8',
  }
  const fixed = Object.entries(headers).flat()

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const request_id = chosenRequestId(req.headers['x-request-id'])
    const deciding = decide(batch, req, request_id)
    const decision = await deciding.catch(() => undefined)
    if (decision?.status === 200) return send(res, decision, [...fixed, 'x-request-id', request_id])
    req.headers['x-request-id'] = request_id
    handOver(req, deciding)
    rest(req, res)
  }

  return (req, res) => {
    const { method, url, rawHeaders } = req
    const is_usual = method === 'POST' && url === path && req.headers.host === host
    if (is_usual && countHostLines(rawHeaders) === 1) void answer(req, res)
    else rest(req, res)
  }
}

async function decide(
  batch: IntrospectionBatch,
  req: IncomingMessage,
  request_id: string,
): Promise<Decision> {
  const form = await readForm(req, { limit_bytes: OAUTH_FORM_LIMIT_BYTES })
  const { authorization } = req.headers
  return batch.ask(
    readQuestion(form, { authorization, request_id, ip: plainAddress(req.socket.remoteAddress) }),
  )
}

function send(res: ServerResponse, { status, body }: Decision, headers: string[]): void {
  const text = JSON.stringify(body)
  res.writeHead(status, [...headers, 'Content-Length', String(Buffer.byteLength(text))])
  res.end(text)
}
