import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { signCheckpoint } from '../../../../src/audit/integrity/checkpoints/checkpoint.ts'
import { readCheckpointFile } from '../../../../src/audit/integrity/checkpoints/checkpoint-file.ts'
import { headOf, ISSUER, LATER_WRITER, newKey, SIGNED_AT } from '../../proofs.ts'
import { chainOf } from '../../rows.ts'

const path = join(mkdtempSync(join(tmpdir(), 'toolgate-checkpoint-file-')), 'checkpoints')
const key = await newKey()
const heads = [headOf(chainOf(3)), headOf(chainOf(5)), headOf(chainOf(2, LATER_WRITER))]
const sign = (...said: typeof heads) =>
  signCheckpoint(key, { issuer: ISSUER, created_at: SIGNED_AT, heads: said })
const lines = [await sign(heads[0]!, heads[2]!), await sign(heads[1]!, heads[2]!)]

it('every checkpoint of a file counts, what the newest names first, and each row once', async () => {
  writeFileSync(path, `${lines.join('\n')}\n`)
  const found = await readCheckpointFile(path)
  expect(found).toEqual([heads[2], heads[1], heads[0]])
})

it('a line that is no good checkpoint is named, and nothing is taken from the file', async () => {
  writeFileSync(path, `${lines[0]}\n${lines[1]!.slice(0, -20)}\n`)
  await expect(readCheckpointFile(path)).rejects.toThrow(/checkpoints, line 2: The checkpoint is not good/)
  writeFileSync(path, '')
  await expect(readCheckpointFile(path)).rejects.toThrow('holds no checkpoint')
})

it('checkpoints of another key than the pinned one are refused', async () => {
  writeFileSync(path, `${lines[0]}\n`)
  expect(await readCheckpointFile(path, { public_key: key.thumbprint })).toHaveLength(2)
  await expect(readCheckpointFile(path, { public_key: (await newKey()).thumbprint })).rejects.toThrow(
    'line 1',
  )
})
