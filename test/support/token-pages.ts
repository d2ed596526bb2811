import { PASSWORD, type Toolgate } from './toolgate.ts'
import { type Page, Visitor } from './visitor.ts'

/** Somebody who is signed in to the pages. */
export async function signedIn(toolgate: Toolgate, username: string): Promise<Visitor> {
  const visitor = new Visitor(toolgate.issuer)
  const page = await visitor.open(`${toolgate.issuer}/sign-in`)
  await visitor.submit(page, { username, password: PASSWORD })
  return visitor
}

/** Sends the form of a page whose action ends so. */
export function sendForm(
  visitor: Visitor,
  page: Page,
  action: string,
  fields: Record<string, string> = {},
  scope: string[] = [],
): Promise<Page> {
  const form = page.forms.find((each) => each.action.endsWith(action))
  if (!form) throw new Error(`${page.status} ${page.heading} has no form to ${action}`)
  const body = new URLSearchParams(form.fields)
  for (const [name, value] of Object.entries(fields)) body.set(name, value)
  for (const name of scope) body.append('scope', name)
  return visitor.open(form.action, body)
}

/** The token that a page shows, once. */
export function tokenOn(page: Page): string {
  const [token] = /tgp_[0-9A-Za-z]{49}/.exec(page.html) ?? []
  if (token === undefined) throw new Error(`${page.status} ${page.heading} shows no token: ${page.html}`)
  return token
}
