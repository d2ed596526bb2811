import { PASSWORD, type Toolgate } from '../../support/toolgate.ts'

/** A browser of somebody who signed in to the pages: cookies, and the token of forms. */
export type SignedIn = {
  cookie: string
  account_id: string
  get(path: string, headers?: Record<string, string>): Promise<Response>
  page(path: string): Promise<string>
  post(path: string, form: Record<string, string>): Promise<Response>
}

export async function signedIn(toolgate: Toolgate, roles: string[]): Promise<SignedIn> {
  const { username, id: account_id } = await toolgate.account(roles)
  const response = await toolgate.post('/sign-in', { username, password: PASSWORD })
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
  const get = (path: string, headers: Record<string, string> = {}) =>
    toolgate.fetch(path, { headers: { cookie, accept: 'text/html', ...headers } })
  const page = async (path: string) => (await get(path)).text()
  return {
    cookie,
    account_id,
    get,
    page,
    async post(path, form) {
      const csrf = /name="csrf" value="([^"]+)"/.exec(await page('/account'))?.[1] ?? ''
      return toolgate.post(path, { csrf, ...form }, { cookie, accept: 'text/html' })
    },
  }
}
