import { describe, expect, it } from 'vitest'
import { CLIENT_PROFILES } from '../../src/doctor/clients/index.ts'
import { CLIENT_SHAPES } from '../interop/client-shapes.ts'

/** What the doctor says of clients and what the interoperability tests play is one knowledge. */
const registrations = CLIENT_SHAPES.flatMap(({ identity }) =>
  'registration' in identity ? [identity.registration] : [],
)
const document_urls = CLIENT_SHAPES.flatMap(({ identity }) =>
  'document_url' in identity ? [identity.document_url] : [],
)
const redirect_uris = CLIENT_SHAPES.flatMap((shape) => [
  shape.redirect_uri,
  ...(shape.other_redirect_uris ?? []),
])

describe.each(CLIENT_PROFILES)('$name', (profile) => {
  it('registers as a client that the tests play does, but for the scope, which depends on the server', () => {
    const { scope: _, ...registration } = profile.registration ?? {}
    expect(registrations).toContainEqual(expect.objectContaining(registration))
  })

  it('has a document and a redirect address that the tests play', () => {
    if (profile.document_url) expect(document_urls).toContain(profile.document_url)
    expect(redirect_uris).toContain(profile.redirect_uri)
  })

  it('says for every rule on what ground it stands', () => {
    for (const rule of Object.values(profile.rules))
      expect(rule).toEqual({
        is: rule.is,
        ground: expect.stringMatching(/^\w+$/),
        where: expect.stringMatching(/.{5,}/),
      })
  })

  it('has a name of its own', () => {
    expect(CLIENT_PROFILES.filter(({ name }) => name === profile.name)).toHaveLength(1)
  })
})
