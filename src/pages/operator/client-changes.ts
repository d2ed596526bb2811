import { perform } from '../../actions/action.ts'
import {
  addOneClient,
  blockOneClient,
  forgetOneClient,
  rotateOneClientSecret,
  showOneClient,
  unblockOneClient,
} from '../../actions/clients.ts'
import { previewGrantRevocation } from '../../actions/grants.ts'
import type { Page, PageRoute } from '../page.ts'
import { redisplayOnInvalid } from '../redisplay-on-invalid.ts'
import { clientOf, clientPath } from './clients.ts'
import { showSecret } from './secret.ts'

/** What operators do to a client: block and forget, each after a preview with a reason; unblock; add; a new secret. */
type Ending = {
  what: 'block' | 'forget'
  verb: string
  /** What happens besides that all its grants end. */
  means: string
}

const BLOCK: Ending = {
  what: 'block',
  verb: 'Block',
  means:
    'From the next request on it gets no sign-in, no code and no token here, until somebody unblocks it. Everything that people allowed it ends now.',
}
const FORGET: Ending = {
  what: 'forget',
  verb: 'Forget',
  means:
    'Its registration, or the copy of its document, is removed, and everything that people allowed it ends now. It may register or be fetched again; to keep it out, block it.',
}

async function showEnding(
  page: Page,
  client_id: unknown,
  ending: Ending,
  again: { error?: string; reason?: string | undefined } = {},
): Promise<void> {
  const impact = await perform(previewGrantRevocation, page, page.caller, { client_id })
  const path = clientPath(String(client_id))
  page.show('operator/client-ending', { ...ending, client_id, impact, path, ...again })
}

async function previewEnding(page: Page, ending: Ending): Promise<void> {
  const { client_id } = clientOf(page)
  // What nobody knows can be blocked and not be forgotten.
  if (ending === FORGET) await perform(showOneClient, page, page.caller, { client_id })
  await showEnding(page, client_id, ending)
}

function grantsWords(count: number): string {
  return count === 1 ? '1 grant ended.' : `${count} grants ended.`
}

async function block(page: Page): Promise<void> {
  const client_id = page.form.get('client_id')
  const reason = page.form.get('reason')
  await redisplayOnInvalid(
    page,
    async () => {
      const { revoked } = await perform(blockOneClient, page, page.caller, { client_id, reason })
      page.goTo(clientPath(client_id ?? ''), `The client is blocked. ${grantsWords(revoked.length)}`)
    },
    (error) => showEnding(page, client_id, BLOCK, { error, reason }),
  )
}

async function forget(page: Page): Promise<void> {
  const client_id = page.form.get('client_id')
  const reason = page.form.get('reason')
  await redisplayOnInvalid(
    page,
    async () => {
      const { revoked } = await perform(forgetOneClient, page, page.caller, { client_id, reason })
      page.goTo('/operator/clients', `The client is forgotten. ${grantsWords(revoked.length)}`)
    },
    (error) => showEnding(page, client_id, FORGET, { error, reason }),
  )
}

async function unblock(page: Page): Promise<void> {
  const client_id = page.form.get('client_id')
  await perform(unblockOneClient, page, page.caller, { client_id })
  page.goTo('/operator/clients', 'The client is not blocked any more. What was revoked stays so.')
}

function showAdd(page: Page, again: object = {}): void {
  page.show('operator/client-add', again)
}

async function add(page: Page): Promise<void> {
  const { form } = page
  const typed = form.get('redirect_uris') ?? ''
  const input = {
    name: form.get('name'),
    redirect_uris: typed.split(/\s+/).filter(Boolean),
    confidential: form.has('confidential'),
  }
  await redisplayOnInvalid(
    page,
    async () => {
      const { client_id, client_secret } = await perform(addOneClient, page, page.caller, input)
      const back = { path: clientPath(client_id), label: 'Go to the client' }
      showSecret(page, { title: 'The client is added', client_id, secret: client_secret, back })
    },
    (error) => showAdd(page, { ...input, redirect_uris: typed, error }),
  )
}

async function rotateSecret(page: Page): Promise<void> {
  const input = { client_id: page.form.get('client_id') }
  const { client_id, client_secret } = await perform(rotateOneClientSecret, page, page.caller, input)
  const back = { path: clientPath(client_id), label: 'Go to the client' }
  showSecret(page, { title: 'The client has a new secret', client_id, secret: client_secret, back })
}

export const CLIENT_CHANGE_PAGES: readonly PageRoute[] = [
  {
    method: 'get',
    path: '/operator/clients/block',
    needs: 'operator:revoke',
    handle: (page) => previewEnding(page, BLOCK),
  },
  { method: 'post', path: '/operator/clients/block', needs: 'operator:revoke', handle: block },
  { method: 'post', path: '/operator/clients/unblock', needs: 'operator:admin', handle: unblock },
  {
    method: 'get',
    path: '/operator/clients/forget',
    needs: 'operator:admin',
    handle: (page) => previewEnding(page, FORGET),
  },
  { method: 'post', path: '/operator/clients/forget', needs: 'operator:admin', handle: forget },
  {
    method: 'get',
    path: '/operator/clients/add',
    needs: 'operator:admin',
    handle: async (page) => showAdd(page),
  },
  { method: 'post', path: '/operator/clients/add', needs: 'operator:admin', handle: add },
  { method: 'post', path: '/operator/clients/rotate-secret', needs: 'operator:admin', handle: rotateSecret },
]
