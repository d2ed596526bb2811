import { isDeepStrictEqual } from 'node:util'

/** Tells the story: numbered steps, what was asked and answered, and a verdict on every claim. */
const secret = /(?<![A-Za-z0-9_-])(?:tgo_)?[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])|(?<=code_verifier=)\S+/g

/** Tokens and codes are shown by their first characters only. */
export function redact(text: string): string {
  return text.replace(secret, (value) => `${value.slice(0, 6)}…`)
}

export class Narrator {
  #step = 0
  #failures = 0

  get failures(): number {
    return this.#failures
  }

  step(title: string): void {
    this.#step += 1
    console.log(`\n${String(this.#step).padStart(2)}. ${title}`)
  }

  say(line: string): void {
    console.log(`    ${redact(line)}`)
  }

  /** Prints whether what happened is what the story says; a difference fails the demo. */
  check(claim: string, actual: unknown, expected: unknown): void {
    const holds = isDeepStrictEqual(actual, expected)
    if (!holds) this.#failures += 1
    console.log(`    ${holds ? '✓' : '✗'} ${claim}`)
    if (!holds)
      console.log(redact(`      expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`))
  }
}

/** A fetch that tells every exchange: the request line, what matters of the answer. */
export function narratedFetch(narrator: Narrator): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const url = new URL(request.url)
    const asked = init?.body ? summary(String(init.body)) : ''
    const response = await fetch(input, init)
    const challenge = response.headers.get('www-authenticate')
    narrator.say(`> ${request.method} ${url.port}${url.pathname} ${asked}`.trimEnd())
    narrator.say(`< ${response.status}${challenge ? ` ${challenge}` : ''}`)
    return response
  }
}

function summary(body: string): string {
  if (!body.startsWith('{')) return body.replaceAll('&', ' ').slice(0, 160)
  const message = JSON.parse(body) as {
    method?: string
    params?: { name?: string }
    redirect_uris?: string[]
  }
  return [message.method, message.params?.name, message.redirect_uris?.[0]].filter(Boolean).join(' ')
}
