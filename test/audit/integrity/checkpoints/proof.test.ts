import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signCheckpoint } from '../../../../src/audit/integrity/checkpoints/checkpoint.ts'
import { checkProof } from '../../../../src/audit/integrity/checkpoints/proof.ts'
import { poisonParser } from '../../../support/poisoned-parser.ts'
import {
  chainAfter,
  headOf,
  ISSUER,
  LATER_WRITER,
  makeProof,
  newKey,
  SIGNED_AT,
  segment,
} from '../../proofs.ts'
import { chainOf, linked, WRITER } from '../../rows.ts'

const { assert, asyncProperty, integer } = fc
const key = await newKey()
const proof = await makeProof(key)
const text = proof.toString()

type ProofJson = {
  toolgate_audit_proof: number
  segments: { row: Record<string, unknown>; digests: string[] }[]
  checkpoint: string
}

function rewritten(change: (file: ProofJson) => void, space?: number): Buffer {
  const file = JSON.parse(text)
  change(file)
  return Buffer.from(JSON.stringify(file, null, space))
}

describe('a proof', () => {
  it('proves its event, when it was signed, and by which key', async () => {
    const { event, checkpoint } = await checkProof(proof)
    expect(event).toMatchObject({ writer_id: WRITER, seq: 3, tool: 'tool_2', decision: 'allowed' })
    expect(checkpoint).toMatchObject({ issuer: ISSUER, created_at: SIGNED_AT, thumbprint: key.thumbprint })
  })

  it('discloses no row but the event and those that name the end of a chain', () => {
    expect(text).toContain('tool_2')
    for (const tool of ['tool_1"', 'tool_3', 'tool_4', 'tool_5']) expect(text).not.toContain(tool)
  })

  it('is refused with any byte changed', async () => {
    const flipped = asyncProperty(
      integer({ min: 0, max: proof.length - 1 }),
      integer({ min: 1, max: 255 }),
      async (at, mask) => {
        const changed = Buffer.from(proof)
        changed[at] = changed[at]! ^ mask
        await expect(checkProof(changed), `byte ${at} of ${proof.length}`).rejects.toMatchObject({
          code: 'invalid_input',
        })
      },
    )
    await assert(flipped, { numRuns: 3_000 })
  })

  it('is refused with any bit changed in the part that is signed or hashed', async () => {
    const bits = Array.from({ length: 8 }, (_, bit) => 1 << bit)
    const from = text.indexOf('"prev_hash"')
    for (let at = from; at < from + 200; at++)
      for (const mask of bits) {
        const changed = Buffer.from(proof)
        changed[at] = changed[at]! ^ mask
        await expect(checkProof(changed)).rejects.toMatchObject({ code: 'invalid_input' })
      }
  })

  it('is refused with bytes cut off or added', async () => {
    await assert(
      asyncProperty(integer({ min: 0, max: proof.length - 2 }), async (length) => {
        await expect(checkProof(proof.subarray(0, length))).rejects.toThrow('The proof is not good')
      }),
      { numRuns: 200 },
    )
    for (const more of [' ', '\n', '{}', '\0'])
      await expect(checkProof(Buffer.concat([proof, Buffer.from(more)]))).rejects.toThrow('not good')
  })

  it('is the same proof in one line', async () => {
    expect((await checkProof(rewritten(() => {}))).event.seq).toBe(3)
  })

  it('is good whatever its event is called, and whatever the engine met before', async () => {
    const rows = chainOf(6)
    const before = rows[4]!
    const quoting = linked({ ...rows[5]!, detail: { before: 1, '"': 2 } }, before.hash)
    const heads = [headOf([quoting])]
    const checkpoint = await signCheckpoint(key, { issuer: ISSUER, created_at: SIGNED_AT, heads })
    const bytes = await makeProof(key, { segments: [segment([quoting], 0)], checkpoint })
    poisonParser(bytes.toString())
    expect((await checkProof(bytes)).event.detail).toEqual({ before: 1, '"': 2 })
  })

  it('is refused when a reader could see something else than what is checked', async () => {
    const twice = text.replace(
      '"decision": "allowed"',
      '"decision": "denied",\n        "decision": "allowed"',
    )
    await expect(checkProof(Buffer.from(twice))).rejects.toThrow('JSON.stringify')
    await expect(checkProof(Buffer.concat([Buffer.from('\ufeff'), proof]))).rejects.toThrow('not good')
    const invalid = Buffer.from(text.replace('"scope": "notes', '"scope": "\u00ff'), 'latin1')
    await expect(checkProof(invalid)).rejects.toThrow('UTF-8')
  })
})

describe('what is wrong with a proof is named', () => {
  const refusals: [string, (file: ProofJson) => void, string][] = [
    [
      'a changed event',
      (file) => {
        file.segments[0]!.row.decision = 'denied'
      },
      'names another row 6',
    ],
    [
      'a changed digest',
      (file) => {
        file.segments[1]!.digests.reverse()[0] = file.segments[0]!.digests[0]!
      },
      'is not what led to row 2',
    ],
    [
      'a missing digest',
      (file) => {
        file.segments[0]!.digests.pop()
      },
      `does not name row 5 of writer ${WRITER}`,
    ],
    [
      'a missing last digest',
      (file) => {
        file.segments[1]!.digests.pop()
      },
      'its checkpoint names row 2',
    ],
    [
      'a missing segment',
      (file) => {
        file.segments.pop()
      },
      'does not name the chain that it leads to',
    ],
    [
      'a column that is none',
      (file) => {
        file.segments[0]!.row.note = 'x'
      },
      'note',
    ],
    [
      'a writer in capitals',
      (file) => {
        file.segments[0]!.row.writer_id = WRITER.toUpperCase()
      },
      'lower case',
    ],
    [
      'another version',
      (file) => {
        file.toolgate_audit_proof = 2
      },
      'toolgate_audit_proof',
    ],
    [
      'no checkpoint',
      (file) => {
        file.checkpoint = 'e30.e30.e30'
      },
      'The checkpoint is not good',
    ],
  ]
  it.each(refusals)('%s', async (_, change, message) => {
    await expect(checkProof(rewritten(change, 2))).rejects.toThrow(message)
  })

  it('a key that is not the one that was pinned', async () => {
    const other = await newKey()
    await expect(checkProof(proof, { public_key: other.thumbprint })).rejects.toThrow(key.thumbprint)
    await expect(checkProof(proof, { public_key: other.public_key })).rejects.toThrow(other.thumbprint)
    expect(await checkProof(proof, { public_key: key.thumbprint })).toMatchObject({ event: { seq: 3 } })
    expect(await checkProof(proof, { public_key: key.public_key })).toMatchObject({ event: { seq: 3 } })
  })

  it('a checkpoint that names the row with another hash', async () => {
    const going_on = chainAfter(chainOf(6))
    const heads = [{ ...headOf(going_on), hash: Buffer.alloc(32, 7) }]
    const checkpoint = await signCheckpoint(key, { issuer: ISSUER, created_at: SIGNED_AT, heads })
    await expect(checkProof(await makeProof(key, { checkpoint }))).rejects.toThrow('is not what led to row 2')
  })

  it('a row that names nothing where it should name the end of a chain', async () => {
    const stranger = chainOf(2, LATER_WRITER)
    const checkpoint = await signCheckpoint(key, {
      issuer: ISSUER,
      created_at: SIGNED_AT,
      heads: [headOf(stranger)],
    })
    const segments = [segment(chainOf(6), 2), segment(stranger, 0)]
    await expect(checkProof(await makeProof(key, { segments, checkpoint }))).rejects.toThrow(
      `row 1 of writer ${LATER_WRITER} does not name row 6 of writer ${WRITER}`,
    )
  })
})
