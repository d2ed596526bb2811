/** A process of its own that starts, or joins, the private Postgres of a directory and then waits to be killed. */
import { claimServer, startEmbeddedPostgres } from '../../src/storage/embedded-postgres/embedded-postgres.ts'

const [data_dir = '', claim] = process.argv.slice(2)
const { url } = await startEmbeddedPostgres({ data_dir })
if (claim === 'claim') await claimServer(url)
process.stdout.write(`${url}\n`)
process.stdin.resume()
