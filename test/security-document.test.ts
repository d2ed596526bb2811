import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { attacks, titleOf } from './attacks/security-document.ts'

it('docs/security.md has every attack, and each says whom it plays', () => {
  const document = readFileSync('docs/security.md', 'utf8')
  for (const { file, who } of attacks()) {
    expect(who).not.toBe('')
    expect(document).toContain(`## ${titleOf(file)}\n\n${who} \`${file}\``)
  }
})
