import { createServer, type Server } from 'node:http'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { toNodeHandler } from '@modelcontextprotocol/node'
import express from 'express'
import { Hono } from 'hono'
import Koa from 'koa'
import { protectExpress } from '../../../src/guard/adapters/express.ts'
import { protectFetchHandler } from '../../../src/guard/adapters/fetch.ts'
import { type GuardedByHono, protectHono } from '../../../src/guard/adapters/hono.ts'
import { protectKoa } from '../../../src/guard/adapters/koa.ts'
import { protectNodeHandler } from '../../../src/guard/adapters/node.ts'
import { serving } from './serving.ts'
import type { Behind, ServeBehind } from './suite.ts'

/** The example server behind each adapter, as its documentation says to do it. */
export const serveByNode: ServeBehind = (behind) =>
  serving(behind, createServer(protectNodeHandler(behind.guard, toNodeHandler(behind.mcp))))

export const serveByExpress: ServeBehind = (behind) => {
  const app = express()
  app.use(protectExpress(behind.guard))
  const handle = toNodeHandler(behind.mcp)
  app.all('/mcp', (request, response) => handle(request, response, request.body))
  return serving(behind, createServer(app))
}

export const serveByKoa: ServeBehind = (behind) => {
  const app = new Koa()
  // Else it prints that a client has left.
  app.silent = true
  app.use(protectKoa(behind.guard))
  const handle = toNodeHandler(behind.mcp)
  app.use(async (context) => {
    context.respond = false
    const { body } = context.request as { body?: unknown }
    // Members that may be undefined here may only be absent for the SDK.
    await handle(context.req as Parameters<typeof handle>[0], context.res, body)
  })
  return serving(behind, createServer(app.callback()))
}

export const serveByFetch: ServeBehind = (behind) => {
  const handler = protectFetchHandler(
    behind.guard,
    (request, extras, _platform: HttpBindings) => behind.mcp.fetch(request, extras),
    {
      connection: (_request, { incoming: { socket } }) => ({
        local_address: socket.localAddress,
        remote_address: socket.remoteAddress,
      }),
    },
  )
  return servingFetch(behind, (request, platform) => handler(request, platform as HttpBindings))
}

export const serveByHono: ServeBehind = (behind) => {
  const app = new Hono<{ Bindings: HttpBindings; Variables: GuardedByHono }>()
  app.use(protectHono(behind.guard))
  app.all('/mcp', (context) =>
    behind.mcp.fetch(context.req.raw, {
      authInfo: context.get('auth'),
      parsedBody: context.get('parsedBody'),
    }),
  )
  return servingFetch(behind, app.fetch)
}

function servingFetch(behind: Behind, fetch: Parameters<typeof createAdaptorServer>[0]['fetch']) {
  return serving(behind, createAdaptorServer({ fetch }) as Server)
}
