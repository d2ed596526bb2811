import { expect, it } from 'vitest'
import { sha256 } from '../../src/base/digest.ts'

it('is the SHA-256 of bytes, and of the UTF-8 of text (FIPS 180-4)', () => {
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  expect(sha256('abc').toString('hex')).toBe(abc)
  expect(sha256(new TextEncoder().encode('abc')).toString('hex')).toBe(abc)
  expect(sha256('').toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(sha256('ä').equals(sha256('a\u0308'))).toBe(false)
})
