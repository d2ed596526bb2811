import { z } from 'zod'
import { UUID } from '../../../audit-chain/row-bytes.ts'

/** Pure: how documents about chains write what names and binds rows. Each value has one spelling; decoders accept more. */
export const lowerUuid = z.string().regex(UUID, 'must be a UUID in lower case')

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
  z.iso.datetime({ precision: 3, error: 'must be a time like 2026-07-28T09:30:00.125Z' }),
  z.date(),
  { decode: (text) => new Date(text), encode: (time) => time.toISOString() },
)
