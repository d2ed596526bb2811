import { randomUUID } from 'node:crypto'
import type { Exchange } from '../probe/exchange.ts'
import {
  type McpConnection,
  rpcRequest,
  STATELESS_REVISION,
  sessionHeaders,
  statelessHeaders,
  statelessRequest,
} from '../probe/mcp-session.ts'
import type { Asking } from './asking.ts'
import { isLetIn, type SeenToken } from './seen.ts'

/** The first revision that has no batches. */
const WITHOUT_BATCHES = '2025-06-18'

/** What only a token that is let in can ask: all of it lists tools, and nothing calls one. */
export async function collectToken(asking: Asking, token: string): Promise<SeenToken> {
  const connection = await asking.open(token)
  const listed = await asking.list(connection.ask)
  const in_query = new URL(asking.options.url)
  in_query.searchParams.set('access_token', token)
  const seen: SeenToken = {
    opened: connection.opened,
    listed,
    session_id: connection.session_id,
    in_query: await asking.listOnce(undefined, {}, in_query.href),
    disagreeing: undefined,
    batch: undefined,
    session_alone: undefined,
    session_of_other: undefined,
    unknown_session: undefined,
  }
  if (!listed.tools) return seen
  const sessions = await askAboutSession(asking, connection, token)
  const is_stateless = await speaksStateless(asking, token)
  return {
    ...seen,
    ...sessions,
    // Only a server that speaks the revision which has these headers must compare them.
    disagreeing: is_stateless ? await disagree(asking, token) : undefined,
    batch: await sendBatch(asking, connection, token, is_stateless),
  }
}

async function speaksStateless(asking: Asking, token: string): Promise<boolean> {
  const request = statelessRequest('tools/list')
  return isLetIn(await asking.post(token, request, statelessHeaders(request)))
}

function disagree(asking: Asking, token: string): Promise<Exchange> {
  const request = statelessRequest('tools/list')
  return asking.post(token, request, { ...statelessHeaders(request), 'mcp-method': 'ping' })
}

/** In the newest revision that the server speaks. */
async function sendBatch(
  asking: Asking,
  { revision, session_id }: McpConnection,
  token: string,
  is_stateless: boolean,
): Promise<Exchange | undefined> {
  if (is_stateless) {
    const requests = [statelessRequest('tools/list'), statelessRequest('server/discover')]
    return asking.post(token, requests, { 'mcp-protocol-version': STATELESS_REVISION })
  }
  if (revision === undefined || revision < WITHOUT_BATCHES) return undefined
  const requests = [rpcRequest('tools/list'), rpcRequest('ping')]
  return asking.post(token, requests, sessionHeaders(revision, session_id))
}

async function askAboutSession(
  asking: Asking,
  { revision, session_id }: McpConnection,
  token: string,
): Promise<Partial<SeenToken>> {
  const { second_token } = asking.options
  if (revision === undefined || session_id === undefined) return {}
  const headers = sessionHeaders(revision, session_id)
  const unknown = sessionHeaders(revision, randomUUID())
  return {
    session_alone: await asking.listOnce(undefined, headers),
    session_of_other: second_token === undefined ? undefined : await asking.listOnce(second_token, headers),
    unknown_session: await asking.listOnce(token, unknown),
  }
}
