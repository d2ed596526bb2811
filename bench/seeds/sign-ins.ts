import type { SingleRequest } from '../load/questions.ts'
import { authorizationRequest } from './client.ts'
import type { Sign } from './families.ts'

/**
 * A browser that has opened the sign-in page and is about to send its form. Each has an address of its own, in
 * X-Forwarded-For: Toolgate counts attempts by address, and a thousand from one would be an attack.
 */
export async function openSignIn(
  issuer: string,
  client_id: string,
  person: Sign,
  number: number,
): Promise<SingleRequest> {
  const address = { 'X-Forwarded-For': `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}` }
  const cookies = new Map<string, string>()
  let url = authorizationRequest(issuer, client_id).url
  for (let hop = 0; hop < 5; hop++) {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { ...address, accept: 'text/html', cookie: cookieLine(cookies) },
    })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';')[0]?.split(/=(.*)/s) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    const html = await response.text()
    if (!location) return formOf(html, { ...address, Cookie: cookieLine(cookies), Origin: issuer }, person)
    url = new URL(location, url)
  }
  throw new Error('the browser was sent around in circles')
}

function cookieLine(cookies: Map<string, string>): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
}

function formOf(html: string, headers: Record<string, string>, person: Sign): SingleRequest {
  const path = /<form[^>]*\saction="([^"]*\/login)"/.exec(html)?.[1]
  const csrf = /name="csrf"\s+value="([^"]*)"/.exec(html)?.[1]
  if (!path || !csrf) throw new Error(`not the sign-in page: ${html}`)
  return { path, headers, body: new URLSearchParams({ csrf, ...person }).toString() }
}
