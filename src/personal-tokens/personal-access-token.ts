import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/**
 * What a personal access token looks like: `tgp_`, 43 base62 characters from a CSPRNG (256.03 bits), and the CRC-32 of
 * all that as 6 base62 characters. So scanners find one with few false alarms, and what is mistyped costs no query.
 */
export const PERSONAL_CLIENT_ID = 'personal-access-token'
export const PERSONAL_CLIENT_NAME = 'Personal access token'

const PREFIX = 'tgp_'
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const RANDOM_CHARS = 43
const CHECKSUM_CHARS = 6
const SHAPE = /^tgp_[0-9A-Za-z]{49}$/
/** The greatest multiple of 62 in a byte: what is above would make some characters likelier than others. */
const UNBIASED_BELOW = 248

function randomBase62(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < UNBIASED_BELOW && text.length < length) text += ALPHABET[byte % 62]
    }
  }
  return text
}

function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  while (digits.length < CHECKSUM_CHARS) {
    digits = ALPHABET[rest % 62] + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

/** A new token. It is given to its owner once; only its SHA-256 is kept. */
export function makePersonalAccessToken(): string {
  const text = PREFIX + randomBase62(RANDOM_CHARS)
  return text + checksum(text)
}

/** Whether it could be one: its shape and its checksum. Says nothing of whether it is known. */
export function isPersonalAccessToken(text: string): boolean {
  return SHAPE.test(text) && checksum(text.slice(0, -CHECKSUM_CHARS)) === text.slice(-CHECKSUM_CHARS)
}
