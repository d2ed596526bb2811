import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Guard } from '../guard.ts'
import { requireLoopbackHost } from '../local/loopback.ts'

/**
 * Listens, where the mode of the guard allows that. The server may be one of `node:http`, or one with an app of Express
 * or Koa, or of any other framework, behind it.
 * @param where 0 = any free port; `host` is 127.0.0.1 when absent
 * @throws Error in mode `none` for a host that others could reach; what `listen` throws
 */
export async function listen(
  { settings }: Pick<Guard, 'settings'>,
  server: Server,
  { port, host = '127.0.0.1' }: { port: number; host?: string | undefined },
): Promise<AddressInfo> {
  if (settings.mode === 'none') requireLoopbackHost(host)
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  try {
    // `localhost` is a name like others: what counts is what it came to.
    if (settings.mode === 'none') requireLoopbackHost(address.address)
  } catch (error) {
    server.close()
    throw error
  }
  return address
}
