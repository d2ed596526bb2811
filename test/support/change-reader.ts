export type Change = { event: string; id: string; data: Record<string, unknown> }

/** A resource server that listens to the revocation feed, message by message. */
export class ChangeReader {
  readonly response: Response
  readonly #changes: AsyncGenerator<Change>
  readonly #cut: AbortController

  private constructor(response: Response, cut: AbortController) {
    this.response = response
    this.#changes = changesIn(response)
    this.#cut = cut
  }

  static async open(
    issuer: string,
    { client_id, client_secret }: { client_id: string; client_secret: string },
    last_event_id?: string,
  ): Promise<ChangeReader> {
    const cut = new AbortController()
    const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
    const response = await fetch(`${issuer}/introspect/changes`, {
      method: 'POST',
      headers: { authorization, ...(last_event_id === undefined ? {} : { 'last-event-id': last_event_id }) },
      body: new URLSearchParams(),
      signal: cut.signal,
    })
    return new ChangeReader(response, cut)
  }

  /** The next message; undefined when the feed has ended. */
  async next(): Promise<Change | undefined> {
    const { value, done } = await this.#changes.next()
    return done ? undefined : value
  }

  /** What was dropped next, with what is only about being alive left out; undefined at the end. */
  async dropped(): Promise<Change | undefined> {
    for (;;) {
      const change = await this.next()
      if (change?.event !== 'alive') return change
    }
  }

  close(): void {
    this.#cut.abort()
  }
}

async function* changesIn({ body }: Response): AsyncGenerator<Change> {
  if (!body) return
  let text = ''
  try {
    for await (const piece of body.pipeThrough(new TextDecoderStream())) {
      const messages = (text + piece).split('\n\n')
      text = messages.pop() ?? ''
      for (const message of messages) if (!message.startsWith(':')) yield changeOf(message)
    }
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error
  }
}

function changeOf(message: string): Change {
  const fields = new Map(message.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]))
  return {
    event: fields.get('event') ?? '',
    id: fields.get('id') ?? '',
    data: JSON.parse(fields.get('data') ?? 'null'),
  }
}
