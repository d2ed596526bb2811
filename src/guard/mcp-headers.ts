import { isObject } from '../base/json.ts'
import { isGone, NAMED_BY } from './mcp-messages.ts'
import { badMessage, Refusal } from './refusal.ts'

/** Revisions with batches. Those before 2025-06-18 had no header to say which they are. */
const WITH_BATCHES = [null, '2025-03-26', '2024-11-05']
/** The first revision in which headers mirror the body, and every request says its revision. */
const MIRRORED_SINCE = '2026-07-28'
const REVISION_KEY = 'io.modelcontextprotocol/protocolVersion'

/**
 * What a gateway routed by and what the server will run must be the same thing.
 * MCP 2026-07-28: servers MUST reject requests whose headers do not match the body.
 * @param body what `messagesIn` took
 * @throws Refusal 415 for another content than JSON, 400 otherwise, with the specification's code -32020
 */
export function requireHeadersToAgree(headers: Headers, body: unknown): void {
  const type = headers.get('content-type')
  // Another charset, or a form, would be other messages in the same bytes. `fetch` calls every string text/plain.
  const is_readable =
    type === null || /^(application\/json|text\/plain)(\s*;\s*charset="?utf-?8"?)?$/i.test(type)
  if (body !== undefined && !is_readable)
    throw new Refusal(
      415,
      {},
      { error: 'invalid_request', error_description: 'A message is application/json' },
    )
  // A body of a GET or DELETE is not read here, but could be behind.
  if (
    body === undefined &&
    (headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0')
  )
    throw badMessage('invalid_request', 'Only a POST has a body')
  if (Array.isArray(body) && !WITH_BATCHES.includes(headers.get('mcp-protocol-version')))
    throw badMessage('invalid_request', 'This revision of MCP has no batches')
  for (const message of Array.isArray(body) ? body : [body]) requireAgreement(headers, message ?? {})
}

function requireAgreement(headers: Headers, { id, method, params }: Record<string, unknown>): void {
  const require = (agrees: boolean, header: string) => {
    if (!agrees) throw badMessage('header_mismatch', `The ${header} header disagrees with the body`, id)
  }
  const revision = headers.get('mcp-protocol-version')
  const meta = isObject(params) && isObject(params._meta) ? params._meta : {}
  const claimed = meta[REVISION_KEY]
  const is_said = claimed === undefined ? !revision?.includes(',') : claimed === revision
  require(is_said, 'MCP-Protocol-Version')
  const is_mirrored = id !== undefined && method !== undefined && (revision ?? '') >= MIRRORED_SINCE
  if (is_mirrored && claimed === undefined)
    throw badMessage('invalid_params', `params._meta needs ${REVISION_KEY}`, id)
  const mirrored = headers.get('mcp-method')
  require(mirrored === null ? !is_mirrored : mirrored === method, 'Mcp-Method')
  const member = NAMED_BY.get(String(method))
  if (!member) return
  const name = headers.get('mcp-name')
  const named = isObject(params) ? params[member] : undefined
  const must_name = is_mirrored && !isGone(String(method))
  require(name === null ? !must_name : decodeHeaderValue(name) === named, 'Mcp-Name')
}

/** MCP 2026-07-28: values that are not plain ASCII travel as `=?base64?…?=`. Undefined when that is malformed. */
function decodeHeaderValue(value: string): string | undefined {
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1]
  if (encoded === undefined) return value
  try {
    // Sloppy Base64 is read by some and not by others.
    if (btoa(atob(encoded)) !== encoded) return undefined
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
