import fc from 'fast-check'
import { expect, it } from 'vitest'
import { terminalText } from '../../../src/doctor/probe/terminal-text.ts'

it('whatever another server says steers no terminal, and plain words stay', () => {
  expect(terminalText('Größe 3 🙂')).toBe('Größe 3 🙂')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = terminalText(`${text}\u001b[2J\u009b\u202e\u2028\ud800`)
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
    }),
  )
})
