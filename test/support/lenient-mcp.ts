import { type Loose, readLoosely } from './lenient-json.ts'

/** What an MCP server could come to use because of a request. */
export type Used = { kind: 'tool' | 'prompt' | 'resource'; name: string }

type Request = { headers: Record<string, string | string[] | undefined>; body: Buffer }

/** How a reader chooses between members that could be the one it looks for. */
type Choice = { takes: 'first' | 'last'; ignores: 'nothing' | 'case' | 'looks' }

const CHOICES: Choice[] = (['first', 'last'] as const).flatMap((takes) =>
  (['nothing', 'case', 'looks'] as const).map((ignores) => ({ takes, ignores })),
)

/**
 * Everything that any server could take the request for: by the first or the last of several members, with or without
 * regard to case, with lists in lists, parameters by position, names with blanks around them, and by headers instead of the
 * body.
 */
export function everyReading({ headers, body }: Request): Used[] {
  const texts = new Set([body.toString('utf8'), body.toString('latin1'), body.toString('utf16le')])
  const roots = [...texts].map(readLoosely).filter((root) => root !== undefined)
  const used = roots.flatMap((root) =>
    CHOICES.flatMap((choice) =>
      [true, false].flatMap((by_headers) => usedBy(root, choice, by_headers, headers)),
    ),
  )
  return [...new Map(used.map((one) => [`${one.kind} ${one.name}`, one])).values()]
}

function usedBy(root: Loose, choice: Choice, by_headers: boolean, headers: Request['headers']): Used[] {
  if (Array.isArray(root)) return root.flatMap((item) => usedBy(item, choice, by_headers, headers))
  const body_method = textOf(memberOf(root, 'method', choice))
  const method = by_headers ? (headerOf(headers, 'mcp-method', choice) ?? body_method) : body_method
  const params = memberOf(root, 'params', choice) ?? null
  const named = (name: string) =>
    (by_headers ? headerOf(headers, 'mcp-name', choice) : undefined) ??
    textOf(Array.isArray(params) ? params[0] : memberOf(params, name, choice))
  return thingsOf(method?.trim().toLowerCase(), params, named, choice)
}

function thingsOf(
  method: string | undefined,
  params: Loose,
  named: (name: string) => string | undefined,
  choice: Choice,
): Used[] {
  const use = (kind: Used['kind'], name: string | undefined): Used[] =>
    name === undefined ? [] : [{ kind, name: name.trim() }]
  if (method === 'tools/call') return use('tool', named('name'))
  if (method === 'prompts/get') return use('prompt', named('name'))
  if (method === 'resources/read' || method === 'resources/subscribe') return use('resource', named('uri'))
  if (method === 'completion/complete') {
    const ref = memberOf(params, 'ref', choice) ?? null
    const uri = textOf(memberOf(ref, 'uri', choice))
    return uri === undefined ? use('prompt', textOf(memberOf(ref, 'name', choice))) : use('resource', uri)
  }
  if (method !== 'subscriptions/listen') return []
  const uris = memberOf(memberOf(params, 'notifications', choice) ?? null, 'resourceSubscriptions', choice)
  return (Array.isArray(uris) ? uris : [uris]).flatMap((uri) => use('resource', textOf(uri)))
}

function memberOf(value: Loose, name: string, { takes, ignores }: Choice): Loose | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  const found = value.entries.filter(([each]) => fold(each, ignores) === fold(name, ignores))
  // A reader that sets members on a plain object also sets its prototype.
  const inherited = value.entries.filter(([each]) => each === '__proto__').map(([, proto]) => proto)
  const own = (takes === 'first' ? found.at(0) : found.at(-1))?.[1]
  return own ?? inherited.map((proto) => memberOf(proto, name, { takes, ignores })).at(-1)
}

function fold(name: string, ignores: Choice['ignores']): string {
  if (ignores === 'nothing') return name
  if (ignores === 'case') return name.toUpperCase().toLowerCase()
  return name
    .normalize('NFKD')
    .replace(/[^\p{L}\p{N}]/gu, '')
    .toUpperCase()
    .toLowerCase()
}

/** As languages without types make text of anything. */
function textOf(value: Loose | undefined): string | undefined {
  if (Array.isArray(value)) return value.map((item) => textOf(item) ?? '').join(',')
  return value === undefined || value === null || typeof value === 'object' ? undefined : String(value)
}

function headerOf(headers: Request['headers'], name: string, { takes }: Choice): string | undefined {
  const values = [headers[name] ?? []].flat().flatMap((value) => value.split(', '))
  const value = takes === 'first' ? values.at(0) : values.at(-1)
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value ?? '')?.[1]
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString()
}
