import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { withoutSecrets } from '../../src/base/redaction.ts'

const BEARER = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'))
const TOKEN = fc.oneof(
  // Random bytes have both cases but for one in 10^9.
  BEARER.filter((text) => /[A-Z]/.test(text) && /[a-z]/.test(text)),
  fc.stringMatching(/^tg[op]_[A-Za-z0-9]{43,49}$/),
  fc.stringMatching(/^eyJ[A-Za-z0-9_-]{10,20}\.[A-Za-z0-9_-]{5,20}\.[A-Za-z0-9_-]{0,20}$/),
)
const SEPARATOR = fc.constantFrom(' ', '/', '"', '=', '&', '%', ':', '.', '', ',', '?', '\n')

describe('withoutSecrets', () => {
  it('leaves no bearer secret of this server in a text, whatever stands around it', () => {
    fc.assert(
      fc.property(TOKEN, fc.webPath(), SEPARATOR, SEPARATOR, (token, around, before, after) => {
        const text = `${around}${before || ' '}${token}${after || ' '}${around}`
        expect(withoutSecrets(text)).not.toContain(token)
      }),
    )
  })

  it.each([
    randomBytes(16).toString('hex'),
    createHash('sha256').update('x').digest('hex'),
    '0b6a7a3e-7d26-4a2c-9a6e-0f0c8d3f0f6d',
    'gr_0nG4vYwq8mJkz1XbS2aF5w',
    'at_0123456789012345678901',
    'https://claude.ai/oauth/mcp-oauth-client-metadata',
    'http://localhost:4001/mcp notes:read notes:write notes:delete',
    'get_user_profile_information_by_e_mail_address',
    'a'.repeat(43),
  ])('leaves %s as it is', (text) => {
    expect(withoutSecrets(text)).toBe(text)
  })

  it('takes time in proportion to the text', () => {
    expect(withoutSecrets('aA'.repeat(500_000))).toHaveLength(1_000_000)
    expect(withoutSecrets(`${'tgp_'.repeat(250_000)}`)).not.toBe('')
    expect(withoutSecrets('eyJ.'.repeat(250_000))).not.toBe('')
  })
})
