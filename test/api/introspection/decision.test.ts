import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide, type Question } from '../../../src/api/introspection/decision.ts'
import type { LiveToken, LookupRow } from '../../../src/api/introspection/token-lookup.ts'
import { sha256 } from '../../../src/base/digest.ts'
import type { Catalogue } from '../../../src/catalogue/catalogue.ts'
import type { Resource } from '../../../src/permission/scopes.ts'
import { effectiveScopes } from '../../../src/permission/scopes.ts'
import { historyOf } from '../../support/history.ts'

const ISSUER = 'https://auth.example'
const NOTES: Resource = {
  resource: 'https://notes.example/mcp',
  name: 'Notes',
  default_scopes: ['read'],
  scopes: [
    { name: 'read', description: 'Read', tools: ['search', 'get'], includes: [] },
    { name: 'write', description: 'Write', tools: ['create'], includes: ['read'] },
    { name: 'delete', description: 'Delete', tools: ['delete'], includes: ['write'], risk: 'destructive' },
  ],
}
const MAIL: Resource = {
  resource: 'https://mail.example/mcp',
  name: 'Mail',
  default_scopes: ['read'],
  scopes: [{ name: 'read', description: 'Read', tools: ['search', 'open'], includes: [] }],
}
const CATALOGUE: Catalogue = {
  resources: [NOTES, MAIL],
  roles: [
    { name: 'reader', grants: [{ resource: NOTES.resource, scopes: ['read'] }] },
    { name: 'writer', grants: [{ resource: NOTES.resource, scopes: ['write'] }] },
    {
      name: 'owner',
      grants: [NOTES, MAIL].map(({ resource }) => ({ resource, scopes: ['read', 'write', 'delete'] })),
    },
  ],
}
const SECRET = sha256('the secret')

function question(change: Partial<Question> = {}): Question {
  return {
    credentials: { id: 'rs_notes', credential_hash: SECRET },
    token_id: sha256('the token'),
    mcp_method: undefined,
    mcp_name: undefined,
    request_id: 'request-1',
    ip: '192.0.2.1',
    ...change,
  }
}

function row(token: Partial<LiveToken> = {}): LookupRow {
  const live: LiveToken = {
    client_id: 'cl_1',
    account_id: 'usr_1',
    username: 'kim',
    roles: ['owner'],
    grant_id: 'grant_1',
    resource: NOTES.resource,
    scope: 'write',
    scope_versions: [1, 1, 1],
    grant_scope: 'write',
    iat: 1_000,
    exp: 1_900,
    ...token,
  }
  return {
    catalogue_version: 1,
    resource_server: { credential_hash: SECRET, resource: NOTES.resource },
    token: live,
  }
}

const call = (mcp_name: string) => question({ mcp_method: 'tools/call', mcp_name })
const mcpOf = (decision: ReturnType<typeof decide>) => decision.body.mcp as Record<string, unknown>

describe('a live token', () => {
  it('answers every member of the contract', () => {
    expect(decide(ISSUER, historyOf(CATALOGUE), row(), question()).body).toEqual({
      active: true,
      iss: ISSUER,
      sub: 'usr_1',
      client_id: 'cl_1',
      username: 'kim',
      scope: 'read write',
      aud: NOTES.resource,
      exp: 1_900,
      iat: 1_000,
      jti: sha256('the token').toString('base64url'),
      token_type: 'Bearer',
    })
  })

  it('never has the token, the secret or a member of the MCP kind that was not asked for', () => {
    const said = JSON.stringify(decide(ISSUER, historyOf(CATALOGUE), row(), question()))
    expect(said).not.toContain('the token')
    expect(said).not.toContain('the secret')
    expect(said).not.toContain('"mcp"')
  })
})

describe('a tool call', () => {
  it.each([
    ['search', true, 'read'],
    ['create', true, 'write'],
    ['delete', false, 'delete'],
  ])('%s is allowed: %s, and the answer names the scope it needs', (tool, allowed, scope) => {
    const decision = decide(ISSUER, historyOf(CATALOGUE), row(), call(tool))
    expect(mcpOf(decision)).toMatchObject({ method: 'tools/call', name: tool, allowed, scope })
    expect(decision.event).toMatchObject({
      type: 'tool.decided',
      tool,
      decision: allowed ? 'allowed' : 'denied',
      account_id: 'usr_1',
      client_id: 'cl_1',
      resource: NOTES.resource,
      grant_id: 'grant_1',
    })
  })

  it.each(['', 'no_such_tool', 'open', '__proto__', 'constructor', 'toString', 'SEARCH', 'search '])(
    'a tool that no scope of this resource opens is denied: %j',
    (tool) => {
      expect(
        mcpOf(decide(ISSUER, historyOf(CATALOGUE), row({ scope: 'read write delete' }), call(tool))),
      ).toMatchObject({
        allowed: false,
        scope: '',
      })
    },
  )

  it('tools/list is allowed and names the tools that the token opens', () => {
    const decision = decide(
      ISSUER,
      historyOf(CATALOGUE),
      row({ scope: 'read' }),
      question({ mcp_method: 'tools/list' }),
    )
    expect(mcpOf(decision)).toMatchObject({ allowed: true, tools: ['get', 'search'] })
  })

  it.each(['initialize', 'ping', 'notifications/initialized', 'notifications/cancelled', 'server/discover'])(
    'the method %s is open to every live token, also to one without scopes',
    (mcp_method) => {
      const decision = decide(
        ISSUER,
        historyOf(CATALOGUE),
        row({ scope: '', roles: [] }),
        question({ mcp_method }),
      )
      expect(mcpOf(decision)).toMatchObject({ allowed: true })
    },
  )

  it('every method that is not known to be open is denied', () => {
    const open =
      /^(initialize|ping|server\/discover|(tools|prompts|resources|resources\/templates)\/list|logging\/setLevel|subscriptions\/listen|notifications\/.*)$/s
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (mcp_method) => {
        fc.pre(!open.test(mcp_method) && mcp_method !== 'tools/call')
        const decision = decide(
          ISSUER,
          historyOf(CATALOGUE),
          row({ scope: 'delete', grant_scope: 'delete' }),
          question({ mcp_method }),
        )
        expect(mcpOf(decision)).toMatchObject({ allowed: false })
        expect(decision.event.decision).toBe('denied')
      }),
    )
    for (const mcp_method of ['tools/call/x', 'prompts/get', 'resources/read', 'completion/complete', 'Ping'])
      expect(mcpOf(decide(ISSUER, historyOf(CATALOGUE), row(), question({ mcp_method })))).toMatchObject({
        allowed: false,
      })
  })
})

describe('what a token may do', () => {
  const scopes = fc.subarray(['read', 'write', 'delete', 'unknown', ''])
  const roles = fc.subarray(['reader', 'writer', 'owner', 'gone'])

  it('is within what was asked, what was consented to and what the roles hold, for any of them', () => {
    fc.assert(
      fc.property(scopes, scopes, roles, (asked, consented, held) => {
        const token = { scope: asked.join(' '), grant_scope: consented.join(' '), roles: held }
        const said = String(decide(ISSUER, historyOf(CATALOGUE), row(token), question()).body.scope)
        const granted = said.split(' ').filter(Boolean)
        const held_scopes = CATALOGUE.roles
          .filter((role) => held.includes(role.name))
          .flatMap((role) => role.grants.filter((grant) => grant.resource === NOTES.resource))
          .flatMap((grant) => [...grant.scopes])
        for (const limit of [asked, consented, held_scopes])
          expect(effectiveScopes(NOTES, limit)).toEqual(expect.arrayContaining(granted))
        expect(granted).toEqual(effectiveScopes(NOTES, asked, consented, held_scopes))
      }),
    )
  })

  it('and a tool is allowed exactly when the scope that opens it is left', () => {
    fc.assert(
      fc.property(
        scopes,
        scopes,
        roles,
        fc.constantFrom('search', 'create', 'delete', 'open'),
        (asked, consented, held, tool) => {
          const token = { scope: asked.join(' '), grant_scope: consented.join(' '), roles: held }
          const { body } = decide(ISSUER, historyOf(CATALOGUE), row(token), call(tool))
          const opener = NOTES.scopes.find((scope) => scope.tools.includes(tool))?.name
          const left = String(body.scope).split(' ')
          expect((body.mcp as { allowed: boolean }).allowed).toBe(
            opener !== undefined && left.includes(opener),
          )
        },
      ),
    )
  })
})

describe('inactive', () => {
  const cases: [string, Catalogue | undefined, LookupRow][] = [
    ['unknown', CATALOGUE, { ...row(), token: undefined }],
    ['of another resource', CATALOGUE, row({ resource: MAIL.resource })],
    ['of a resource that left the catalogue', { ...CATALOGUE, resources: [MAIL] }, row()],
    ['asked for before any catalogue was applied', undefined, row()],
  ]

  it.each(cases)(
    'a token that is %s answers the identical bytes, whatever is asked',
    (_, catalogue, found) => {
      for (const asked of [
        question(),
        call('search'),
        question({ mcp_method: 'tools/list' }),
        question({ token_id: undefined }),
      ]) {
        const { status, body } = decide(ISSUER, catalogue && historyOf(catalogue), found, asked)
        expect({ status, text: JSON.stringify(body) }).toEqual({ status: 200, text: '{"active":false}' })
      }
    },
  )

  it('is recorded with the reason, which the caller does not learn', () => {
    const reasons = cases.map(
      ([, catalogue, found]) =>
        decide(ISSUER, catalogue && historyOf(catalogue), found, call('search')).event,
    )
    expect(
      reasons.map(({ decision, detail }) => [decision, { reason: undefined, ...detail }.reason]),
    ).toEqual([
      ['inactive', 'not_live'],
      ['inactive', 'wrong_resource'],
      ['inactive', 'resource_not_in_catalogue'],
      ['inactive', 'resource_not_in_catalogue'],
    ])
  })
})

describe('a resource server', () => {
  it('that is unknown and one with a wrong secret get the identical refusal, and no word about the token', () => {
    const unknown = decide(ISSUER, historyOf(CATALOGUE), { ...row(), resource_server: undefined }, question())
    const wrong = decide(
      ISSUER,
      historyOf(CATALOGUE),
      row(),
      question({ credentials: { id: 'rs_notes', credential_hash: sha256('another') } }),
    )
    expect(unknown).toEqual(wrong)
    expect(unknown.status).toBe(401)
    expect(unknown.body.error).toBe('invalid_client')
    expect(unknown.event).toEqual({
      type: 'introspection.refused',
      actor: { kind: 'unauthenticated' },
      decision: 'denied',
      request_id: 'request-1',
      ip: '192.0.2.1',
      detail: { presented_client_id: 'rs_notes' },
    })
  })

  it('whose stored hash is missing is refused even if the presented hash is all zeros', () => {
    const zeros = { id: 'rs_notes', credential_hash: Buffer.alloc(32) }
    const decision = decide(
      ISSUER,
      historyOf(CATALOGUE),
      { ...row(), resource_server: undefined },
      question({ credentials: zeros }),
    )
    expect(decision.status).toBe(401)
  })
})
