import { z } from 'zod'
import { ENVIRONMENT_VARIABLES } from '../../src/config/config.ts'
import { Environment } from '../../src/config/environment.ts'
import { markdownTable } from '../support/markdown-table.ts'

/** docs/configuration.md, made from the schema of the environment. */
export const CONFIGURATION_DOCUMENT = 'docs/configuration.md'

const HEAD = `# Configuration

<!-- Made by \`npm run docs:configuration\` from src/config/environment.ts. -->

Every variable can also be given as a file: \`TOOLGATE_DATABASE_URL_FILE=/run/secrets/url\`. An unknown \`TOOLGATE_*\`
variable stops the start. All faults are reported at once. The README says [what production
needs](../README.md#production).
`

type Property = {
  description?: string
  unset?: string
  default?: unknown
  enum?: readonly string[]
  minimum?: number
  maximum?: number
}

function valuesOf({ enum: choices, minimum, maximum }: Property): string {
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ')
  return minimum === undefined ? '' : `${minimum} to ${maximum}`
}

function defaultOf({ default: value, unset = 'none' }: Property): string {
  return value === undefined ? unset : `\`${value}\``
}

export function configurationDocument(): string {
  const { properties = {} } = z.toJSONSchema(Environment, { io: 'input' })
  const variables = Object.values(properties) as Property[]
  const rows = variables.map((each, at) => [
    `\`${ENVIRONMENT_VARIABLES[at]}\``,
    defaultOf(each),
    valuesOf(each),
    each.description ?? '',
  ])
  return [HEAD, ...markdownTable(['Variable', 'Default', 'Values', 'Meaning'], rows), ''].join('\n')
}
