import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * The text of a file that only its owner reads; where there is none, it is made on first use. Of several processes that make
 * it at once, what the first one made counts for all.
 */
export async function secretFile(file: string, make: () => Promise<string>): Promise<string> {
  const text = unless('ENOENT', () => readFileSync(file, 'utf8'))
  if (text !== undefined) return text
  const made = await make()
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  return (
    unless('EEXIST', () => {
      writeFileSync(file, made, { mode: 0o600, flag: 'wx' })
      return made
    }) ?? readFileSync(file, 'utf8')
  )
}

function unless(code: string, work: () => string): string | undefined {
  try {
    return work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== code) throw error
    return undefined
  }
}
