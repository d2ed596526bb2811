import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { grantableScopes } from '../../src/catalogue/catalogue.ts'
import { heldBy } from '../../src/catalogue/held.ts'
import { growthOf, type Held, isOpenTo, openTo, riskTo } from '../../src/permission/consented.ts'
import { decideMethod } from '../../src/permission/mcp-method.ts'
import {
  effectiveScopes,
  isOpened,
  type Kind,
  type Resource,
  type Scope,
} from '../../src/permission/scopes.ts'
import { historyOf } from '../support/history.ts'

const RESOURCE = 'https://notes.example/mcp'
const SCOPES = ['a', 'b', 'c', 'd']
const TOOLS = ['t0', 't1', 't2', 't3', 't4', 't5']
const PATTERNS = ['notes://*', 'notes://own/*', 'notes://own/one', 'files://*', 'files://a/*', 'notes:*']
const URIS = ['notes://x', 'notes://own/y', 'notes://own/one', 'notes://own/../x', 'files://a/b', 'files://c']
const ASKED: [Kind, string][] = [
  ...TOOLS.map((name): [Kind, string] => ['tools', name]),
  ...URIS.map((name): [Kind, string] => ['resources', name]),
]

/** Each name under one scope or none, scopes that include any others, and a role of any of them. */
const catalogue: fc.Arbitrary<Catalogue> = fc
  .record({
    names: fc.uniqueArray(fc.constantFrom(...SCOPES), { minLength: 1 }),
    under: fc.array(fc.constantFrom(...SCOPES, ''), { minLength: 12, maxLength: 12 }),
    includes: fc.array(fc.subarray(SCOPES), { minLength: 4, maxLength: 4 }),
    risks: fc.array(fc.constantFrom('read_only', 'destructive', undefined), { minLength: 4, maxLength: 4 }),
    role: fc.subarray(SCOPES),
  })
  .map(({ names, under, includes, risks, role }) => {
    const things = [...TOOLS, ...PATTERNS]
    const used = things.filter((_, index) => names.includes(under[index] ?? ''))
    // As in a real catalogue, no URI is opened by two lines.
    const is_clear = (thing: string) =>
      !used.some((other) => other !== thing && other.endsWith('*') && thing.startsWith(other.slice(0, -1)))
    const listed = (name: string) => things.filter((thing, index) => under[index] === name && is_clear(thing))
    const scopes = names.map((name, index): Scope => {
      const risk = risks[index] as 'read_only' | 'destructive' | undefined
      return {
        ...{ name, description: name, includes: includes[index] ?? [] },
        tools: listed(name).filter((thing) => TOOLS.includes(thing)),
        resources: listed(name).filter((thing) => PATTERNS.includes(thing)),
        ...(risk ? { risk } : {}),
      }
    })
    return {
      resources: [{ resource: RESOURCE, name: 'Notes', default_scopes: [], scopes }],
      roles: [{ name: 'role', grants: [{ resource: RESOURCE, scopes: role }] }],
    }
  })

const history = fc.array(catalogue, { minLength: 1, maxLength: 4 })
/** Scopes with the version at which each was consented to; one that never was may be among them. */
const consent = fc.uniqueArray(fc.tuple(fc.constantFrom(...SCOPES), fc.nat({ max: 5 })), {
  minLength: 1,
  selector: ([name]) => name,
})

type Consent = [scope: string, version: number][]

function holding(versions: Catalogue[], consented: Consent, asked?: string): Held {
  const held = heldBy(
    historyOf(...(versions as [Catalogue])),
    {
      resource: RESOURCE,
      scope: consented.map(([name]) => name).join(' '),
      scope_versions: consented.map(([, version]) => version),
    },
    ['role'],
    asked,
  )
  if (!held) throw new Error('the resource is there')
  return held
}

const resourceOf = (of: Catalogue) => of.resources[0] as Resource

/** By the definition: what one of the scopes opened when it was consented to. */
function wasConsented(versions: Catalogue[], consented: Consent, kind: Kind, name: string): boolean {
  return consented.some(([scope, version]) => {
    const seen = versions[version - 1]
    return seen !== undefined && isOpened(resourceOf(seen), [scope], kind, name)
  })
}

function isOpenNow(versions: Catalogue[], consented: Consent, kind: Kind, name: string): boolean {
  const now = versions.at(-1) as Catalogue
  const resource = resourceOf(now)
  const names = consented.map(([scope]) => scope)
  return isOpened(
    resource,
    effectiveScopes(resource, names, grantableScopes(now, resource, ['role'])),
    kind,
    name,
  )
}

const RUNS = { numRuns: 3_000 }

describe('what a grant opens under later catalogues', () => {
  it('is never more than was consented to, nor than is open now, and is all that is both', () => {
    fc.assert(
      fc.property(history, consent, (versions, consented) => {
        const held = holding(versions, consented as Consent)
        for (const [kind, name] of ASKED) {
          const expected =
            isOpenNow(versions, consented as Consent, kind, name) &&
            openedTogether(versions, consented as Consent, kind, name)
          expect([name, isOpenTo(held, kind, name)]).toEqual([name, expected])
          if (expected) expect(wasConsented(versions, consented as Consent, kind, name)).toBe(true)
        }
      }),
      RUNS,
    )
  })

  it('is what lists have, and no list has more', () => {
    fc.assert(
      fc.property(history, consent, (versions, consented) => {
        const held = holding(versions, consented as Consent)
        const tools = openTo(held, 'tools')
        expect(TOOLS.filter((name) => isOpenTo(held, 'tools', name))).toEqual(tools)
        for (const uri of openTo(held, 'resources').filter((name) => !name.endsWith('*')))
          expect(isOpenTo(held, 'resources', uri)).toBe(true)
        const { tools: answered } = decideMethod(held, { mcp_method: 'tools/list' })
        expect(answered).toEqual(tools)
      }),
      RUNS,
    )
  })

  it('never grows by what a catalogue changes', () => {
    fc.assert(
      fc.property(history, catalogue, consent, (versions, next, consented) => {
        const given = (consented as Consent).map(([name]): [string, number] => [name, versions.length])
        const at_consent = holding(versions, given)
        const later = holding([...versions, next], given)
        for (const [kind, name] of ASKED) {
          if (!isOpenTo(later, kind, name)) continue
          // The roles may give back what they took: the consent is the bound, not what the roles left of it then.
          const was = isOpened(
            at_consent.resource,
            given.map(([scope]) => scope),
            kind,
            name,
          )
          expect([kind, name, was]).toEqual([kind, name, true])
        }
      }),
      RUNS,
    )
  })

  it('is at least as risky as the person was told', () => {
    const rank = (risk: string | undefined) => (risk === 'read_only' ? 0 : risk === undefined ? 1 : 2)
    fc.assert(
      fc.property(history, catalogue, consent, (versions, next, consented) => {
        const given = (consented as Consent).map(([name]): [string, number] => [name, versions.length])
        const at_consent = holding(versions, given)
        const later = holding([...versions, next], given)
        for (const name of TOOLS.filter((tool) => isOpenTo(later, 'tools', tool)))
          expect(rank(riskTo(later, 'tools', name))).toBeGreaterThanOrEqual(
            rank(riskTo(at_consent, 'tools', name)),
          )
      }),
      RUNS,
    )
  })

  it('tells as new exactly the tools that are withheld', () => {
    fc.assert(
      fc.property(history, consent, (versions, consented) => {
        const held = holding(versions, consented as Consent)
        const withheld = TOOLS.filter(
          (name) => isOpened(held.resource, held.effective, 'tools', name) && !isOpenTo(held, 'tools', name),
        )
        const told = growthOf(held).filter(({ kind, what }) => kind === 'tools' && what === 'new')
        expect(told.map(({ name }) => name)).toEqual(withheld)
      }),
      RUNS,
    )
  })

  it('stays as narrow as a client asked for it', () => {
    fc.assert(
      fc.property(history, consent, fc.subarray(SCOPES), (versions, consented, asked) => {
        const whole = holding(versions, consented as Consent)
        const narrowed = holding(versions, consented as Consent, asked.join(' '))
        for (const [kind, name] of ASKED)
          if (isOpenTo(narrowed, kind, name)) expect(isOpenTo(whole, kind, name)).toBe(true)
      }),
      RUNS,
    )
  })

  it('is as ever for whoever consented to the catalogue in force', () => {
    fc.assert(
      fc.property(catalogue, fc.subarray(SCOPES, { minLength: 1 }), (now, names) => {
        expect(
          holding(
            [now],
            names.map((name) => [name, 1]),
          ).seen,
        ).toBeUndefined()
      }),
    )
  })
})

/** Scopes that were seen under one catalogue open together what needs several. */
function openedTogether(versions: Catalogue[], consented: Consent, kind: Kind, name: string): boolean {
  const by_version = Map.groupBy(consented, ([, version]) => version)
  return [...by_version].some(([version, scopes]) => {
    const seen = versions[version - 1]
    const names = scopes.map(([scope]) => scope)
    return (
      seen !== undefined && isOpened(resourceOf(seen), effectiveScopes(resourceOf(seen), names), kind, name)
    )
  })
}
