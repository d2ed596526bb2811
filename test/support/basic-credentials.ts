import fc from 'fast-check'

/** HTTP Basic as clients spell it (RFC 6749 §2.3.1). */
export const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

const percent = (character: string) =>
  `%${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`

/** Ways of form-encoding that clients have, all of which mean the same. */
export const ENCODERS: Record<string, (text: string) => string> = {
  'of the web': (text) => new URLSearchParams([['', text]]).toString().slice(1),
  'encodeURIComponent, as many do': encodeURIComponent,
  'openid-client, which also encodes - and _': (text) =>
    encodeURIComponent(text).replace(/[-_.!~*'()]|%20/g, (found) => (found === '%20' ? '+' : percent(found))),
  'whoever encodes everything': (text) => [...text].map(percent).join(''),
  'whoever writes small digits': (text) =>
    [...text].map((character) => percent(character).toLowerCase()).join(''),
}

/** What a client secret may be (RFC 6749 appendix A.2). */
export const vschars = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 60,
})

/** Authorization headers that are something like those of `id` and `secret`. */
export function headersLike(id: string, secret: string): fc.Arbitrary<string> {
  const part = fc.oneof(
    fc.constantFrom(id, secret, '', '%', '%zz', '%00', '%C3%A9', '%FF', '+', 'é', '\0', ':', 'x y'),
    fc.string({ unit: 'binary', maxLength: 10 }),
  )
  const encoded = fc.tuple(fc.constantFrom(...Object.values(ENCODERS)), fc.constantFrom(id, secret), part)
  const halves = fc.oneof(
    fc.constantFrom(...Object.values(ENCODERS)).map((encode) => `${encode(id)}:${encode(secret)}`),
    fc.tuple(part, part).map(([left, right]) => `${left}:${right}`),
    encoded.map(([encode, half, rest]) => `${encode(half)}${rest}`),
    encoded.map(([encode, half, rest]) => `${encode(id)}:${encode(half)}${rest}`),
  )
  const base64 = halves.chain((text) => {
    const spelled = Buffer.from(text).toString('base64')
    const bare = spelled.replace(/=+$/, '')
    return fc.constantFrom(
      spelled,
      bare,
      `${bare}=`,
      `${bare}===`,
      `${spelled}x`,
      `${spelled} x`,
      spelled.replace('+', '-'),
    )
  })
  const scheme = fc.constantFrom('Basic', 'basic', 'BASIC', 'bAsIc', 'Bearer', 'Basic1', 'DPoP', '')
  const gap = fc.constantFrom(' ', ' ', ' ', '  ', '', ',')
  return fc.tuple(scheme, gap, base64).map((parts) => parts.join(''))
}
