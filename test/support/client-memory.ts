import { REDIRECT_URI } from './toolgate.ts'

/** What a host of an MCP client keeps for it, in the shape that both official SDKs ask of an OAuthClientProvider. */
type StoredTokens = { access_token: string; refresh_token?: string | undefined; scope?: string | undefined }

export class ClientMemory<Information extends { client_id: string }, Tokens extends StoredTokens> {
  information: Information | undefined
  stored: Tokens | undefined
  authorization_url: URL | undefined
  #verifier = ''

  get client_id(): string {
    return this.information?.client_id ?? ''
  }
  get access_token(): string {
    return this.stored?.access_token ?? ''
  }
  get refresh_token(): string {
    return this.stored?.refresh_token ?? ''
  }
  get scope(): string {
    return this.stored?.scope ?? ''
  }

  get redirectUrl(): string {
    return REDIRECT_URI
  }
  get clientMetadata() {
    return { client_name: 'A real client', redirect_uris: [REDIRECT_URI] }
  }
  clientInformation() {
    return this.information
  }
  saveClientInformation(information: Information) {
    this.information = information
  }
  tokens() {
    return this.stored
  }
  saveTokens(tokens: Tokens) {
    this.stored = tokens
  }
  redirectToAuthorization(url: URL) {
    this.authorization_url = url
  }
  saveCodeVerifier(verifier: string) {
    this.#verifier = verifier
  }
  codeVerifier() {
    return this.#verifier
  }
  invalidateCredentials(what: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery') {
    if (what === 'all' || what === 'client') this.information = undefined
    if (what === 'all' || what === 'tokens') this.stored = undefined
  }
}

/** One exchange of a client with anybody: what it sent in its body and how that was answered. */
export type Exchange = { request: string; sent: Record<string, unknown>; status: number }

function parsed(body: unknown): Record<string, unknown> {
  const text = body instanceof URLSearchParams || typeof body === 'string' ? String(body) : ''
  return text.startsWith('{') ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text))
}

/** A fetch that keeps every exchange. */
export class Recorder {
  readonly exchanges: Exchange[] = []
  #waiting: { request: string; resolve: () => void }[] = []

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init)
    const { pathname } = new URL(input instanceof Request ? input.url : input)
    const request = `${init?.method ?? 'GET'} ${pathname}`
    this.exchanges.push({ request, sent: parsed(init?.body), status: response.status })
    for (const waiting of this.#waiting) if (waiting.request === request) waiting.resolve()
    return response
  }

  /** Resolves when `request` is next answered. */
  next(request: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ request, resolve }))
  }
}

export const NEEDS_PERSON = 'the SDK stopped: a person has to decide'

type ErrorClass = abstract new (...args: never[]) => Error

/** What `work` gives, or that the SDK stopped with its `UnauthorizedError`. */
export async function orPerson<T>(
  unauthorized: ErrorClass,
  work: () => Promise<T>,
): Promise<T | typeof NEEDS_PERSON> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof unauthorized) return NEEDS_PERSON
    throw error
  }
}

/** An MCP client on an official SDK, which does its own discovery, registration, PKCE, refresh and step-up. */
export type RealClient = {
  readonly memory: {
    readonly client_id: string
    readonly access_token: string
    readonly refresh_token: string
    readonly scope: string
    /** Where the SDK wants the person to go. */
    readonly authorization_url: URL | undefined
    /** As after a registration; an operator may have added the client instead. */
    saveClientInformation(information: { client_id: string }): void
  }
  readonly exchanges: Exchange[]
  readonly protocol_version: string | undefined
  /** Opens a new connection with what is remembered. */
  connect(): Promise<'connected' | typeof NEEDS_PERSON>
  tools(): Promise<string[]>
  /** The text of the tool's answer. */
  call(name: string, args?: Record<string, unknown>): Promise<string>
  /** Hands the SDK the address at which the browser came back. */
  finish(callback: URL): Promise<void>
  close(): Promise<void>
}
