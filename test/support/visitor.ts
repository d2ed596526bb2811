import { createHash, randomBytes } from 'node:crypto'
import { REDIRECT_URI, RESOURCE } from './toolgate.ts'

/** A browser without eyes: keeps cookies, follows redirects, reads forms, and sends them, or something else. */
export type PageForm = { action: string; fields: URLSearchParams; offered: string[] }

export type Page = {
  url: URL
  status: number
  html: string
  /** The text of the heading. */
  heading: string
  /** In the order of the page: what the page is for, then the way out of it. */
  forms: PageForm[]
  /** The browser went to another origin; `url` is where. */
  left: boolean
}

const HOPS_MAX = 20

function decoded(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

function attribute(tag: string, name: string): string {
  return decoded(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '')
}

function readForm(form: string): PageForm {
  const inputs = [...form.matchAll(/<input[^>]*>/g)].map(([tag]) => tag)
  const value = (tag: string): [string, string] => [attribute(tag, 'name'), attribute(tag, 'value')]
  const ofType = (type: string) => inputs.filter((tag) => attribute(tag, 'type') === type)
  return {
    action: attribute(form, 'action'),
    fields: new URLSearchParams(ofType('hidden').map(value)),
    offered: ofType('checkbox').map((tag) => attribute(tag, 'value')),
  }
}

function readPage(url: URL, status: number, html: string, left = false): Page {
  const heading = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(html)?.[1] ?? ''
  const forms = [...html.matchAll(/<form[^>]*>[\s\S]*?<\/form>/g)].map(([form]) => readForm(form))
  return { url, status, html, heading: decoded(heading.replace(/<[^>]*>/g, '')), forms, left }
}

type Cookie = { name: string; value: string; path: string }

/** RFC 6265 §5.1.4 */
function isBelow(pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
}

export class Visitor {
  readonly #cookies = new Map<string, Cookie>()
  readonly #origin: string

  /** `issuer` may have a path; the visitor knows the server by its origin. */
  constructor(issuer: string) {
    this.#origin = new URL(issuer).origin
  }

  get cookies(): string[] {
    return [...new Set([...this.#cookies.values()].map(({ name }) => name))]
  }

  /** One request as this browser sends it, unless `headers` say otherwise; a body makes it a POST. */
  async request(url: URL, body?: URLSearchParams, headers: Record<string, string> = {}): Promise<Response> {
    const sent = [...this.#cookies.values()].filter(({ path }) => isBelow(url.pathname, path))
    const cookie = sent.map(({ name, value }) => `${name}=${value}`).join('; ')
    const own = body ? { origin: this.#origin, 'sec-fetch-site': 'same-origin' } : {}
    const response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { accept: 'text/html', cookie, ...own, ...headers },
      ...(body ? { body } : {}),
    })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';')[0]?.split(/=(.*)/s) ?? []
      const path = /;\s*path=([^;]*)/i.exec(line)?.[1] ?? '/'
      const key = `${name} ${path}`
      if (value === '') this.#cookies.delete(key)
      else this.#cookies.set(key, { name, value, path })
    }
    return response
  }

  /** Goes on until there is a page to read or the browser leaves for another origin. */
  async open(start: URL | string, form?: URLSearchParams): Promise<Page> {
    let url = new URL(start, this.#origin)
    let body = form
    for (let hop = 0; hop < HOPS_MAX; hop++) {
      if (url.origin !== this.#origin) return readPage(url, 0, '', true)
      const response = await this.request(url, body)
      const html = await response.text()
      const refresh = /<meta http-equiv="refresh" content="0;\s*url=([^"]*)"/.exec(html)?.[1]
      const next = response.headers.get('location') ?? (refresh && decoded(refresh))
      if (!next) return readPage(url, response.status, html)
      url = new URL(next, url)
      body = undefined
    }
    throw new Error('the browser was sent around in circles')
  }

  /** Sends the first form of a page with these fields set; `scope` are the boxes that stay ticked. */
  submit(page: Page, fields: Record<string, string> = {}, scope: string[] = []): Promise<Page> {
    const [form] = page.forms
    if (!form) throw new Error(`this page has no form: ${page.status} ${page.heading}`)
    const body = new URLSearchParams(form.fields)
    for (const [name, value] of Object.entries(fields)) body.set(name, value)
    for (const name of scope) body.append('scope', name)
    return this.open(form.action, body)
  }

  /** Sends the way out: Cancel when signing in, Deny when consenting. */
  refuse(page: Page): Promise<Page> {
    const way_out = page.forms.at(-1)
    if (!way_out) throw new Error('this page has no form')
    return this.open(way_out.action, way_out.fields)
  }
}

export type AuthorizationRequest = { url: URL; code_verifier: string }

/** An authorization URL with PKCE; a parameter that is undefined in `parameters` is left out. */
export function authorizationRequest(
  issuer: string,
  client_id: string,
  parameters: Record<string, string | undefined> = {},
): AuthorizationRequest {
  const code_verifier = randomBytes(32).toString('base64url')
  const url = new URL(`${issuer}/authorize`)
  const all: Record<string, string | undefined> = {
    response_type: 'code',
    client_id,
    redirect_uri: REDIRECT_URI,
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: 'state-of-the-client',
    resource: RESOURCE,
    ...parameters,
  }
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value)
  return { url, code_verifier }
}
