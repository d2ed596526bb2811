import {
  Client,
  type OAuthClientMetadata,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import type { Person, Visit } from './person.ts'

/** An MCP client on the official SDK, which does its own discovery, registration, PKCE, refresh and step-up. */
const REDIRECT_URI = 'http://127.0.0.1:33418/callback'

class Memory implements OAuthClientProvider {
  client: StoredOAuthClientInformation | undefined
  stored: StoredOAuthTokens | undefined
  authorization_url: URL | undefined
  #verifier = ''
  #discovered: OAuthDiscoveryState | undefined

  get redirectUrl(): string {
    return REDIRECT_URI
  }
  get clientMetadata(): OAuthClientMetadata {
    return { client_name: 'Demo client', redirect_uris: [REDIRECT_URI] }
  }
  clientInformation() {
    return this.client
  }
  saveClientInformation(information: StoredOAuthClientInformation) {
    this.client = information
  }
  tokens() {
    return this.stored
  }
  saveTokens(tokens: StoredOAuthTokens) {
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
  saveDiscoveryState(state: OAuthDiscoveryState) {
    this.#discovered = state
  }
  discoveryState() {
    return this.#discovered
  }
}

export class DemoClient {
  readonly memory = new Memory()
  readonly #url: URL
  readonly #fetch: typeof fetch
  #client = new Client({ name: 'demo', version: '1.0.0' })
  #transport: StreamableHTTPClientTransport

  constructor(mcp_url: string, options: { fetch: typeof fetch }) {
    this.#url = new URL(mcp_url)
    this.#fetch = options.fetch
    this.#transport = this.#newTransport()
  }

  #newTransport(): StreamableHTTPClientTransport {
    return new StreamableHTTPClientTransport(this.#url, { authProvider: this.memory, fetch: this.#fetch })
  }

  get access_token(): string {
    return this.memory.stored?.access_token ?? ''
  }
  get refresh_token(): string {
    return this.memory.stored?.refresh_token ?? ''
  }

  /** Runs `work`; true when the SDK stopped because a person has to decide first. */
  async needsPerson(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return false
    } catch (error) {
      if (error instanceof UnauthorizedError) return true
      throw error
    }
  }

  async connect(): Promise<void> {
    this.#client = new Client({ name: 'demo', version: '1.0.0' })
    this.#transport = this.#newTransport()
    await this.#client.connect(this.#transport)
  }

  /** Sends the person to the authorization URL that the SDK built, and gives the SDK what came back. */
  async letDecide(person: Person): Promise<Visit> {
    if (!this.memory.authorization_url) throw new Error('the SDK asked for no authorization')
    const visit = await person.authorize(this.memory.authorization_url, REDIRECT_URI)
    await this.#transport.finishAuth(visit.callback.searchParams)
    return visit
  }

  async tools(): Promise<string[]> {
    const { tools } = await this.#client.listTools()
    return tools.map(({ name }) => name).sort()
  }

  async call(name: string, args: Record<string, unknown>): Promise<string> {
    const result = await this.#client.callTool({ name, arguments: args })
    const [first] = result.content as { text?: string }[]
    return first?.text ?? ''
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
