import { isObject } from '../../base/json.ts'
import type { AnswerWatch } from '../answers/answer-watch.ts'
import type { Decision } from '../guard.ts'
import type { Allowed } from '../introspection-client/verdict.ts'
import type { Refused } from '../refusal.ts'
import type { Decide } from './decide.ts'
import { disagreement, type SdkExtra, type SdkMessage } from './message-request.ts'
import { ID_IN_USE, jsonRpcErrorOf, NO_SUCH_SESSION } from './refusal.ts'

/** What there is to a server transport of the SDK, v1 and v2. Structural, so that neither is imported. */
export type SdkTransport = {
  start(): Promise<void>
  send(message: never, options?: never): Promise<void>
  close(): Promise<void>
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  onmessage?: ((message: never, extra?: never) => void) | undefined
  sessionId?: string | undefined
}

export type TransportOptions = {
  /** Over stdio, in modes `token` and `oauth`: the access token of whoever started this process. */
  token?: string | undefined
}

/** The same, as it is used here. */
export type Wire = Omit<SdkTransport, 'send' | 'onmessage'> & {
  send(message: SdkMessage, options?: unknown): Promise<void>
  onmessage?: ((message: SdkMessage | SdkMessage[], extra?: SdkExtra) => void) | undefined
}

/** What the server hung into the transport. */
export type Handlers = Pick<Wire, 'onmessage' | 'onclose' | 'onerror'>

/** A request that was let through and is yet to be answered. */
type Waiting = { method: unknown; tools: string[]; watch: AnswerWatch }

/** Stands between a transport and its server: decides what comes in, and sees what goes out. */
export class TransportGate {
  readonly #wire: Wire
  readonly #decide: Decide
  readonly #report: (error: Error) => void
  readonly #waiting = new Map<unknown, Waiting>()
  /** Whose session the transport is: whoever opened it. */
  #principal: string | undefined
  #queue: Promise<void> = Promise.resolve()
  readonly handlers: Handlers = {}

  constructor(wire: Wire, decide: Decide, report: (error: Error) => void) {
    this.#wire = wire
    this.#decide = decide
    this.#report = report
    const { onclose, onerror } = wire
    Object.assign(this.handlers, { onclose, onerror })
  }

  /** Takes the place of the server's handlers, and begins. */
  start(): Promise<void> {
    const { handlers } = this
    this.#wire.onmessage = (message, extra) => this.#receive(message, extra)
    this.#wire.onerror = (error) => handlers.onerror?.(error)
    this.#wire.onclose = () => {
      for (const id of [...this.#waiting.keys()]) this.#forget(id)
      handlers.onclose?.()
    }
    return this.#wire.start()
  }

  /** Passes what is no answer; an answer only to a request that was let through, with the tools that may be seen. */
  async send(message: SdkMessage, options?: unknown): Promise<void> {
    const { id, method } = message
    if (method !== undefined || id === undefined || id === null) return this.#wire.send(message, options)
    const waiting = this.#waiting.get(id)
    if (!waiting) return this.#report(new Error('An answer was held back: no request with its id is open'))
    this.#waiting.delete(id)
    const answer = waiting.method === 'tools/list' ? withTools(message, waiting.tools) : message
    waiting.watch.begin(200, { get: (name) => this.#headerOfAnswer(name) })
    waiting.watch.write(new TextEncoder().encode(JSON.stringify(answer)))
    try {
      await this.#wire.send(answer, options)
      waiting.watch.end(true)
    } catch (error) {
      waiting.watch.end(false)
      throw error
    }
  }

  /** Whether this principal may use the session; the first one opens it. */
  isOpenTo(principal: string): boolean {
    return this.#principal === undefined || this.#principal === principal
  }

  #headerOfAnswer(name: string): string | null {
    if (name.toLowerCase() === 'content-type') return 'application/json'
    return name.toLowerCase() === 'mcp-session-id' ? (this.#wire.sessionId ?? null) : null
  }

  /** Asks at once, and delivers in the order in which the messages came. */
  #receive(message: SdkMessage | SdkMessage[], extra: SdkExtra | undefined): void {
    if (Array.isArray(message)) {
      for (const each of message) this.#receive(each, extra)
      return
    }
    const decided = this.#decide(message, extra)
    // Awaited in its turn; until then it must not end the process.
    decided.catch(() => {})
    this.#queue = this.#queue
      .then(async () => this.#deliver(message, extra, await decided))
      .catch((error) =>
        this.#report(error instanceof Error ? error : new Error('A message was not delivered')),
      )
  }

  async #deliver(message: SdkMessage, extra: SdkExtra | undefined, decision: Decision): Promise<void> {
    if (decision.outcome === 'refused') return this.#refuse(message, decision)
    const refused = this.#objection(message, extra, decision)
    if (refused) {
      decision.watch.end(false)
      return this.#refuse(message, refused)
    }
    this.#principal ??= principalOf(decision.auth)
    const { auth, tools, watch } = decision
    if (isRequest(message)) this.#waiting.set(message.id, { method: message.method, tools, watch })
    this.handlers.onmessage?.(message, { ...extra, authInfo: auth })
    if (!isRequest(message)) acceptUnanswered(watch)
    // MCP, Cancellation: the receiver SHOULD NOT send a response for the cancelled request.
    if (message.method === 'notifications/cancelled') this.#forget(cancelledBy(message))
  }

  #objection(message: SdkMessage, extra: SdkExtra | undefined, allowed: Allowed): Refused | undefined {
    if (!this.isOpenTo(principalOf(allowed.auth))) return NO_SUCH_SESSION
    if (isRequest(message) && this.#waiting.has(message.id)) return ID_IN_USE
    return disagreement(message, extra)
  }

  async #refuse(message: SdkMessage, refused: Refused): Promise<void> {
    if (isRequest(message)) {
      const answer = { jsonrpc: '2.0', id: message.id, error: jsonRpcErrorOf(refused) }
      return this.#wire.send(answer)
    }
    const kind = message.method === undefined ? 'response' : 'notification'
    this.#report(new Error(`A ${kind} was dropped: refused with status ${refused.status}`))
  }

  #forget(id: unknown): void {
    this.#waiting.get(id)?.watch.end(false)
    this.#waiting.delete(id)
  }
}

/** Whose a message is: a person at one client, whatever tokens he gets there. */
export function principalOf({ clientId, extra }: SdkExtra['authInfo'] & object): string {
  return JSON.stringify([extra?.sub, clientId])
}

function isRequest({ id, method }: SdkMessage): boolean {
  return method !== undefined && id !== undefined
}

function cancelledBy({ params }: SdkMessage): unknown {
  return isObject(params) ? params.requestId : undefined
}

/** MCP, Streamable HTTP: what needs no answer is accepted with 202. */
function acceptUnanswered(watch: AnswerWatch): void {
  watch.begin(202, { get: () => null })
  watch.end(true)
}

function withTools(message: SdkMessage, names: readonly string[]): SdkMessage {
  const { result } = message
  if (typeof result !== 'object' || result === null || !('tools' in result)) return message
  const listed: { name?: unknown }[] = Array.isArray(result.tools) ? result.tools : []
  const tools = listed.filter(({ name }) => typeof name === 'string' && names.includes(name))
  return { ...message, result: { ...result, tools } }
}
