import { readFileSync } from 'node:fs'
import { startNotesServer } from './server.ts'

const {
  NOTES_PORT = '4001',
  NOTES_HOST = '127.0.0.1',
  NOTES_RESOURCE,
  NOTES_ISSUER = 'http://localhost:4000',
  NOTES_INTROSPECTION_ENDPOINT,
  NOTES_CLIENT_ID,
  NOTES_CLIENT_SECRET,
  NOTES_CLIENT_SECRET_FILE,
  NOTES_EXIT_WITH_PARENT,
} = process.env

const client_secret =
  NOTES_CLIENT_SECRET ?? (NOTES_CLIENT_SECRET_FILE && readFileSync(NOTES_CLIENT_SECRET_FILE, 'utf8').trim())

if (!NOTES_CLIENT_ID || !client_secret) {
  console.error('notes-server needs NOTES_CLIENT_ID, and NOTES_CLIENT_SECRET or NOTES_CLIENT_SECRET_FILE')
  process.exit(2)
}

const server = await startNotesServer({
  port: Number(NOTES_PORT),
  host: NOTES_HOST,
  ...(NOTES_RESOURCE ? { resource: NOTES_RESOURCE } : {}),
  issuer: NOTES_ISSUER,
  ...(NOTES_INTROSPECTION_ENDPOINT ? { introspection_endpoint: NOTES_INTROSPECTION_ENDPOINT } : {}),
  client_id: NOTES_CLIENT_ID,
  client_secret,
  on_error: (error) => console.error(`notes-server: ${error.message}`),
})

async function stop(): Promise<void> {
  await server.close()
  process.exit(0)
}

process.once('SIGTERM', stop)
process.once('SIGINT', stop)
if (NOTES_EXIT_WITH_PARENT === '1') process.stdin.once('end', stop).once('error', stop).resume()

// Last, because whoever reads this line may send a signal at once.
console.log(`notes-server listening on ${server.url}`)
