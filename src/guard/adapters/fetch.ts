import type { AuthInfo } from '../auth-info.ts'
import type { Guard } from '../guard.ts'
import type { Connection } from '../guarded-request.ts'
import { failureAnswer } from './admission.ts'
import { plainResponse, watchResponse } from './web-answer.ts'
import { admitWebRequest } from './web-request.ts'

/** What handlers behind the guard get to know; as `createMcpHandler(…).fetch` of the MCP SDK takes it. */
export type FetchExtras = {
  authInfo: AuthInfo
  /** What the body of a POST says. */
  parsedBody?: unknown
}

/** `platform` is what the runtime gives beside the request: `info` of Deno, `server` of Bun, `env` and `ctx` of Workers. */
export type GuardedFetchHandler<Platform extends unknown[]> = (
  request: Request,
  extras: FetchExtras,
  ...platform: Platform
) => Response | Promise<Response>

export type FetchOptions<Platform extends unknown[]> = {
  /** The addresses of both ends of a request's socket. Mode `none` needs them, and the Fetch standard does not. */
  connection?: (request: Request, ...platform: Platform) => Connection | undefined
}

/**
 * Puts the guard in front of any handler of the Fetch standard. The handler gets a request whose body it can read.
 * Answers are streamed through as the client takes them.
 * @throws TypeError in mode `none` without the option `connection`
 */
export function protectFetchHandler<Platform extends unknown[] = []>(
  guard: Guard,
  handler: GuardedFetchHandler<Platform>,
  { connection }: FetchOptions<Platform> = {},
): (request: Request, ...platform: Platform) => Promise<Response> {
  if (guard.settings.mode === 'none' && !connection)
    throw new TypeError(
      "Mode 'none' serves this machine only: give the option connection, or set the mode to 'token' or 'oauth'",
    )
  return async (asked, ...platform) => {
    try {
      const ends = connection?.(asked, ...platform)
      const { allowed, answer, request } = await admitWebRequest(guard, asked, ends)
      if (!allowed) return plainResponse(answer)
      const { auth: authInfo, body, watch, cut } = allowed
      const extras = { authInfo, ...(body === undefined ? {} : { parsedBody: body }) }
      const response = await handled(() => handler(request, extras, ...platform), guard)
      return watchResponse(response, watch, { left: asked.signal, cut })
    } catch (error) {
      return failed(guard, error)
    }
  }
}

async function handled(run: () => Response | Promise<Response>, guard: Guard): Promise<Response> {
  try {
    return await run()
  } catch (error) {
    return failed(guard, error)
  }
}

function failed({ settings }: Guard, error: unknown): Response {
  settings.on_error(error instanceof Error ? error : new Error('The handler failed'))
  return plainResponse(failureAnswer())
}
