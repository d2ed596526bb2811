import { type Exchange, exchange, type ProbeRequest } from '../probe/exchange.ts'
import { mayLeadTo, notAsked } from '../probe/local-address.ts'
import {
  type Asked,
  initializeRequest,
  type ListedTools,
  listTools,
  type McpAsk,
  type McpConnection,
  type McpTarget,
  openMcp,
  postMcp,
  rpcRequest,
  SESSION_REVISION,
  sessionHeaders,
} from '../probe/mcp-session.ts'
import type { ReviewOptions } from './seen.ts'

/** What collecting needs: requests that are kept, secrets that are remembered, and progress that is told. */
export type Asking = {
  options: ReviewOptions
  answers: Exchange[]
  secrets: Set<string>
  /** Of every value that must not be shown; also those that answers may well hold, such as new tokens. */
  hidden: Set<string>
  say: (step: string) => void
  get(url: string, request?: ProbeRequest): Promise<Exchange>
  post(
    token: string | undefined,
    body: unknown,
    headers?: Record<string, string>,
    url?: string,
  ): Promise<Exchange>
  open(token: string | undefined): Promise<McpConnection>
  list(ask: McpAsk): Promise<ListedTools>
  /** `tools/list` as if nothing had been said before. */
  listOnce(token: string | undefined, headers?: Record<string, string>, url?: string): Promise<Exchange>
}

export function createAsking(options: ReviewOptions, say: (step: string) => void): Asking {
  const answers: Exchange[] = []
  const secrets = new Set<string>()
  const hidden = new Set<string>()
  const { timeout_ms } = options
  const start = new URL(options.url)
  const target = (token: string | undefined): McpTarget => {
    if (token !== undefined) secrets.add(token)
    return { url: options.url, token, timeout_ms }
  }
  const keep = (answer: Exchange) => {
    answers.push(answer)
    return answer
  }
  const kept = (asked: Asked) => {
    keep(asked.answer)
    return asked
  }
  const post: Asking['post'] = async (token, body, headers = {}, url = options.url) =>
    keep(await postMcp({ ...target(token), url }, body, headers))
  return {
    options,
    answers,
    secrets,
    hidden,
    say,
    get: async (url, request = {}) =>
      keep(
        mayLeadTo(start, new URL(url))
          ? await exchange(url, { ...(timeout_ms && { timeout_ms }), ...request })
          : notAsked(request.method ?? 'GET', url),
      ),
    post,
    async open(token) {
      const connection = await openMcp(target(token))
      kept(connection.opened)
      return { ...connection, ask: async (method, params) => kept(await connection.ask(method, params)) }
    },
    list: (ask) => listTools(ask),
    listOnce: (token, headers = {}, url = options.url) =>
      post(
        token,
        rpcRequest('tools/list'),
        { ...sessionHeaders(SESSION_REVISION, undefined), ...headers },
        url,
      ),
  }
}

/** `initialize` as a request of its own, whose session nobody uses. */
export function initializeOnce(asking: Asking, headers: Record<string, string>): Promise<Exchange> {
  return asking.post(undefined, initializeRequest(), headers)
}
