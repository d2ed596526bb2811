import type { Toolgate } from '../support/toolgate.ts'
import { PASSWORD } from '../support/toolgate.ts'

/** Somebody who is signed in to the pages, and what their pages offer them. */
export type Visitor = { cookie: string; csrf: string }

/** Everything that somebody is offered: pages to go to and forms to send, without the token that guards them. */
export type Offers = { links: Set<string>; forms: Map<string, OfferedForm> }
export type OfferedForm = { action: string; fields: [name: string, value: string][] }

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return found?.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'")
}

export async function signIn(toolgate: Toolgate, username: string): Promise<Visitor> {
  const response = await toolgate.post('/sign-in', { username, password: PASSWORD })
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
  const page = await (await toolgate.fetch('/account', { headers: { cookie } })).text()
  const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1]
  if (csrf === undefined) throw new Error(`no page for ${username}: ${response.status}`)
  return { cookie, csrf }
}

/** Sends a form as the visitor's browser would. */
export function submit(
  toolgate: Toolgate,
  { cookie, csrf }: Visitor,
  action: string,
  fields: readonly (readonly [string, string])[] = [],
  headers: Record<string, string> = {},
): Promise<Response> {
  const body = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value]))
  body.append('csrf', csrf)
  const same_origin = { origin: new URL(toolgate.issuer).origin, 'sec-fetch-site': 'same-origin' }
  return toolgate.fetch(action, { method: 'POST', headers: { cookie, ...same_origin, ...headers }, body })
}

function formsIn(html: string): OfferedForm[] {
  return [...html.matchAll(/<form[^>]*>[\s\S]*?<\/form>/g)].flatMap(([form]) => {
    if (attribute(form, 'method') !== 'post') return []
    const inputs = [...form.matchAll(/<(?:input|button)[^>]*>/g)].map(([tag]) => tag)
    const fields = inputs.flatMap((tag): [string, string][] => {
      const name = attribute(tag, 'name')
      return name === undefined || name === 'csrf' ? [] : [[name, attribute(tag, 'value') ?? 'x']]
    })
    return [{ action: attribute(form, 'action') ?? '', fields }]
  })
}

/** Follows every link from `start` that stays below it. */
export async function browse(toolgate: Toolgate, { cookie }: Visitor, start: string): Promise<Offers> {
  const links = new Set([start])
  const forms = new Map<string, OfferedForm>()
  for (const link of links) {
    const response = await toolgate.fetch(link, { headers: { cookie, accept: 'text/html' } })
    const html = await response.text()
    for (const [tag] of html.matchAll(/<a\s[^>]*>/g)) {
      const href = attribute(tag, 'href') ?? ''
      if (href === start || href.startsWith(`${start}/`) || href.startsWith(`${start}?`)) links.add(href)
    }
    for (const form of formsIn(html)) forms.set(JSON.stringify(form), form)
  }
  return { links, forms }
}

/** What is stored, as one text for each table; what the log and sessions note of every visit is left out. */
export async function storedState(toolgate: Toolgate): Promise<Record<string, string>> {
  const { knex } = toolgate.db.database
  const tables: string[] = await knex('pg_tables').where({ schemaname: 'public' }).pluck('tablename')
  const kept = tables.filter((name) => !/^(audit_|checkpoint|knex_)/.test(name)).toSorted()
  const queries = kept.map((name) => {
    const row = name === 'page_sessions' ? 't.id' : 't'
    return knex.raw(`select count(*) || ' ' || coalesce(sum(hashtext(${row}::text)), 0) as state from ?? t`, [
      name,
    ])
  })
  const answers = (await Promise.all(queries)) as { rows: { state: string }[] }[]
  return Object.fromEntries(kept.map((name, index) => [name, answers[index]?.rows[0]?.state ?? '']))
}
