import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that systems give to whoever asks for any: until somebody listens here, none is given to another test.
 * Processes that run beside each other begin at different places. All are above the last that `fetch` refuses, 10080.
 */
const [FIRST, LAST] = [11_000, 32_000]
const FOR_A_PROCESS = 20
let next = FIRST + ((process.pid * FOR_A_PROCESS) % (LAST - FIRST))

/** A port of the loopback interface on which nobody listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = next
    next = next < LAST ? next + 1 : FIRST
    const probe = createServer().listen(port, '127.0.0.1')
    const is_free = await once(probe, 'listening').then(
      () => true,
      () => false,
    )
    if (!is_free) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}
