import type { AuthInfo } from '../auth-info.ts'
import type { Guard } from '../guard.ts'
import type { Connection } from '../guarded-request.ts'
import { plainResponse, watchResponse } from './web-answer.ts'
import { admitWebRequest } from './web-request.ts'

/** What handlers behind the guard find by `c.get`, for `new Hono<{ Variables: GuardedByHono }>()`. */
export type GuardedByHono = {
  auth: AuthInfo
  /** What the body of a POST says. */
  parsedBody: unknown
}

/** What the guard needs of a context of Hono. */
export type HonoContext = {
  req: { raw: Request; text(): Promise<string> }
  env: unknown
  res: Response
  set(key: string, value: unknown): void
}

export type HonoMiddleware = (
  context: HonoContext,
  next: () => Promise<void>,
) => Promise<Response | undefined>

export type HonoOptions<Context extends HonoContext = HonoContext> = {
  /** The addresses of both ends of a request's socket; those that `@hono/node-server` gives when absent. */
  connection?: (context: Context) => Connection | undefined
}

/**
 * Middleware for Hono. What comes after it is reached only with a decision of "allowed", and finds `c.get('auth')`,
 * `c.get('parsedBody')`, and in `c.req` a body that it can read. Mode `none` serves nobody where the runtime does not
 * say who is at the other end.
 */
export function protectHono(guard: Guard, { connection = nodeConnection }: HonoOptions = {}): HonoMiddleware {
  return async (context, next) => {
    const { raw } = context.req
    const { allowed, answer, request } = await admitWebRequest(guard, raw, connection(context), () =>
      context.req.text(),
    )
    if (!allowed) return plainResponse(answer)
    context.req.raw = request
    context.set('auth', allowed.auth)
    context.set('parsedBody', allowed.body)
    await next()
    context.res = watchResponse(context.res, allowed.watch, { left: raw.signal, cut: allowed.cut })
    return undefined
  }
}

/** `@hono/node-server` has the request of `node:http` in `c.env.incoming`. */
function nodeConnection({ env }: HonoContext): Connection | undefined {
  const { incoming } = (env ?? {}) as { incoming?: { socket?: NodeSocket } }
  if (!incoming?.socket) return undefined
  const { localAddress, remoteAddress } = incoming.socket
  return { local_address: localAddress, remote_address: remoteAddress }
}

type NodeSocket = { localAddress?: string | undefined; remoteAddress?: string | undefined }
