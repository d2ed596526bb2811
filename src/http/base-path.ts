import type { Middleware } from 'koa'

/**
 * An issuer may have a path (RFC 8414 §2). Then everything is below it, and its well-known documents are also
 * where §3.1 inserts `/.well-known/…` before the path; no room below has to know.
 */
const WELL_KNOWN = /^(\/\.well-known\/(?:oauth-authorization-server|openid-configuration))(\/.*)?$/
/** RFC 9728 §3.1 inserts it likewise, before the whole path of the resource. */
const PROTECTED_RESOURCE = '/.well-known/oauth-protected-resource'

/** Probes come to the machine, not to the issuer. */
const AT_THE_ROOT = new Set(['/healthz', '/readyz'])

/** The path of an issuer, without a trailing slash; '' when it has none. */
export function basePath(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, '')
}

/** The path that the rooms below know `path` by; undefined for what is not below the issuer's path `base`. */
export function localPath(path: string, base: string): string | undefined {
  if (base === '') return path
  const [, document, inserted] = WELL_KNOWN.exec(path) ?? []
  if (document !== undefined && inserted === base) return document
  if (path.startsWith(`${PROTECTED_RESOURCE}${base}/`))
    return PROTECTED_RESOURCE + path.slice(PROTECTED_RESOURCE.length + base.length)
  if (path.startsWith(`${base}/`)) return path.slice(base.length)
  return AT_THE_ROOT.has(path) ? path : undefined
}

/** Takes the issuer's path off `ctx.path`; what is not below it is unknown here. */
export function belowIssuer(issuer: string): Middleware {
  const base = basePath(issuer)
  return async (ctx, next) => {
    if (base === '') return next()
    const path = localPath(ctx.path, base)
    if (path === undefined) return
    ctx.path = path
    // Where the engine finds what to put before the paths of its cookies.
    ctx.mountPath = base
    await next()
  }
}
