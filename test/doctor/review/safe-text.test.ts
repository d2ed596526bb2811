import fc from 'fast-check'
import { expect, it } from 'vitest'
import { safeText } from '../../../src/doctor/review/safe-text.ts'

it('whatever a server says, what is shown has no control characters, no secret, and an end', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.stringMatching(/^[A-Za-z0-9]{16,40}$/), (text, secret) => {
      const shown = safeText(`${text}${secret}\u001b[2J\u202e${text}`, [secret])
      expect(shown).not.toMatch(/\p{Cc}|\p{Cf}/u)
      expect(shown).not.toContain(secret)
      expect(shown.length).toBeLessThanOrEqual(401)
    }),
  )
})
