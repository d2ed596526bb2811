import { type OutputChunk, type OutputOptions, rolldown } from 'rolldown'

/** The guard without its adapters. */
export const GUARD_ENTRY = 'src/guard/index.ts'
/** What the guard promises to stay below, whatever it loads later. */
export const GUARD_BYTES_MAX = 20 * 1024

/** Bundled and minified as for a browser's worker, an edge or anywhere else where there is no Node. */
export async function bundleOf(input: string, output: OutputOptions = {}): Promise<OutputChunk[]> {
  const built = await rolldown({ input, platform: 'browser', logLevel: 'silent' })
  const { output: chunks } = await built.generate({ minify: true, ...output })
  await built.close()
  return chunks.filter((chunk) => chunk.type === 'chunk')
}

/** Those with which a bundle begins: its entry, and what that imports at once. The rest is loaded by whoever uses it. */
export function neededAtOnce(chunks: readonly OutputChunk[]): OutputChunk[] {
  const needed = new Set<string>()
  const need = (name: string): void => {
    if (needed.has(name)) return
    needed.add(name)
    for (const next of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) need(next)
  }
  for (const { isEntry, fileName } of chunks) if (isEntry) need(fileName)
  return chunks.filter(({ fileName }) => needed.has(fileName))
}

export function bytesOf(chunks: readonly OutputChunk[]): number {
  return chunks.reduce((sum, { code }) => sum + Buffer.byteLength(code), 0)
}
