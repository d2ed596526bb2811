import { PASSWORD, type Toolgate } from './toolgate.ts'

/** Somebody with these roles who is signed in to the pages, without a browser. */
export async function signedIn(toolgate: Toolgate, roles: string[]) {
  const { id, username } = await toolgate.account(roles)
  const response = await toolgate.post('/sign-in', { username, password: PASSWORD })
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
  const get = async (path: string) => {
    const answer = await toolgate.fetch(path, { headers: { cookie } })
    return { status: answer.status, html: await answer.text() }
  }
  const csrf = /name="csrf" value="([^"]+)"/.exec((await get('/account')).html)?.[1] ?? ''
  /** Sends a form as its page would. */
  const post = async (path: string, form: Record<string, string>) => {
    const answer = await toolgate.post(
      path,
      { csrf, ...form },
      { cookie, origin: new URL(toolgate.issuer).origin },
    )
    return {
      status: answer.status,
      html: await answer.text(),
      location: answer.headers.get('location'),
    }
  }
  return { id, username, get, post }
}
