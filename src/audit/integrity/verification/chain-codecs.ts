import { z } from 'zod'

/** Pure: how documents about chains write what names and binds rows. Each value has one spelling; decoders accept more. */
export const lowerUuid = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'must be a UUID in lower case')

export const rowNumber = z.int().min(1)

type Encoding = 'hex' | 'base64url'

function spelled32(encoding: Encoding) {
  return z.string().refine((text) => {
    const read = Buffer.from(text, encoding)
    return read.length === 32 && read.toString(encoding) === text
  }, `must be 32 bytes in ${encoding}`)
}

function bytes32(encoding: Encoding) {
  return z.codec(spelled32(encoding), z.instanceof(Buffer), {
    decode: (text) => Buffer.from(text, encoding),
    encode: (bytes) => bytes.toString(encoding),
  })
}

/** Text that stays text. */
export const base64urlText = spelled32('base64url')
/** A digest of 32 bytes. */
export const base64urlHash = bytes32('base64url')
export const hexHash = bytes32('hex')

export const exactTime = z.codec(
  z.string().refine(isExactTime, 'must be a time like 2026-07-28T09:30:00.125Z'),
  z.date(),
  { decode: (text) => new Date(text), encode: (time) => time.toISOString() },
)

function isExactTime(text: string): boolean {
  const time = new Date(text)
  return !Number.isNaN(time.getTime()) && time.toISOString() === text
}
