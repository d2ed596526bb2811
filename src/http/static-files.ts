import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { Middleware } from 'koa'
import { sha256 } from '../base/digest.ts'
import { VIEWS_DIRECTORY } from './render.ts'
import { nameRoute } from './request-context.ts'

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}
const MAX_AGE_SECONDS = 300

type StaticFile = { bytes: Buffer; content_type: string; etag: string }

/**
 * Serves `views/public/<name>` at `/assets/<name>`. The files are read once, here; a request only picks from them by
 * name, so that no path of a caller ever reaches the file system. Answers 304 to a matching If-None-Match.
 */
export function staticFiles(options: { directory?: string } = {}): Middleware {
  const files = readFiles(options.directory ?? join(VIEWS_DIRECTORY, 'public'))
  return async (ctx, next) => {
    const file = files.get(ctx.path)
    if (!file || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next()
    nameRoute(ctx, ctx.path)
    ctx.status = 200
    ctx.set('Content-Type', file.content_type)
    ctx.set('Cache-Control', `public, max-age=${MAX_AGE_SECONDS}`)
    ctx.set('ETag', file.etag)
    if (ctx.fresh) ctx.status = 304
    else ctx.body = file.bytes
  }
}

function readFiles(directory: string): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>()
  for (const name of readdirSync(directory)) {
    const content_type = CONTENT_TYPES[extname(name)]
    if (content_type === undefined) continue
    const bytes = readFileSync(join(directory, name))
    const etag = `"${sha256(bytes).toString('base64url').slice(0, 22)}"`
    files.set(`/assets/${name}`, { bytes, content_type, etag })
  }
  return files
}
