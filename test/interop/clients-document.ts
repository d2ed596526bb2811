import { IMPOSSIBLE_SHAPES } from '../../src/doctor/clients/agents.ts'
import {
  type ClientFacts,
  type ClientShape,
  type Identity,
  redirectUrisOf,
  shapesOf,
} from '../../src/doctor/clients/client-facts.ts'
import { FAMILIES } from '../../src/doctor/clients/index.ts'
import { markdownTable } from '../support/markdown-table.ts'
import { readDocument } from '../support/readme.ts'
import { authenticationOf } from './client-requests.ts'

/** docs/clients.md, written from the facts that the doctor judges by and the tests play. */
export const CLIENTS_DOCUMENT = 'docs/clients.md'

/** Packages whose programs or SDKs the tests run for real. */
const REAL = [
  '@modelcontextprotocol/client',
  '@modelcontextprotocol/sdk',
  '@modelcontextprotocol/inspector',
  'mcp-remote',
  '@modelcontextprotocol/conformance',
]

const BECOMES_KNOWN: Record<Identity['by'], string> = {
  document: 'metadata document',
  registration: 'dynamic registration',
  operator: '`toolgate clients add`',
}

const METHODS = {
  basic: 'HTTP Basic',
  'basic without form-encoding': 'HTTP Basic, not form-encoded',
  post: 'secret in the body',
  private_key_jwt: 'signed assertion',
}

function listed(texts: readonly string[]): string {
  return texts.map((text) => `\`${text}\``).join('<br>')
}

const HEAD = ['Client', 'Becomes known by', 'Authenticates', 'Is sent back to', 'Habit']

function row(shape: ClientShape): string[] {
  const { client, identity, habit } = shape
  const authentication = authenticationOf(shape)
  const method = authentication ? METHODS[authentication] : 'public'
  return [client, BECOMES_KNOWN[identity.by], method, listed(redirectUrisOf(shape)), habit]
}

function family([name, clients]: [string, readonly ClientFacts[]]): string {
  return [`## ${name}`, '', ...markdownTable(HEAD, clients.flatMap(shapesOf).map(row)), ''].join('\n')
}

/** The whole document. */
export function clientsDocument(): string {
  const { dependencies, devDependencies } = JSON.parse(readDocument('package.json')) as {
    [list in 'dependencies' | 'devDependencies']: Record<string, string>
  }
  const versions = { ...dependencies, ...devDependencies }
  const real = REAL.map((name) => `- \`${name}\` ${versions[name] ?? ''}`)
  const impossible = IMPOSSIBLE_SHAPES.map(({ client, habit }) => `- **${client}**: ${habit}`)
  return `# Clients

Each row is a client as its source, its vendor's documentation or public reports describe it. The tests play every row:
discovery, registration, consent by a person, tokens, introspection, refresh with the parameters that this client
sends, the same refresh once more, revocation. A closed client may differ from what is known about it.

This page is written by \`npm run docs:clients\` from the facts in \`src/doctor/clients/\`, which the tests play and by which
[the doctor](doctor.md) judges.

${Object.entries(FAMILIES).map(family).join('\n')}
## Run for real

Of these the tests run the package itself, against the notes server of the examples; a person decides on the real pages.

${real.join('\n')}

The conformance suite of MCP runs in its \`authorization\` mode: every scenario, for each version of the protocol that it
knows, with and without a resource.

## What cannot work

These ask to be sent where their own registration or document does not say. An authorization server that let them would
send codes to whoever asks, so the person gets a page that says what is wrong.

${impossible.join('\n')}
`
}
