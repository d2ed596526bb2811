/** A person with a browser: keeps cookies, follows redirects, reads pages and fills in their forms. */
export type PersonOptions = {
  username: string
  password: string
  /** Which of the offered scopes stay ticked; all of them when absent. */
  tick?: (offered: string[]) => string[]
  fetch?: typeof fetch
}

/** What the person saw and did on the way. */
export type Visit = { callback: URL; pages: string[]; consent: string }

type PageForm = { action: string; fields: [name: string, value: string][]; offered: string[] }

const HOPS_MAX = 20

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return found?.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'")
}

function readForm(html: string): PageForm {
  const form = /<form[^>]*>[\s\S]*?<\/form>/.exec(html)?.[0] ?? ''
  const inputs = [...form.matchAll(/<input[^>]*>/g)].map(([tag]) => tag)
  const value = (tag: string): [string, string] => [
    attribute(tag, 'name') ?? '',
    attribute(tag, 'value') ?? '',
  ]
  return {
    action: attribute(form, 'action') ?? '',
    fields: inputs.filter((tag) => attribute(tag, 'type') === 'hidden').map(value),
    offered: inputs.filter((tag) => attribute(tag, 'type') === 'checkbox').map((tag) => value(tag)[1]),
  }
}

export class Person {
  readonly #cookies = new Map<string, string>()
  readonly #options: PersonOptions

  constructor(options: PersonOptions) {
    this.#options = options
  }

  async #open(url: URL, body?: URLSearchParams): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await (this.#options.fetch ?? fetch)(url, {
      method: body ? 'POST' : 'GET',
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        cookie,
        ...(body ? { origin: url.origin, 'sec-fetch-site': 'same-origin' } : {}),
      },
      ...(body ? { body } : {}),
    })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';')[0]?.split(/=(.*)/s) ?? []
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return response
  }

  #fill(page: PageForm, isLogin: boolean): URLSearchParams {
    const body = new URLSearchParams(page.fields)
    if (isLogin) {
      body.set('username', this.#options.username)
      body.set('password', this.#options.password)
      return body
    }
    const ticked = this.#options.tick?.(page.offered) ?? page.offered
    for (const scope of ticked) body.append('scope', scope)
    return body
  }

  /** Opens an authorization URL and goes on until the browser is sent to `redirect_uri`. Throws on an error page. */
  async authorize(authorization_url: URL, redirect_uri: string): Promise<Visit> {
    const pages: string[] = []
    let consent = ''
    let url = authorization_url
    let body: URLSearchParams | undefined
    for (let hop = 0; hop < HOPS_MAX; hop++) {
      if (url.href.startsWith(redirect_uri)) return { callback: url, pages, consent }
      const response = await this.#open(url, body)
      body = undefined
      const location = response.headers.get('location')
      const html = await response.text()
      const refresh = /<meta http-equiv="refresh" content="0;\s*url=([^"]*)"/.exec(html)?.[1]
      if (location) url = new URL(location, url)
      else if (refresh) url = new URL(refresh.replaceAll('&amp;', '&'), url)
      else {
        const title = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(html)?.[1]?.replace(/<[^>]*>/g, '') ?? ''
        if (response.status !== 200) throw new Error(`the browser was shown: ${response.status} ${title}`)
        pages.push(title)
        const form = readForm(html)
        const isLogin = html.includes('type="password"')
        if (!isLogin) consent = html
        body = this.#fill(form, isLogin)
        url = new URL(form.action, url)
      }
    }
    throw new Error('the browser was sent around in circles')
  }
}
