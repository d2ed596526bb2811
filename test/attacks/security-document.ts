import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { ROOT } from '../support/readme.ts'

/** docs/security.md, made from the attacks themselves: whom each plays, what holds, and how many cases it tries. */
const FOLDER = 'test/attacks'

export type Attack = { file: string; who: string }

/** `test/attacks/open-streams.test.ts` is “Open streams”. */
export function titleOf(file: string): string {
  const words = basename(file, '.test.ts').replace('.long', ' for long').replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** Every file of attacks with its first comment. */
export function attacks(): Attack[] {
  return readdirSync(join(ROOT, FOLDER))
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => ({
      file: `${FOLDER}/${name}`,
      who: firstComment(readFileSync(join(ROOT, FOLDER, name), 'utf8')),
    }))
}

function firstComment(text: string): string {
  const lines = text.split('\n')
  const end = lines.findIndex((line) => !line.startsWith('// '))
  return lines
    .slice(0, end)
    .map((line) => line.slice(3))
    .join(' ')
}

type Listed = { name: string; file: string }

/** What vitest would run of these files, case by case: `npm test` the most, `npm run test:long` what takes minutes. */
function cases(): Listed[] {
  return [{}, { TOOLGATE_TEST_LONG: 'yes' }].flatMap(listed)
}

function listed(env: Record<string, string>): Listed[] {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const out = execFileSync(process.execPath, [vitest, 'list', FOLDER, '--json', '--no-staticParse'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { ...process.env, ...env },
  })
  return JSON.parse(out.slice(out.indexOf('[\n')))
}

/** Of longer tables of inputs, only the first is named. */
const ROWS_MAX = 12

/** The page, in Markdown. */
export function securityDocument(): string {
  const all = cases()
  const sections = attacks().map((attack) =>
    section(
      attack,
      all.filter(({ file }) => relative(ROOT, file) === attack.file),
    ),
  )
  return `# Attacks, and what holds against them

Each attack is a test that plays it on a real server, with a real Postgres and real HTTP; \`npm test\` runs them, and
\`npm run test:long\` those that take minutes (\`*.long.test.ts\`). This page
is made from them by \`npm run docs:security\`: ${sections.length} attackers, ${all.length} cases. Many cases try more inputs than one; property
tests try at least 100 each. What is promised besides, and what operators must do, is in [SECURITY.md](../SECURITY.md).

${sections.join('\n\n')}
`
}

function section({ file, who }: Attack, tests: readonly Listed[]): string {
  const places = Map.groupBy(tests, ({ name }) => name.split(' > ').slice(0, -1).join(', '))
  return [
    `## ${titleOf(file)}`,
    '',
    `${who} \`${file}\`, ${tests.length} cases.`,
    '',
    '| Where | What holds | Cases |',
    '| --- | --- | --- |',
    ...[...places].flatMap(([place, of_place]) => rows(place, of_place)),
  ].join('\n')
}

function rows(place: string, [first, ...others]: readonly Listed[]): string[] {
  if (!first) return []
  const row = ({ name }: Listed, count: string) =>
    `| ${cell(place)} | ${cell(name.split(' > ').at(-1) ?? name)} | ${count} |`
  const count = others.length + 1
  return count > ROWS_MAX
    ? [row(first, `${count}, of which this is the first`)]
    : [first, ...others].map((each) => row(each, '1'))
}

function cell(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[`\p{Cc}\p{Cf}]/gu, '')
}
