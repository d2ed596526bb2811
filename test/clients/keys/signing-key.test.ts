import { createPublicKey } from 'node:crypto'
import { expect, it } from 'vitest'
import { generateSigningKey } from '../../../src/clients/keys/signing-key.ts'
import { registeredKeys } from '../../../src/clients/resource-servers/resource-server-keys.ts'

it('a key that is made here can be registered and names itself', async () => {
  const { private_key, jwks } = await generateSigningKey()
  const { d, ...public_half } = private_key
  expect(d).toEqual(expect.any(String))
  expect(jwks).toEqual({ keys: [public_half] })
  expect((await registeredKeys(jwks)).thumbprints).toEqual([public_half.kid])
  expect(createPublicKey({ key: public_half, format: 'jwk' }).asymmetricKeyType).toBe('ec')
})
