// A stranger who registers clients, the same one or new ones, many at once.
import { randomBytes } from 'node:crypto'
import { REDIRECT_URI } from '../support/toolgate.ts'
import type { Target } from './sign-in-flood.ts'

export const SAME = () => ({ client_name: 'The same again', redirect_uris: [REDIRECT_URI] })
export const NEW = () => ({
  client_name: `New ${randomBytes(6).toString('hex')}`,
  redirect_uris: [REDIRECT_URI],
})

/** With as many connections as there are requests at once. */
export async function registers({ issuer }: Target, metadata: object, ip: string): Promise<number> {
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': ip },
    body: JSON.stringify(metadata),
  })
  await response.arrayBuffer()
  return response.status
}

type Flood = {
  width: number
  ip: (index: number) => string
  metadata: () => object
  /** Whether to go on after so many. */
  until(sent: number): boolean
}

/** Sends them, `width` at once; how often each status came. */
export async function floodRegistrations(
  target: Target,
  { width, ip, metadata, until }: Flood,
): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {}
  let sent = 0
  const one = async () => {
    while (!until(sent)) {
      const status = await registers(target, metadata(), ip(sent++))
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: width }, one))
  return statuses
}
