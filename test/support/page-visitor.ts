import { PASSWORD, type Toolgate } from './toolgate.ts'

/** Somebody who is signed in to the pages and sends their forms, without a browser. */
export class PageVisitor {
  readonly cookie: string
  readonly #toolgate: Toolgate

  private constructor(toolgate: Toolgate, cookie: string) {
    this.#toolgate = toolgate
    this.cookie = cookie
  }

  static async signIn(toolgate: Toolgate, username: string): Promise<PageVisitor> {
    const response = await toolgate.post('/sign-in', { username, password: PASSWORD })
    if (response.status !== 303) throw new Error(`sign-in answered ${response.status}`)
    return new PageVisitor(toolgate, response.headers.get('set-cookie')?.split(';')[0] ?? '')
  }

  get(path: string): Promise<Response> {
    return this.#toolgate.fetch(path, { headers: { cookie: this.cookie } })
  }

  /** Sends a form with the token that every page of this session has. A name may come more than once. */
  async post(
    path: string,
    form: readonly (readonly [name: string, value: string])[] = [],
  ): Promise<Response> {
    const page = await (await this.get('/account')).text()
    const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? ''
    const body = new URLSearchParams({ csrf })
    for (const [name, value] of form) body.append(name, value)
    return this.#toolgate.fetch(path, { method: 'POST', headers: { cookie: this.cookie }, body })
  }
}
