import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { findVersion, listVersions } from '../catalogue/catalogue-store.ts'
import { catalogueText } from '../catalogue/catalogue-text.ts'
import { effectLine } from '../holders/affected.ts'
import {
  catalogueComparison,
  catalogueOf,
  changeCatalogue,
  compareCatalogue,
} from '../holders/catalogue-change.ts'
import { type ActionContext, defineAction } from './action.ts'
import { cursor, limit, moment, text, why } from './fields.ts'

/** A file of 256 KB, with its line ends and quotes escaped as JSON has it. */
const BODY_LIMIT_BYTES = 768 * 1024

const catalogue_text = z
  .string()
  .max(256 * 1024)
  .describe('The whole catalogue as YAML')
/** On the command line the catalogue is a file. */
const from_file = {
  arguments: ['catalogue'],
  defaults: { catalogue: 'catalogue.yaml' },
  read: { catalogue: 'file' },
} as const

type Comparison = Pick<z.input<typeof catalogueComparison>, 'changes' | 'effects'>

function comparisonLines({ changes, effects }: Comparison): string[] {
  if (changes.length === 0) return ['Nothing changes.']
  const in_use = effects.length > 0 ? ['In use, to be named with --accept:', ...effects.map(effectLine)] : []
  return [...changes, ...in_use]
}

const version = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER)

const scope = z.object({
  name: z.string(),
  description: z.string(),
  tools: z.array(z.string()),
  prompts: z.array(z.string()).optional().describe('Names of prompts'),
  resources: z.array(z.string()).optional().describe('URIs of MCP resources; a * at the end opens all below'),
  includes: z.array(z.string()),
  risk: z.enum(['read_only', 'destructive']).optional(),
})
const resource = z.object({
  resource: z.string(),
  name: z.string(),
  default_scopes: z.array(z.string()),
  scopes: z.array(scope),
  built_in: z.literal(true).optional().describe('Toolgate’s own: in every catalogue, and in no file'),
})
const role = z.object({
  name: z.string(),
  grants: z.array(z.object({ resource: z.string(), scopes: z.array(z.string()) })),
})
const record = { version: z.int(), digest: z.string(), applied_by: z.string(), applied_at: moment }

function documentOf({ resources, roles }: Catalogue): Pick<z.input<typeof shown>, 'resources' | 'roles'> {
  // A catalogue is read-only JSON; an answer is a copy of it.
  return structuredClone({ resources, roles }) as Pick<z.input<typeof shown>, 'resources' | 'roles'>
}

const shown = z.object({
  ...record,
  catalogue_file: z.string().optional().describe('The file that the server applies whenever it starts'),
  resources: z.array(resource),
  roles: z.array(role),
})

async function show(context: ActionContext): Promise<z.input<typeof shown>> {
  const { db, catalogues, catalogue_file } = context
  const in_force = await findVersion(db)
  if (!in_force) throw new AppError('not_found', 'No catalogue was ever applied')
  const { catalogue: _, ...about } = in_force
  return {
    ...about,
    ...(catalogue_file === undefined ? {} : { catalogue_file }),
    ...documentOf(await catalogues.at(db, in_force.version)),
  }
}

export const showCatalogue = defineAction({
  name: 'show_catalogue',
  scope: 'operator:read',
  summary: 'Shows the catalogue in force: resources with their scopes and tools, and roles.',
  method: 'get',
  path: '/catalogue',
  command: 'catalogue show',
  cli: {
    lines: ({ version, applied_by, applied_at, ...catalogue }) => [
      `# Version ${version}, applied by ${applied_by} at ${applied_at.toISOString()}.`,
      catalogueText(catalogue as Catalogue).trimEnd(),
    ],
  },
  page: '/operator/catalogue',
  input: z.strictObject({}),
  output: shown,
  run: show,
})

export const exportCatalogue = defineAction({
  name: 'export_catalogue',
  scope: 'operator:read',
  summary: 'Gives one version of the catalogue, or the one in force, as a YAML file to edit and apply.',
  method: 'get',
  path: '/catalogue/file',
  command: 'catalogue export',
  cli: { lines: ({ catalogue }) => [catalogue.trimEnd()] },
  page: '/operator/catalogue/apply',
  input: z.strictObject({ version: version.optional().describe('The one in force where absent') }),
  output: z.object({ ...record, catalogue: z.string() }),
  run: async ({ db }, { version }) => {
    const found = await findVersion(db, version)
    if (!found)
      throw new AppError('not_found', `There is no version ${version ?? 'in force'} of the catalogue`)
    return { ...found, catalogue: catalogueText(found.catalogue) }
  },
})

export const catalogueHistory = defineAction({
  name: 'catalogue_history',
  scope: 'operator:read',
  summary: 'Lists who applied which version of the catalogue when, newest first.',
  method: 'get',
  path: '/catalogue/versions',
  command: 'catalogue history',
  cli: { columns: 'version applied_at applied_by digest' },
  page: '/operator/catalogue',
  input: z.strictObject({ limit, after: cursor.optional() }),
  output: z.object({ versions: z.array(z.object(record)), next: z.string().optional() }),
  run: async ({ db }, page) => {
    const { rows, ...more } = await listVersions(db, page)
    return { versions: rows, ...more }
  },
})

export const diffCatalogue = defineAction({
  name: 'diff_catalogue',
  scope: 'operator:read',
  summary:
    'Says what is wrong with a catalogue, or what applying it would change, and who gains and loses by it.',
  method: 'post',
  path: '/catalogue/diff',
  command: 'catalogue diff',
  cli: {
    ...from_file,
    nothing: ({ faults }) =>
      faults.length > 0 ? `The catalogue has faults:\n${faults.join('\n')}` : undefined,
    lines: comparisonLines,
  },
  page: '/operator/catalogue/apply',
  body_limit_bytes: BODY_LIMIT_BYTES,
  input: z.strictObject({ catalogue: catalogue_text }),
  output: catalogueComparison,
  run: ({ db }, { catalogue }) => compareCatalogue(db, catalogue),
})

export const applyNewCatalogue = defineAction({
  name: 'apply_catalogue',
  scope: 'operator:admin',
  summary:
    'Puts a catalogue in force, for the next tool call on any instance. What is in use becomes more or less only where it is accepted by name.',
  method: 'put',
  path: '/catalogue',
  command: 'catalogue apply',
  cli: {
    ...from_file,
    lines: ({ version, changes }) => [
      ...comparisonLines({ changes, effects: [] }),
      ...(changes.length > 0 ? [`Version ${version} is in force.`] : []),
    ],
  },
  page: '/operator/catalogue/apply',
  body_limit_bytes: BODY_LIMIT_BYTES,
  input: z.strictObject({
    catalogue: catalogue_text,
    expected_version: z.coerce
      .number()
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('The version that is replaced; a conflict when another is in force by then'),
    digest: z
      .string()
      .max(64)
      .optional()
      .describe('As a comparison gave it; a conflict when this is another catalogue'),
    accept: z
      .preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(text).max(5_000))
      .optional()
      .describe('What is in use and may become more or less by it, each as a comparison names it'),
    ...why,
  }),
  output: z.object({ version: z.int(), changes: z.array(z.string()) }),
  run: async (context, { catalogue, ...expected }, caller) =>
    changeCatalogue(context, await catalogueOf(catalogue), caller, expected),
})

export const CATALOGUE_ACTIONS = [
  showCatalogue,
  exportCatalogue,
  catalogueHistory,
  diffCatalogue,
  applyNewCatalogue,
]
