import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Figure, figuresTable, isMet } from './figures.ts'
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
export function mergeResults(
  text: string,
  finished: readonly Finished[],
  parts: readonly { name: string }[],
): string {
  const sections = sectionsOf(text)
  for (const each of finished) sections.set(each.name, sectionOf(each))
  return `${[HEAD, ...parts.flatMap(({ name }) => sections.get(name) ?? [])].join('\n\n')}\n`
}

export async function keepResults(
  finished: readonly Finished[],
  parts: readonly { name: string }[],
): Promise<void> {
  const text = await readFile(RESULTS, 'utf8').catch(() => '')
  await writeFile(RESULTS, mergeResults(text, finished, parts))
}

/** The figures that miss their goal; none of a quick run, which measures nothing. */
export function missedGoals(finished: readonly Finished[], { quick }: { quick: boolean }): Figure[] {
  return quick ? [] : finished.flatMap(({ figures }) => figures).filter((figure) => !isMet(figure))
}

function sectionsOf(text: string): Map<string, string> {
  const sections = text.split(/^(?=## )/m).filter((section) => section.startsWith('## '))
  return new Map(sections.map((section) => [section.slice(3, section.indexOf('\n')).trim(), section.trim()]))
}
