import { z } from 'zod'
import { blockClient, unblockClient } from '../clients/client-blocks.ts'
import { listedClient, pageOfClients, showClient, shownClient } from '../clients/client-list.ts'
import { CLIENT_ORIGINS } from '../clients/client-list-store.ts'
import { addClient, forgetClient, rotateClientSecret } from '../clients/clients.ts'
import { previewRevocation } from '../grants/preview.ts'
import { type ActionContext, defineAction } from './action.ts'
import { cursor, limit, moment, reason, text, why } from './fields.ts'

const client_id = text.describe('A client_id; in a path, percent-encoded where it is a URL')

const credentials = z.object({ client_id: z.string(), client_secret: z.string().optional() })

function secretLines({ client_id, client_secret }: z.input<typeof credentials>): string[] {
  const secret = [`client_secret: ${client_secret}`, 'Keep the secret now: it is not shown again.']
  return [`client_id:     ${client_id}`, ...(client_secret === undefined ? [] : secret)]
}

function revokedText({ length }: readonly string[]): string {
  return `${length} ${length === 1 ? 'grant' : 'grants'} revoked`
}

/** What ends with a client, for the question before. */
async function ending({ db }: ActionContext, what: string, client_id: string): Promise<string> {
  const { grants, accounts } = await previewRevocation({ db }, { client_id })
  return `${what} ${client_id} and revoke its grants (grants: ${grants}, accounts: ${accounts})?`
}

export const listAllClients = defineAction({
  name: 'list_clients',
  scope: 'operator:read',
  summary: 'Lists clients, newest first, however they came to be known, with their live grants and last use.',
  method: 'get',
  path: '/clients',
  command: 'clients list',
  cli: { columns: 'client_id name origin receivers registered_at last_used_at live_grants blocked' },
  page: '/operator/clients',
  input: z.strictObject({
    origin: z.enum(CLIENT_ORIGINS).optional().describe('How the client came to be known'),
    text: text.optional().describe('Part of a name, a redirect URI or a client_id'),
    blocked: z.enum(['true', 'false']).optional().describe('Whether the client is blocked'),
    limit,
    after: cursor.optional(),
  }),
  output: z.object({ clients: z.array(listedClient), next: z.string().optional() }),
  run: (context, { limit, after, blocked, ...filter }) =>
    pageOfClients(
      context,
      { ...filter, ...(blocked === undefined ? {} : { blocked: blocked === 'true' }) },
      { limit, after },
    ),
})

export const showOneClient = defineAction({
  name: 'show_client',
  scope: 'operator:read',
  summary:
    'Shows one client: what it says about itself, its newest grants, its document, and whether it is blocked.',
  method: 'get',
  path: '/clients/{client_id}',
  command: 'clients show',
  page: '/operator/clients/show',
  input: z.strictObject({ client_id }),
  output: shownClient,
  run: (context, { client_id }) => showClient(context, client_id),
})

export const blockOneClient = defineAction({
  name: 'block_client',
  scope: 'operator:revoke',
  summary: 'Blocks a client, also a metadata URL that was never seen, and revokes all its grants, at once.',
  method: 'post',
  path: '/clients/{client_id}/block',
  command: 'clients block',
  cli: {
    confirm: (context, { client_id }) => ending(context, 'Block', client_id),
    lines: ({ client_id, revoked }) => [`${client_id} is blocked, ${revokedText(revoked)}.`],
  },
  page: '/operator/clients/block',
  input: z.strictObject({ client_id, reason }),
  output: z.object({ client_id: z.string(), blocked_at: moment, revoked: z.array(z.string()) }),
  run: (context, { client_id, reason }, caller) => blockClient(context, client_id, { ...caller, reason }),
})

export const unblockOneClient = defineAction({
  name: 'unblock_client',
  scope: 'operator:admin',
  summary: 'Lets a blocked client in again; what was revoked stays so.',
  method: 'post',
  path: '/clients/{client_id}/unblock',
  command: 'clients unblock',
  cli: {
    nothing: ({ client_id, unblocked }) => (unblocked ? undefined : `${client_id} is not blocked`),
    lines: ({ client_id }) => [`${client_id} is not blocked any more.`],
  },
  page: '/operator/clients/unblock',
  input: z.strictObject({ client_id, ...why }),
  output: z.object({ client_id: z.string(), unblocked: z.boolean() }),
  run: (context, { client_id }, caller) => unblockClient(context, client_id, caller),
})

export const forgetOneClient = defineAction({
  name: 'forget_client',
  scope: 'operator:admin',
  summary: 'Removes the registration or the copied document of a client and revokes all its grants.',
  method: 'post',
  path: '/clients/{client_id}/forget',
  command: 'clients remove',
  cli: {
    confirm: (context, { client_id }) => ending(context, 'Remove', client_id),
    lines: ({ revoked }, { client_id }) => [`Removed ${client_id}, ${revokedText(revoked)}.`],
  },
  page: '/operator/clients/forget',
  input: z.strictObject({ client_id, ...why }),
  output: z.object({ revoked: z.array(z.string()) }),
  run: (context, { client_id }, caller) => forgetClient(context, client_id, caller),
})

export const addOneClient = defineAction({
  name: 'add_client',
  scope: 'operator:admin',
  summary: 'Registers a client ahead of time. A secret is in the answer and is not shown again.',
  method: 'post',
  created: true,
  path: '/clients',
  command: 'clients add',
  cli: {
    arguments: ['name'],
    options: { redirect_uris: '--redirect-uri', confidential: '--secret' },
    lines: secretLines,
  },
  page: '/operator/clients/add',
  input: z.strictObject({
    name: text.describe('What people see on the consent page'),
    redirect_uris: z.array(text).min(1).max(10).describe('Where codes may be sent'),
    confidential: z.boolean().default(false).describe('Give it a client_secret'),
    ...why,
  }),
  output: credentials,
  run: (context, input, caller) => addClient(context, input, caller),
})

export const rotateOneClientSecret = defineAction({
  name: 'rotate_client_secret',
  scope: 'operator:admin',
  summary: 'Gives a client that an operator added a new secret, shown once; the old one is refused at once.',
  method: 'post',
  path: '/clients/{client_id}/rotate-secret',
  command: 'clients rotate-secret',
  cli: { lines: secretLines },
  page: '/operator/clients/rotate-secret',
  input: z.strictObject({ client_id, ...why }),
  output: credentials,
  run: (context, { client_id }, caller) => rotateClientSecret(context, client_id, caller),
})

export const CLIENT_ACTIONS = [
  listAllClients,
  showOneClient,
  blockOneClient,
  unblockOneClient,
  forgetOneClient,
  addOneClient,
  rotateOneClientSecret,
]
