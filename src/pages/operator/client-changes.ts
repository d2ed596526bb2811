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
  act: (page: Page, input: object) => Promise<{ revoked: string[] }>
  /** What is said when it is done. */
  done: string
}

const BLOCK: Ending = {
  what: 'block',
  verb: 'Block',
  means:
    'From the next request on it gets no sign-in, no code and no token here, until somebody unblocks it. Everything that people allowed it ends now.',
  act: (page, input) => perform(blockOneClient, page, page.caller, input),
  done: 'The client is blocked.',
}
const FORGET: Ending = {
  what: 'forget',
  verb: 'Forget',
  means:
    'Its registration, or the copy of its document, is removed, and everything that people allowed it ends now. It may register or be fetched again; to keep it out, block it.',
  act: (page, input) => perform(forgetOneClient, page, page.caller, input),
  done: 'The client is forgotten.',
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

async function end(page: Page, ending: Ending): Promise<void> {
  const client_id = page.form.get('client_id')
  const reason = page.form.get('reason')
  const work = async () => {
    const { revoked } = await ending.act(page, { client_id, reason })
    const to = ending === FORGET ? '/operator/clients' : clientPath(client_id ?? '')
    page.goTo(to, `${ending.done} ${grantsWords(revoked.length)}`)
  }
  await redisplayOnInvalid(page, work, (error) => showEnding(page, client_id, ending, { error, reason }))
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
  {
    method: 'post',
    path: '/operator/clients/block',
    needs: 'operator:revoke',
    handle: (page) => end(page, BLOCK),
  },
  { method: 'post', path: '/operator/clients/unblock', needs: 'operator:admin', handle: unblock },
  {
    method: 'get',
    path: '/operator/clients/forget',
    needs: 'operator:admin',
    handle: (page) => previewEnding(page, FORGET),
  },
  {
    method: 'post',
    path: '/operator/clients/forget',
    needs: 'operator:admin',
    handle: (page) => end(page, FORGET),
  },
  {
    method: 'get',
    path: '/operator/clients/add',
    needs: 'operator:admin',
    handle: async (page) => showAdd(page),
  },
  { method: 'post', path: '/operator/clients/add', needs: 'operator:admin', handle: add },
  { method: 'post', path: '/operator/clients/rotate-secret', needs: 'operator:admin', handle: rotateSecret },
]
