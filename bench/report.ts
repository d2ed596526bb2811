import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { figuresTable } from './figures.ts'
import type { Measured } from './part.ts'

/** bench/results.md: one section for each part, so that measuring one part leaves the others' last results. */
export type Finished = Measured & { name: string }

const RESULTS = fileURLToPath(new URL('results.md', import.meta.url))
const HEAD = `# Results of \`npm run bench\`

[README.md](README.md) says what each part measures and how to read it.`

export function sectionOf({ name, ran, figures, details }: Finished): string {
  const machine = `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores`
  return [`## ${name}`, `${ran}; ${machine}.`, figuresTable(figures), ...(details ? [details] : [])].join(
    '\n\n',
  )
}

/** Replaces the sections of what was measured now; keeps the others, in the order of `parts`. */
export async function keepResults(
  finished: readonly Finished[],
  parts: readonly { name: string }[],
): Promise<void> {
  const kept = sectionsOf(await readFile(RESULTS, 'utf8').catch(() => ''))
  for (const each of finished) kept.set(each.name, sectionOf(each))
  const sections = parts.flatMap(({ name }) => kept.get(name) ?? [])
  await writeFile(RESULTS, `${[HEAD, ...sections].join('\n\n')}\n`)
}

function sectionsOf(text: string): Map<string, string> {
  const sections = text.split(/^(?=## )/m).filter((section) => section.startsWith('## '))
  return new Map(sections.map((section) => [section.slice(3, section.indexOf('\n')).trim(), section.trim()]))
}
