import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { INTROSPECTION_PATH } from '../src/api/introspection/endpoint.ts'
import { REPORTS_PATH } from '../src/api/reports/endpoint.ts'
import { CHANGES_PATH } from '../src/api/revocation-feed/endpoint.ts'
import { loadConfig } from '../src/config/config.ts'
import { ROOT, readDocument, tableRows } from './support/readme.ts'

const README = readDocument('README.md')
/** Written by a test that drives a browser. */
const MADE_BY_TESTS = 'docs/screenshots/'

const documents = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
  'packages/guard/README.md',
]

const code = (cell: string | undefined) =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? '')

function anchors(document: string): string[] {
  return [...document.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('README.md', () => {
  it('has what resource servers ask, tell and hear among its endpoints', () => {
    const named = tableRows(README, 'Endpoints').flatMap(([endpoint]) => code(endpoint))
    expect(named).toEqual(
      expect.arrayContaining([INTROSPECTION_PATH, REPORTS_PATH, CHANGES_PATH].map((path) => `POST ${path}`)),
    )
  })

  it('names files and tests that exist for every standard', () => {
    const rows = tableRows(README, 'Standards')
    expect(rows.length).toBeGreaterThan(12)
    for (const [standard = '', status = '', files, tests] of rows) {
      const paths = [...code(files), ...code(tests)]
      expect(status, standard).toMatch(/^(yes|partly|no)$/)
      if (status !== 'no') expect([code(files).length, code(tests).length], standard).not.toContain(0)
      for (const path of paths) expect(existsSync(join(ROOT, path)), `${standard}: ${path}`).toBe(true)
    }
  })

  it('has the test command as it is run', () => {
    expect(README).toContain('\nnpm ci && npm test\n')
    expect(readDocument('.ci/run')).toContain("'npm ci && npm test'")
    expect(statSync(join(ROOT, '.ci/run')).mode & 0o111).not.toBe(0)
  })
})

it('every decision is headed by its number', () => {
  const headings = documents
    .filter((path) => path.startsWith('docs/adr/'))
    .map((path) => [Number(path.slice('docs/adr/'.length).slice(0, 4)), readDocument(path).split('\n')[0]])
  for (const [number, heading] of headings) expect(heading).toMatch(new RegExp(`^# ${number}\\. \\S`))
  expect(headings.map(([number]) => number).sort((a, b) => Number(a) - Number(b))).toEqual(
    headings.map((_, index) => index + 1),
  )
})

describe.each(documents)('%s', (path) => {
  const document = readDocument(path)

  it('links only to what is there', () => {
    const links = [...document.replace(/```[\s\S]*?```/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(
      ([, to]) => to ?? '',
    )
    for (const link of links) {
      if (/^https?:/.test(link)) continue
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : join(dirname(path), file)
      if (!target.startsWith(MADE_BY_TESTS)) expect(existsSync(join(ROOT, target)), link).toBe(true)
      if (anchor !== undefined) expect(anchors(readDocument(target)), link).toContain(anchor)
    }
  })
})

type Service = {
  build: string | { context: string; target: string }
  environment: Record<string, string>
  volumes: string[]
  depends_on: Record<string, { condition: string }>
  network_mode?: string
}

describe('docker-compose.yml', () => {
  const compose = parse(readDocument('docker-compose.yml'), { merge: true })
  const services: Record<string, Service> = compose.services
  const dockerfile = readDocument('Dockerfile')

  it('gives Toolgate an environment that it accepts', () => {
    for (const name of ['migrate', 'toolgate'])
      expect(loadConfig(services[name]?.environment ?? {}).issuer).toBe('http://localhost:4000')
  })

  it('waits only for services that exist, and mounts only volumes that exist', () => {
    for (const { depends_on = {}, volumes = [] } of Object.values(services)) {
      for (const name of Object.keys(depends_on)) expect(services).toHaveProperty(name)
      for (const volume of volumes) {
        const [source = ''] = volume.split(':')
        if (source.startsWith('./')) expect(existsSync(join(ROOT, source))).toBe(true)
        else expect(compose.volumes).toHaveProperty(source)
      }
    }
  })

  it('gives the notes server only variables that it reads, and builds a stage that exists', () => {
    const { environment = {}, build } = services.notes ?? {}
    const main = readDocument('examples/notes-server/main.ts')
    for (const name of Object.keys(environment)) expect(main).toContain(name)
    expect(build).toEqual({ context: '.', target: 'example' })
    expect(dockerfile).toContain(' AS example\n')
  })

  it('lets the image copy only what .dockerignore lets in', () => {
    const let_in = readDocument('.dockerignore').match(/(?<=^!).+$/gm) ?? []
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = '']) =>
      names.split(' '),
    )
    for (const name of copied) expect(let_in).toContain(name)
    for (const name of let_in) expect(existsSync(join(ROOT, name)), name).toBe(true)
  })
})
