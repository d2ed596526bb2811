import { perform } from '../../actions/action.ts'
import {
  addServer,
  listServers,
  removeServer,
  rotateServerKeys,
  rotateServerSecret,
  showServer,
} from '../../actions/resource-servers.ts'
import { AppError } from '../../base/errors.ts'
import { parseJson } from '../../base/json.ts'
import type { Page, PageRoute } from '../page.ts'
import { olderHref } from '../pager.ts'
import { redisplayOnInvalid } from '../redisplay-on-invalid.ts'
import { showSecret } from './secret.ts'

/** MCP servers that may introspect: who they are, and their credentials. */
const LIST = '/operator/resource-servers'
const BACK = { path: LIST, label: 'Back to the resource servers' }

async function showList(page: Page, again: object = {}): Promise<void> {
  const { after } = page.ctx.query
  const input = after === undefined ? {} : { after }
  const { resource_servers, next } = await perform(listServers, page, page.caller, input)
  const current = await page.catalogues.current(page.db)
  const resources = current?.catalogue.resources.filter(({ built_in }) => !built_in) ?? []
  page.show('operator/resource-servers', {
    resource_servers,
    resources: resources.map(({ resource }) => resource),
    older: olderHref(page, next),
    ...again,
  })
}

/** The keys that were pasted; undefined for none. Throws `invalid_input` for what is no JSON. */
function keysOf(page: Page): unknown {
  const pasted = page.form.get('jwks')?.trim()
  if (!pasted) return undefined
  const jwks = parseJson(pasted)
  if (jwks === undefined)
    throw new AppError('invalid_input', 'The keys are not JSON; paste a JWK Set, {"keys": […]}')
  return jwks
}

async function add(page: Page): Promise<void> {
  const { form } = page
  const typed = { resource: form.get('resource'), id: form.get('id'), jwks: form.get('jwks') }
  await redisplayOnInvalid(
    page,
    async () => {
      const jwks = keysOf(page)
      const input = {
        resource: typed.resource,
        ...(typed.id && { id: typed.id }),
        ...(jwks !== undefined && { jwks }),
      }
      const { client_id, client_secret } = await perform(addServer, page, page.caller, input)
      showSecret(page, {
        title: 'The resource server is added',
        client_id,
        secret: client_secret,
        back: BACK,
      })
    },
    (error) => showList(page, { typed, error }),
  )
}

async function showOne(page: Page, again: object = {}): Promise<void> {
  const server = await perform(showServer, page, page.caller, { id: page.ctx.params.id })
  page.show('operator/resource-server', { server, ...again })
}

async function rotateSecret(page: Page): Promise<void> {
  const made = await perform(rotateServerSecret, page, page.caller, { id: page.ctx.params.id })
  const { client_id, client_secret } = made
  showSecret(page, {
    title: 'The resource server has a new secret',
    client_id,
    secret: client_secret,
    back: BACK,
  })
}

async function rotateKeys(page: Page): Promise<void> {
  const { id } = page.ctx.params
  await redisplayOnInvalid(
    page,
    async () => {
      await perform(rotateServerKeys, page, page.caller, { id, jwks: keysOf(page) })
      page.goTo(LIST, 'The keys are replaced. What it had before is refused from now on.')
    },
    (error) => showOne(page, { jwks: page.form.get('jwks'), error }),
  )
}

async function remove(page: Page): Promise<void> {
  await perform(removeServer, page, page.caller, { id: page.ctx.params.id })
  page.goTo(LIST, 'The resource server is removed. Its next question is refused.')
}

export const RESOURCE_SERVER_PAGES: readonly PageRoute[] = [
  { method: 'get', path: LIST, needs: 'operator:read', handle: (page) => showList(page) },
  { method: 'post', path: LIST, needs: 'operator:admin', handle: add },
  { method: 'get', path: `${LIST}/:id`, needs: 'operator:read', handle: (page) => showOne(page) },
  { method: 'post', path: `${LIST}/:id/rotate-secret`, needs: 'operator:admin', handle: rotateSecret },
  { method: 'post', path: `${LIST}/:id/rotate-keys`, needs: 'operator:admin', handle: rotateKeys },
  { method: 'post', path: `${LIST}/:id/remove`, needs: 'operator:admin', handle: remove },
]
