// Strangers who sign in with made-up names and hang up, so that the server hashes for nobody.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { type SendInit, send } from '../support/send.ts'

const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY })

/** Where the server is, and as whom it answers. */
export type Target = { port: number; issuer: string }

const fields = (username: string, password: string) => new URLSearchParams({ username, password }).toString()

/** A sign-in of a stranger that was sent and not answered yet: its status, or undefined when it was hung up. */
export async function strangerSignsIn({ port, issuer }: Target, ip: string) {
  const body = fields(randomBytes(8).toString('hex'), 'a guess that is wrong')
  const headers = {
    host: new URL(issuer).host,
    origin: issuer,
    'x-forwarded-for': ip,
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': Buffer.byteLength(body),
  }
  const outgoing = request({ agent, host: '127.0.0.1', port, path: '/sign-in', method: 'POST', headers })
  const status = new Promise<number | undefined>((resolve) => {
    outgoing.on('response', (incoming) => {
      incoming.resume()
      resolve(incoming.statusCode)
    })
    outgoing.on('error', () => resolve(undefined))
    outgoing.on('close', () => resolve(undefined))
  })
  outgoing.end(body)
  await once(outgoing, 'finish')
  return { status, hangUp: () => void outgoing.destroy() }
}

/** Somebody who knows their password; the cookies that they get. */
export async function honestSignIn(
  { port, issuer }: Target,
  who: { username: string; password: string; ip: string; cookie?: string },
): Promise<{ status: number; cookie: string }> {
  const headers = { origin: issuer, 'x-forwarded-for': who.ip, ...(who.cookie ? { cookie: who.cookie } : {}) }
  const body = new URLSearchParams({ username: who.username, password: who.password })
  const response = await sendTo({ port, issuer }, '/sign-in', { method: 'POST', headers, body })
  const cookie = response.headers.getSetCookie().map((set) => set.split(';')[0])
  return { status: response.status, cookie: cookie.join('; ') }
}

export function sendTo({ port, issuer }: Target, path: string, init: SendInit = {}): Promise<Response> {
  const headers = { host: new URL(issuer).host, 'x-forwarded-for': '192.0.2.99', ...init.headers }
  return send(`http://127.0.0.1:${port}${path}`, { ...init, headers })
}
