import { createServer } from 'node:http'
import knex from 'knex'
import { createProvider } from './provider.ts'

/** `node server.ts <port> <database url>`: serves the straightforward design until it is stopped. */
const [port = '0', url = ''] = process.argv.slice(2)
const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 16 } })
const provider = createProvider(`http://localhost:${port}`, db)
const handle = provider.callback()
const server = createServer((request, response) => {
  if (request.url === '/readyz') response.end('ready')
  else void handle(request, response)
})
server.listen(Number(port), '127.0.0.1')
process.once('SIGTERM', () => {
  server.close(() => void db.destroy())
  server.closeAllConnections()
})
