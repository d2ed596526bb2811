import { afterAll, beforeAll, expect, it } from 'vitest'
import { ResourceServerSessions } from '../../../src/api/introspection/resource-server-session.ts'
import {
  removeResourceServer,
  rotateResourceServerSecret,
} from '../../../src/clients/resource-servers/resource-servers.ts'
import { TEST } from '../../support/origins.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'
import { audited } from '../../support/with-notes.ts'

let toolgate: Toolgate
let sessions: ResourceServerSessions
beforeAll(async () => {
  toolgate = await Toolgate.start()
  sessions = new ResourceServerSessions({ ...toolgate.dependencies, issuer: toolgate.issuer })
})
afterAll(() => toolgate.close())

const open = (form: Record<string, string>) =>
  sessions.open({
    authorization: undefined,
    parameters: new Map(Object.entries(form)),
    request_id: 'request-of-a-session',
    ip: undefined,
  })

it('is of the resource server that proved itself, and refused on the record for anybody else', async () => {
  const { client_id, client_secret } = await toolgate.resourceServer()
  expect(await open({ client_id, client_secret })).toMatchObject({ id: client_id, resource: RESOURCE })
  for (const wrong of [{ client_secret: 'x' }, { client_id: 'nobody' }])
    await expect(open({ client_id, client_secret, ...wrong })).rejects.toMatchObject({
      code: 'unauthenticated',
    })
  const refused = await audited(toolgate, { type: 'introspection.refused' })
  expect(refused.map(({ actor_kind, detail }) => [actor_kind, detail?.presented_client_id])).toEqual([
    ['unauthenticated', client_id],
    ['unauthenticated', 'nobody'],
  ])
})

it('stands until the credential is replaced, or the resource server removed', async () => {
  for (const end of [rotateResourceServerSecret, removeResourceServer]) {
    const { client_id, client_secret } = await toolgate.resourceServer()
    const session = await open({ client_id, client_secret })
    expect(await sessions.stands(session)).toBe(true)
    await end(toolgate.dependencies, client_id, TEST)
    expect(await sessions.stands(session)).toBe(false)
  }
})
