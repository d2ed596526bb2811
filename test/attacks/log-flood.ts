// Strangers who make the append-only log grow: every way in which a caller without credentials can cause a row.
import { randomBytes } from 'node:crypto'
import { REDIRECT_URI, RESOURCE, type Toolgate } from '../support/toolgate.ts'

const random = () => randomBytes(16).toString('hex')
const form = (path: string) => (toolgate: Toolgate, headers: Record<string, string>, fields: object) =>
  toolgate.post(path, fields as Record<string, string>, headers)

type Attack = (toolgate: Toolgate, headers: Record<string, string>, client_id: string) => Promise<Response>

/** Each with what it sends; `client_id` is of a client that registered itself. */
export const FLOODS: Record<string, Attack> = {
  '/introspect, wrong secret': (toolgate, headers) =>
    form('/introspect')(toolgate, headers, { token: random(), client_id: random(), client_secret: random() }),
  '/introspect/changes, wrong secret': (toolgate, headers) =>
    toolgate.post('/introspect/changes', {}, { ...headers, authorization: 'Basic eDp5' }),
  '/introspect/reports, wrong secret': (toolgate, headers) =>
    toolgate.fetch('/introspect/reports', {
      method: 'POST',
      headers: { ...headers, authorization: 'Basic eDp5', 'content-type': 'application/json' },
      body: '{"reports":[]}',
    }),
  '/operator/api/v1, no token': (toolgate, headers) => toolgate.fetch('/operator/api/v1/grants', { headers }),
  '/operator/mcp, wrong token': (toolgate, headers) =>
    toolgate.fetch('/operator/mcp', {
      method: 'POST',
      headers: {
        ...headers,
        authorization: `Bearer ${random()}${random().slice(0, 11)}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    }),
  '/token, unknown client': (toolgate, headers) =>
    form('/token')(toolgate, headers, {
      grant_type: 'refresh_token',
      refresh_token: random(),
      client_id: random(),
    }),
  '/token, own client, unknown token': (toolgate, headers, client_id) =>
    form('/token')(toolgate, headers, { grant_type: 'refresh_token', refresh_token: random(), client_id }),
  '/revoke, unknown client': (toolgate, headers) =>
    form('/revoke')(toolgate, headers, { token: random(), client_id: random() }),
  '/revoke, own client, unknown token': (toolgate, headers, client_id) =>
    form('/revoke')(toolgate, headers, { token: random(), client_id }),
  '/authorize, unknown client': (toolgate, headers) =>
    toolgate.fetch(`/authorize?client_id=${random()}&response_type=code`, { headers }),
  '/authorize, own client, no challenge': (toolgate, headers, client_id) =>
    toolgate.fetch(
      `/authorize?${new URLSearchParams({ client_id, response_type: 'code', redirect_uri: REDIRECT_URI, resource: RESOURCE })}`,
      { headers },
    ),
  '/authorize, document of nobody': (toolgate, headers) =>
    toolgate.fetch(
      `/authorize?client_id=${encodeURIComponent(`https://127.0.0.1/${random()}`)}&response_type=code`,
      { headers },
    ),
  '/register, bad metadata': (toolgate, headers) =>
    toolgate.fetch('/register', {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"redirect_uris":["x"]}',
    }),
  '/register, the same again': (toolgate, headers) =>
    toolgate.fetch('/register', {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'Again', redirect_uris: [REDIRECT_URI] }),
    }),
  '/sign-in, wrong password': (toolgate, headers) =>
    form('/sign-in')(
      toolgate,
      { ...headers, origin: toolgate.issuer },
      { username: 'x', password: random() },
    ),
}

/** Without those with which chains begin and end, which nobody causes. */
export async function auditRows(toolgate: Toolgate): Promise<number> {
  const rows = toolgate.db.database.knex('audit_events').whereRaw("type not like 'writer.%'")
  return Number((await rows.count({ rows: '*' }))[0]?.rows)
}
