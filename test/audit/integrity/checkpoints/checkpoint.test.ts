import { CompactSign } from 'jose'
import { describe, expect, it } from 'vitest'
import { readCheckpoint, signCheckpoint } from '../../../../src/audit/integrity/checkpoints/checkpoint.ts'
import { sha256 } from '../../../../src/base/digest.ts'
import { headOf, ISSUER, newKey, SIGNED_AT } from '../../proofs.ts'
import { chainOf } from '../../rows.ts'

const key = await newKey()
const ROWS = chainOf(9)
const PAYLOAD = { issuer: ISSUER, created_at: SIGNED_AT, heads: [headOf(ROWS)] }

describe('a checkpoint', () => {
  it('says what was signed, and by which key', async () => {
    const previous = Buffer.alloc(32, 1)
    const closes = { partition: 'audit_events_2025_01', rows: 3 }
    const jws = await signCheckpoint(key, { ...PAYLOAD, previous, closes })
    expect(await readCheckpoint(jws)).toEqual({
      ...PAYLOAD,
      previous,
      closes,
      jws,
      digest: sha256(jws),
      thumbprint: key.thumbprint,
      public_key: key.public_key,
    })
    expect(jws).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  })

  it('is refused when a part of it was changed, or signed by another key than the pinned one', async () => {
    const jws = await signCheckpoint(key, PAYLOAD)
    const other = await signCheckpoint(await newKey(), PAYLOAD)
    const [header, payload, signature] = jws.split('.')
    const [other_header, , other_signature] = other.split('.')
    for (const forged of [
      [header, other.split('.')[1]!.slice(1), signature],
      [header, payload, other_signature],
      [other_header, payload, signature],
      [header, payload],
      [header, payload, `${signature}=`],
      [header, payload, signature, ''],
    ])
      await expect(readCheckpoint(forged.join('.'))).rejects.toThrow('The checkpoint is not good')
    await expect(readCheckpoint(other, { public_key: key.thumbprint })).rejects.toThrow('not with')
    await expect(readCheckpoint('')).rejects.toThrow('compact form')
  })

  it('is refused when the right key signed something else', async () => {
    const sign = (typ: string, said: object) =>
      new CompactSign(Buffer.from(JSON.stringify(said)))
        .setProtectedHeader({ alg: 'ES256', typ, kid: key.thumbprint, jwk: key.public_key })
        .sign(key.private_key)
    const typ = 'toolgate-audit-checkpoint+jwt'
    const said = { v: 1, issuer: ISSUER, created_at: SIGNED_AT.toISOString(), heads: [] }
    expect((await readCheckpoint(await sign(typ, said))).heads).toEqual([])
    await expect(readCheckpoint(await sign('JWT', said))).rejects.toThrow('its header')
    await expect(readCheckpoint(await sign(typ, { ...said, v: 2 }))).rejects.toThrow('what it says')
    await expect(readCheckpoint(await sign(typ, { ...said, more: 1 }))).rejects.toThrow('what it says')
  })
})
