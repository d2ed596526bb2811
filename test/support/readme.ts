import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** README.md as the tests read it: its code blocks and its tables. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export function readDocument(path: string): string {
  return readFileSync(`${ROOT}${path}`, 'utf8')
}

/** The contents of the blocks fenced with this language, in order. */
export function codeBlocks(document: string, language: string): string[] {
  return [...document.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , code]) => code ?? '')
}

/** The rows below the heading of a section, as cells; the two rows of the table's own head are left out. */
export function tableRows(document: string, heading: string): string[][] {
  const section = document.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
}
