import { createServer } from 'node:http'
import { protectNodeHandler } from '../../src/guard/adapters/node.ts'
import { createGuard } from '../../src/guard/index.ts'
import { RESOURCE } from '../seeds/workload.ts'

/** `node server.ts <port> <issuer> <id> <secret> [max age]`: a guard before a handler that does nothing. */
const [port = '0', issuer = '', client_id = '', client_secret = '', max_age] = process.argv.slice(2)
const guard = createGuard({
  issuer,
  resource: RESOURCE,
  client_id,
  client_secret,
  default_scopes: ['notes:read'],
  ...(max_age === undefined ? {} : { cache: { max_age_seconds: Number(max_age) } }),
  on_error: (error) => console.error(error.message),
})
const answer = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'
const handle = protectNodeHandler(guard, (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer)
})
const server = createServer((request, response) => {
  if (request.url === '/readyz') response.end('ready')
  else void handle(request, response)
})
// As long as the benchmark: its client must not meet a connection that is just being closed.
server.keepAliveTimeout = 3_600_000
server.listen(Number(port), '127.0.0.1')
process.once('SIGTERM', () => {
  void guard.close()
  server.close()
  server.closeAllConnections()
})
