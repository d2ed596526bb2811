import fc from 'fast-check'

/** A request as bytes and headers, and whether it was made to be good in every respect. */
export type Sent = {
  method: 'POST' | 'GET' | 'DELETE' | 'PUT'
  headers: Record<string, string | string[]>
  body: Buffer
}

/** What a test's server has. The token opens the first of each, and of resources what is below the first. */
export const THINGS = {
  tools: ['search_notes', 'get_note', 'create_note', 'update_note', 'delete_note'],
  prompts: ['summary', 'secret_prompt'],
  resources: ['notes://public/1', 'notes://secret/1'],
}

const REVISION = 'io.modelcontextprotocol/protocolVersion'
const REVISIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28', '2027-01-01', 'x']

/** JSON yet to be written: members in order, which may stand there twice. */
type Draft =
  | string
  | number
  | boolean
  | null
  | Draft[]
  | { members: [name: string, value: Draft][] }
  | { raw: string }

const object = (members: Record<string, Draft | undefined>): { members: [string, Draft][] } => ({
  members: Object.entries(members).filter((entry): entry is [string, Draft] => entry[1] !== undefined),
})

function write(draft: Draft): string {
  if (Array.isArray(draft)) return `[${draft.map(write).join(',')}]`
  if (draft === null || typeof draft !== 'object') return JSON.stringify(draft)
  if ('raw' in draft) return draft.raw
  return `{${draft.members.map(([name, value]) => `${name.startsWith('"') ? name : JSON.stringify(name)}:${write(value)}`).join(',')}}`
}

const escaped = (name: string) =>
  `"${[...name].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`

/** What the engine takes the escaped name for, once it met this one (nodejs/node#63785). */
const takenFor = (name: string) => JSON.stringify(escaped(name).slice(1, 1 + name.length))

const ids: fc.Arbitrary<Draft | undefined> = fc.oneof(
  { weight: 8, arbitrary: fc.nat() },
  fc.string(),
  fc.constantFrom<Draft | undefined>(
    undefined,
    null,
    1.5,
    -1,
    true,
    2 ** 60,
    [],
    { raw: '1e999' },
    { raw: '1'.repeat(400) },
  ),
  fc.constant('x'.repeat(5_000)),
)
const tool = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...THINGS.tools) },
  fc.constantFrom(
    'Delete_Note',
    ' delete_note',
    'delete_note\0',
    'get_note\ud800',
    'get_note,delete_note',
    '',
    'constructor',
  ),
)
const uri = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...THINGS.resources) },
  fc.constantFrom(
    'notes://public/../secret/1',
    'notes://public/%2e%2e/secret/1',
    'notes://public/..%2fsecret/1',
    'notes://public/..%5csecret/1',
    'notes://public/%252e%252e/secret/1',
    'notes://public/x/..\\..\\secret/1',
    'notes://public/\uff0e\uff0e/secret/1',
    'notes://public/.\t./secret/1',
    'NOTES://public/1',
    'notes://public/2?of=1#x',
    'notes://public',
  ),
)
const prompt = fc.constantFrom(...THINGS.prompts, 'Summary')

/** The parameters by which a tool is called in earnest, so that what is allowed does run. */
const ARGUMENTS = object({ query: 'welcome', id: '1', title: 'T', text: 'X' })

type Asked = { method: Draft; params: Draft | undefined; named: string | undefined }

const asked: fc.Arbitrary<Asked> = fc.oneof(
  {
    weight: 12,
    arbitrary: tool.map((name) => ({
      method: 'tools/call',
      params: object({ name, arguments: argumentsOf(name) }),
      named: name,
    })),
  },
  {
    weight: 3,
    arbitrary: prompt.map((name) => ({ method: 'prompts/get', params: object({ name }), named: name })),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('resources/read', 'resources/read', 'resources/subscribe'), uri)
      .map(([method, uri]) => ({ method, params: object({ uri }), named: uri })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.boolean(), prompt, uri).map(([is_prompt, name, uri]) => ({
      method: 'completion/complete',
      params: object({
        ref: is_prompt ? object({ type: 'ref/prompt', name }) : object({ type: 'ref/resource', uri }),
        argument: object({ name: 'a', value: '' }),
      }),
      named: undefined,
    })),
  },
  {
    weight: 1,
    arbitrary: fc.array(uri, { maxLength: 3 }).map((uris) => ({
      method: 'subscriptions/listen',
      params: object({ notifications: object({ toolsListChanged: true, resourceSubscriptions: uris }) }),
      named: undefined,
    })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(
        'tools/list',
        'prompts/list',
        'ping',
        'initialize',
        'tasks/get',
        'tasks/list',
        'sampling/createMessage',
      )
      .map((method) => ({ method, params: object({ taskId: 't' }), named: undefined })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom<Draft>(
        'Tools/Call',
        'tools/call ',
        'TOOLS/CALL',
        'tools\\/call',
        'notifications/../tools/call',
        7,
        null,
        ['tools/call'],
      )
      .map((method) => ({
        method,
        params: object({ name: 'delete_note', arguments: argumentsOf('delete_note') }),
        named: undefined,
      })),
  },
)

function argumentsOf(tool: string): Draft {
  const wanted =
    tool === 'search_notes'
      ? ['query']
      : tool === 'create_note'
        ? ['title', 'text']
        : tool === 'update_note'
          ? ['id', 'title']
          : ['id']
  return { members: ARGUMENTS.members.filter(([name]) => wanted.includes(name)) }
}

/** What is put into an object that was good: another member that some reader may take for the first. */
const other = fc
  .tuple(
    fc.constantFrom(
      'method',
      'params',
      'name',
      'uri',
      'id',
      'jsonrpc',
      'result',
      'error',
      'ref',
      '__proto__',
    ),
    fc.constantFrom<(name: string) => string>(
      (name) => name,
      escaped,
      takenFor,
      (name) => name.toUpperCase(),
      (name) => `${name[0]?.toUpperCase()}${name.slice(1)}`,
      (name) => `_${name}`,
      (name) => name.replace(/[ie]/, (char) => ({ i: '\u0131', e: '\uff45' })[char] ?? char),
    ),
    fc.constantFrom<Draft>(
      'tools/call',
      'tools/list',
      'delete_note',
      'get_note',
      'notes://secret/1',
      object({ name: 'delete_note', arguments: object({ id: '1' }) }),
      object({ method: 'tools/call', name: 'delete_note', uri: 'notes://secret/1' }),
      null,
    ),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([name, written, value, is_first, in_params]) => ({
    entry: [written(name), value] as [string, Draft],
    is_first,
    in_params,
  }))

type Envelope = { members: [string, Draft][] }

function spoil(
  envelope: Envelope,
  { entry, is_first, in_params }: { entry: [string, Draft]; is_first: boolean; in_params: boolean },
): Envelope {
  const into = ({ members }: Envelope) => ({ members: is_first ? [entry, ...members] : [...members, entry] })
  if (!in_params) return into(envelope)
  return {
    members: envelope.members.map(([name, value]): [string, Draft] =>
      name === 'params' && value !== null && typeof value === 'object' && 'members' in value
        ? [name, into(value)]
        : [name, value],
    ),
  }
}

const claim = (revision: string): Draft =>
  object({
    [REVISION]: revision,
    'io.modelcontextprotocol/clientInfo': object({ name: 'x', version: '1' }),
    'io.modelcontextprotocol/clientCapabilities': object({}),
  })

function withClaim(params: Draft | undefined, revision: string): Draft | undefined {
  if (params === null || typeof params !== 'object' || !('members' in params)) return params
  return { members: [...params.members, ['_meta', claim(revision)]] }
}

/** One message as it should be, with the headers that its revision asks for. */
const good = fc
  .tuple(asked, fc.nat(), fc.constantFrom(undefined, ...REVISIONS.slice(1, 5)), fc.boolean())
  .map(([{ method, params, named }, id, revision, is_encoded]) => {
    const is_2026 = revision === '2026-07-28'
    const envelope: Envelope = object({
      jsonrpc: '2.0',
      id,
      method,
      params: is_2026 ? withClaim(params, revision) : params,
    })
    const plain = named !== undefined && /^[!-~]+$/.test(named) && !is_encoded
    const name = plain ? named : `=?base64?${Buffer.from(named ?? '').toString('base64')}?=`
    const headers: Record<string, string | string[]> = {
      'content-type': 'application/json',
      ...(revision ? { 'mcp-protocol-version': revision } : {}),
      ...(is_2026 && typeof method === 'string' && method !== '' ? { 'mcp-method': method } : {}),
      ...(is_2026 && named !== undefined ? { 'mcp-name': name } : {}),
    }
    return { envelope, headers }
  })

const badly: fc.Arbitrary<Envelope> = fc
  .tuple(
    asked,
    ids,
    fc.constantFrom<Draft | undefined>('2.0', '2.0', '2.0', '1.0', 2, undefined),
    fc.array(other, { maxLength: 2 }),
  )
  .map(([{ method, params }, id, jsonrpc, others]) =>
    others.reduce(spoil, object({ jsonrpc, id, method, params }) as Envelope),
  )

const rootText: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: badly.map(write) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(good, fc.array(other, { minLength: 1, maxLength: 2 }))
      .map(([{ envelope }, others]) => write(others.reduce(spoil, envelope))),
  },
  {
    weight: 3,
    arbitrary: fc
      .array(
        fc.oneof(
          { weight: 4, arbitrary: good.map(({ envelope }) => envelope as Draft) },
          badly,
          fc.constant<Draft>([]),
        ),
        { maxLength: 4 },
      )
      .map(write),
  },
  { weight: 1, arbitrary: fc.array(badly, { maxLength: 2 }).map((batch) => write([batch])) },
  { weight: 1, arbitrary: fc.json() },
)

/** What is done to the bytes of a text. */
const toBytes: fc.Arbitrary<(text: string) => Buffer> = fc.oneof(
  { weight: 8, arbitrary: fc.constant((text: string) => Buffer.from(text)) },
  fc.constantFrom<(text: string) => Buffer>(
    (text) => Buffer.from(`\ufeff${text}`),
    (text) => Buffer.from(text, 'utf16le'),
    (text) =>
      Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff, 0xfe]), Buffer.from(text.slice(-1))]),
    (text) => Buffer.from(text.replace('note', 'n\u0000ote'), 'latin1'),
    (text) => Buffer.from(text.slice(0, -1)),
    (text) =>
      Buffer.from(`${text}{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_note"}}`),
    (text) => Buffer.from(text.replace(/}$/, ',}')),
    (text) => Buffer.from(`/* */${text}// x`),
    (text) => Buffer.from(text.replaceAll('"', "'")),
    (text) => Buffer.from(text.replace(/"(method|params|name|uri)":/g, (_, name) => `${escaped(name)}:`)),
    (text) => Buffer.from(` \n${text.replace(':', ' : ')}\t`),
    (text) => Buffer.from(`${'['.repeat(200)}${text}${']'.repeat(200)}`),
  ),
)

const anyHeaders: fc.Arbitrary<Record<string, string | string[]>> = fc.record(
  {
    'content-type': fc.constantFrom(
      ...[
        'application/json',
        'application/json; charset=utf-8',
        'text/plain',
        'application/json; charset=utf-16le',
      ],
      ...[
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/json; charset=utf-7',
      ],
    ),
    'mcp-protocol-version': fc.oneof(
      fc.constantFrom<string | string[]>(...REVISIONS, ['2025-03-26', '2026-07-28']),
    ),
    'mcp-method': fc.constantFrom<string | string[]>('tools/call', 'tools/list', 'Tools/Call', [
      'tools/list',
      'tools/call',
    ]),
    'mcp-name': fc.constantFrom<string | string[]>(
      'get_note',
      'delete_note',
      ['get_note', 'delete_note'],
      '=?base64?ZGVsZXRlX25vdGU=?=',
      '=?base64?*?=',
    ),
    'mcp-session-id': fc.constantFrom('unknown', 'a, b', ''),
    'content-encoding': fc.constantFrom('gzip', 'identity'),
    'x-http-method-override': fc.constant('DELETE'),
  },
  { requiredKeys: [] },
)

/** Requests of every kind, about a third of them as a client would make them. */
export const anyRequest: fc.Arbitrary<Sent> = fc.oneof(
  {
    weight: 4,
    arbitrary: good.map(({ envelope, headers }) => ({
      method: 'POST' as const,
      headers,
      body: Buffer.from(write(envelope)),
    })),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          'POST' as const,
          'POST' as const,
          'POST' as const,
          'POST' as const,
          'GET' as const,
          'DELETE' as const,
          'PUT' as const,
        ),
        anyHeaders,
        rootText,
        toBytes,
      )
      .map(([method, headers, text, bytes]) => ({ method, headers, body: bytes(text) })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(good, anyHeaders).map(([{ envelope, headers }, others]) => ({
      method: 'POST' as const,
      headers: { ...headers, ...others },
      body: Buffer.from(write(envelope)),
    })),
  },
)
