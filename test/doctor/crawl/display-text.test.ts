import fc from 'fast-check'
import { expect, it } from 'vitest'
import { displayText, displayUrl, terminalText } from '../../../src/doctor/crawl/display-text.ts'

it('whatever another server says steers no terminal, and plain words stay', () => {
  expect(terminalText('Größe 3 🙂')).toBe('Größe 3 🙂')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = terminalText(`${text}\u001b[2J\u009b\u202e\u2028\ud800`)
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
    }),
  )
})

it('what is shown has no control characters, no secret, and an end', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.stringMatching(/^[A-Za-z0-9]{16,40}$/), (text, secret) => {
      const shown = displayText(`${text}${secret}\u001b[2J\u202e${text}`, [secret], 400)
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u)
      expect(shown).not.toContain(secret)
      expect(shown.length).toBeLessThanOrEqual(401)
      expect(displayText(text).length).toBeLessThanOrEqual(201)
    }),
  )
})

it('what looks like a secret is not shown, and a challenge is', () => {
  expect(displayText('Bearer abcdefgh1234 and tgp_abc "access_token":"x"')).toBe(
    'Bearer … and … "access_token":"…"',
  )
  expect(displayText('"authorization":"Bearer YWJjZGVmZ2hp="')).toBe('"authorization":"Bearer …"')
  const challenge = 'Bearer resource_metadata="https://x.example/m", scope="notes:read"'
  expect(displayText(challenge)).toBe(challenge)
  expect(displayUrl('https://me:pw@x.example/a?token=s&b=c#d')).toBe('https://x.example/a?token=…&b=…')
})
