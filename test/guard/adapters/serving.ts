import type { Server } from 'node:http'
import { listen } from '../../../src/guard/adapters/listen.ts'
import type { Behind, Served } from './suite.ts'

/** Lets a server of `node:http`, with any framework behind it, listen as the guard's mode allows. */
export async function serving({ guard, port }: Behind, server: Server): Promise<Served> {
  const { port: listening } = await listen(guard, server, { port })
  return {
    port: listening,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
