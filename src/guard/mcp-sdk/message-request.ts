import type { GuardedRequest } from '../guarded-request.ts'
import { requireHeadersToAgree } from '../mcp-headers.ts'
import { Refusal, type Refused } from '../refusal.ts'

/** A JSON-RPC message as the SDK's transports hand it on: a request, a notification, or a response. */
export type SdkMessage = { id?: unknown; method?: unknown; params?: unknown; result?: unknown }

/** What comes with a message: over HTTP the request (v1 `requestInfo`, v2 `request`) and whose it is; over stdio nothing. */
export type SdkExtra = {
  authInfo?: SdkAuthInfo | undefined
  request?: Request | undefined
  requestInfo?: { headers?: Record<string, string | string[] | undefined>; url?: URL } | undefined
}

export type SdkAuthInfo = { token?: unknown; clientId?: unknown; extra?: { sub?: unknown } | undefined }

export const LACKS_TOKENS = "mode 'none' has no tokens and is not for the SDK's HTTP transports"

/** Undefined when the token cannot stand in a header, and is therefore none. */
export function bearerHeaders(token: string, others: Headers = new Headers()): Headers | undefined {
  const headers = new Headers(others)
  try {
    headers.set('authorization', `Bearer ${token}`)
    return headers
  } catch {
    return undefined
  }
}

/**
 * A message as the guard reads it.
 * @param own_token of whoever started this process; counts only for what did not come over HTTP
 */
export function messageRequest(
  message: SdkMessage,
  extra: SdkExtra | undefined,
  own_token: string | undefined,
): GuardedRequest {
  const is_http = extra?.request ?? extra?.requestInfo ?? extra?.authInfo
  const token = is_http ? extra?.authInfo?.token : own_token
  const others = headersOf(extra)
  // Of this the transport is sure: it is the session.
  others.delete('mcp-session-id')
  others.delete('authorization')
  const url = extra?.requestInfo?.url ?? extra?.request?.url
  return {
    headers: (typeof token === 'string' && bearerHeaders(token, others)) || others,
    query: url === undefined ? new URLSearchParams() : new URL(url).searchParams,
    readBody: async () => message,
    // Not knowing both ends of a socket, this trusts none: mode `none` is for stdio here.
    connection: is_http ? undefined : 'stdio',
  }
}

/** Why the headers that came with a message forbid it, if they do. */
export function disagreement(message: SdkMessage, extra: SdkExtra | undefined): Refused | undefined {
  try {
    requireHeadersToAgree(headersOf(extra), message)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.answer
    throw error
  }
}

function headersOf(extra: SdkExtra | undefined): Headers {
  if (extra?.request) return new Headers(extra.request.headers)
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(extra?.requestInfo?.headers ?? {}))
    for (const value of [values].flat()) headers.append(name, value)
  return headers
}
