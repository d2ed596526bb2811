import type { ServerResponse } from 'node:http'
import { isObject } from '../../base/json.ts'
import type { Guard } from '../guard.ts'
import { createDecide, type Decide } from './decide.ts'
import { LACKS_TOKENS, type SdkAuthInfo, type SdkMessage } from './message-request.ts'
import { NO_SUCH_SESSION, neededScopes } from './refusal.ts'
import {
  principalOf,
  type SdkTransport,
  TransportGate,
  type TransportOptions,
  type Wire,
} from './transport.ts'

/** A server of the SDK: `McpServer` or `Server`, v1 or v2. */
export type SdkServer = { connect(transport: never): Promise<void> }

/** v2's hook: a challenge here is answered with 403 `insufficient_scope` in place of the message's own answer. */
type Challenge = { scopes: string[] }
type AskForChallenge = (context: { request: SdkMessage; authInfo?: SdkAuthInfo }) => unknown

/**
 * Puts the guard between a server transport of the SDK and the server: connect the server to what is returned, and use
 * only that. Every message is decided before the server sees it, in the order in which they come; `tools/list` is
 * answered with the tools that may be called. A refused request is answered with a JSON-RPC error; a refused
 * notification or response is dropped and reported to `on_error`.
 *
 * Over HTTP the token is the one that the SDK's bearer middleware let through. Over stdio there is none in mode `none`;
 * in the other modes it is the option `token`.
 * @throws TypeError when it cannot be known who calls
 */
export function protectTransport<T extends SdkTransport>(
  guard: Guard,
  transport: T,
  options: TransportOptions = {},
): T {
  return protect(guard, transport, createDecide(guard, options.token), options)
}

/**
 * The same for a server whose transports are made elsewhere, as `createMcpHandler` of v2 does: whatever it is connected
 * to is protected.
 * @returns `server` itself
 */
export function protectServer<T extends SdkServer>(
  guard: Guard,
  server: T,
  options: TransportOptions = {},
): T {
  const decide = createDecide(guard, options.token)
  const connect = server.connect.bind(server) as (transport: SdkTransport) => Promise<void>
  server.connect = async (transport: SdkTransport) => connect(protect(guard, transport, decide, options))
  // The hook for servers whose transports live as long as one request. Were it gone, the transport still refuses.
  if ('resolveScopeChallenge' in server && typeof server.resolveScopeChallenge === 'function') {
    server.resolveScopeChallenge = challengeFirst(decide, server.resolveScopeChallenge as AskForChallenge)
  }
  return server
}

function protect<T extends SdkTransport>(
  guard: Guard,
  transport: T,
  decide: Decide,
  { token }: TransportOptions,
): T {
  requireKnownCaller(guard, transport, token)
  // What came over HTTP is never that of whoever started this process.
  const decideHere: Decide = isHttp(transport)
    ? (message, extra) => decide(message, { ...extra, authInfo: extra?.authInfo ?? {} })
    : decide
  const gate = new TransportGate(transport as Wire, decideHere, guard.settings.on_error)
  const replaced: Record<PropertyKey, unknown> = {
    start: () => gate.start(),
    send: gate.send.bind(gate),
    ...httpFaces(transport, gate, decide),
  }
  return new Proxy(transport, {
    get(target, name) {
      if (isHandler(name)) return gate.handlers[name]
      if (Object.hasOwn(replaced, name)) return replaced[name]
      const value: unknown = Reflect.get(target, name)
      // Private members are the target's.
      return typeof value === 'function' ? value.bind(target) : value
    },
    set(target, name, value) {
      return isHandler(name) ? Reflect.set(gate.handlers, name, value) : Reflect.set(target, name, value)
    },
  })
}

function isHandler(name: PropertyKey): name is 'onmessage' | 'onclose' | 'onerror' {
  return name === 'onmessage' || name === 'onclose' || name === 'onerror'
}

/** What only transports of HTTP have, and those of stdio or memory have not. */
const HTTP_FACES = ['handleRequest', 'handlePostMessage', 'handleMessage']

function isHttp(transport: object): boolean {
  return HTTP_FACES.some((name) => name in transport)
}

function requireKnownCaller(
  { settings: { mode } }: Guard,
  transport: object,
  token: string | undefined,
): void {
  const is_http = isHttp(transport)
  if (mode === 'none' && is_http)
    throw new TypeError(`${LACKS_TOKENS}: put the guard in front of the HTTP server`)
  if (mode !== 'none' && !is_http && !token)
    throw new TypeError(
      `mode '${mode}' needs the option token over stdio: who started this process is not known`,
    )
}

/** What a transport of HTTP is asked besides its messages. */
function httpFaces(transport: object, gate: TransportGate, decide: Decide): Record<string, unknown> {
  const faces: Record<string, unknown> = {}
  if ('handleRequest' in transport && typeof transport.handleRequest === 'function')
    faces.handleRequest = requireSession(gate, transport.handleRequest.bind(transport))
  // HTTP+SSE: even a refusal of what is posted here would go to the stream of whoever opened it.
  if ('handlePostMessage' in transport && typeof transport.handlePostMessage === 'function')
    faces.handlePostMessage = requireSession(gate, transport.handlePostMessage.bind(transport))
  if ('setScopeChallengeResolver' in transport && typeof transport.setScopeChallengeResolver === 'function') {
    const setResolver = transport.setScopeChallengeResolver.bind(transport)
    faces.setScopeChallengeResolver = (ask: AskForChallenge) => setResolver(challengeFirst(decide, ask))
  }
  return faces
}

/** A step-up is answered as HTTP has it; for what no scope opens the transport has the words. */
function challengeFirst(decide: Decide, ask: AskForChallenge): AskForChallenge {
  return async (context): Promise<Challenge | unknown> => {
    const { request, authInfo } = context
    const decision = await decide(request, { authInfo: authInfo ?? {} })
    const scopes = decision.outcome === 'refused' ? neededScopes(decision) : []
    return scopes.length > 0 ? { scopes } : ask(context)
  }
}

type HandleRequest = (...given: unknown[]) => Promise<unknown>

/** The stream of a session, and its end, are no messages: whoever learns the id of a session gets none of it. */
function requireSession(gate: TransportGate, handleRequest: HandleRequest): HandleRequest {
  return async (request, second, ...others) => {
    const is_web = request instanceof Request
    const authInfo = ((is_web ? optionsOf(second).authInfo : optionsOf(request).auth) ?? {}) as SdkAuthInfo
    if (gate.isOpenTo(principalOf(authInfo))) return handleRequest(request, second, ...others)
    const { status, headers, body } = NO_SUCH_SESSION
    if (is_web) return Response.json(body, { status, headers })
    const response = second as ServerResponse
    response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
}

function optionsOf(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {}
}
