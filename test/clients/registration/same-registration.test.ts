import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { registrationDigest } from '../../../src/clients/registration/same-registration.ts'

const PUBLIC = { token_endpoint_auth_method: 'none' }
const digestOf = (metadata: Record<string, unknown>) =>
  registrationDigest({ ...metadata, ...PUBLIC })?.toString('hex')

/** The same value, with the members of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).reverse()
  return Object.fromEntries(members.map(([name, member]) => [name, reordered(member)]))
}

const metadata = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))

describe('the digest of a registration', () => {
  it('does not depend on the order of members, at any depth', () => {
    fc.assert(
      fc.property(metadata, (given) => {
        expect(digestOf(reordered(given) as Record<string, unknown>)).toBe(digestOf(given))
      }),
    )
  })

  it('is another for anything else that differs', () => {
    fc.assert(
      fc.property(metadata, metadata, (one, other) => {
        fc.pre(
          JSON.stringify(sortDeep({ ...one, ...PUBLIC })) !==
            JSON.stringify(sortDeep({ ...other, ...PUBLIC })),
        )
        expect(digestOf(one)).not.toBe(digestOf(other))
      }),
    )
  })

  it.each(['client_secret_basic', 'client_secret_post', undefined, 'anything'])(
    'is none for a client with %s: its secret belongs to one caller',
    (token_endpoint_auth_method) => {
      expect(registrationDigest({ redirect_uris: ['x'], token_endpoint_auth_method })).toBeUndefined()
    },
  )
})

function sortDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortDeep)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [name, sortDeep(member)])
}
