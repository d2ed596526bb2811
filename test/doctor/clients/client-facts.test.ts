import { describe, expect, it } from 'vitest'
import { redirectUrisOf, shapesOf } from '../../../src/doctor/clients/client-facts.ts'
import { CLIENT_PROFILES, FAMILIES } from '../../../src/doctor/clients/index.ts'

describe.each(CLIENT_PROFILES)('$name', (profile) => {
  it('is a client that can be registered, or has a document, and has a redirect address', () => {
    expect(profile.registration ?? profile.document_url).toBeDefined()
    expect(URL.canParse(profile.redirect_uri)).toBe(true)
  })

  it('registers with no scope that depends on the server', () => {
    expect(String(profile.registration?.scope ?? '')).not.toContain('notes:')
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

it('fourteen clients are known well enough to judge as they would', () => {
  expect(CLIENT_PROFILES).toHaveLength(14)
})

it('every client sends a redirect address', () => {
  const shapes = Object.values(FAMILIES).flat().flatMap(shapesOf)
  expect(shapes.filter((shape) => redirectUrisOf(shape).length === 0)).toEqual([])
})
