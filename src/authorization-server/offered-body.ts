import type { Context } from 'koa'

/**
 * Offers a body to the engine in place of the one that was read: it reads from the request as from the network.
 * (Handing it over as `req.body` works too, and prints a warning for every operator to wonder about.)
 */
export function offerBody(ctx: Context, body: string): void {
  const bytes = Buffer.from(body)
  ctx.req.headers['content-length'] = String(bytes.length)
  delete ctx.req.headers['transfer-encoding']
  Object.defineProperties(ctx.req, {
    readable: { value: true, configurable: true },
    iterator: {
      configurable: true,
      value: async function* () {
        yield bytes
      },
    },
  })
}
