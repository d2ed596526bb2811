import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { Context, Middleware } from 'koa'
import { AppError } from '../base/errors.ts'
import { parseJson } from '../base/json.ts'
import { type Form, parseForm } from './form.ts'

const FORM = 'application/x-www-form-urlencoded'
const FORM_LIMIT_BYTES = 64 * 1024
/** Of what clients and resource servers send: the engine takes 56 KB, and a form that is written anew may triple. */
export const OAUTH_FORM_LIMIT_BYTES = 16 * 1024
const JSON_LIMIT_BYTES = 16 * 1024
const JSON_DEPTH = 10

export type FormOptions = { limit_bytes?: number; multiple?: readonly string[] }
export type JsonOptions = {
  limit_bytes?: number
  depth?: number
  /** Awaited before more than 64 KB are read: rejects for whoever has not proven who they are. */
  prove?: () => Promise<void>
}

/** More than this nobody reads of somebody who did not prove who they are. */
const UNPROVEN_BYTES = 64 * 1024

/** koa's context or node's own request, so that a handler outside koa reads bodies by the same rules. */
type Source = Context | IncomingMessage

/**
 * Reads an application/x-www-form-urlencoded body of at most `limit_bytes` (64 KB). Names in `multiple` may be sent
 * more than once. Throws AppError unsupported_media_type, payload_too_large or invalid_input, also when the client
 * goes away. After payload_too_large the rest is unread: answer with `Connection: close`.
 */
export async function readForm(source: Source, options: FormOptions = {}): Promise<Form> {
  const text = await readText(messageOf(source), FORM, options.limit_bytes ?? FORM_LIMIT_BYTES)
  return parseForm(text, options.multiple)
}

/**
 * Reads an application/json body of at most `limit_bytes` (16 KB) that nests at most `depth` (10) arrays and objects,
 * and whose strings hold neither NUL nor a lone surrogate: Postgres stores neither. Throws as readForm does.
 */
export async function readJson(source: Source, options: JsonOptions = {}): Promise<unknown> {
  const limit_bytes = options.limit_bytes ?? JSON_LIMIT_BYTES
  const req = messageOf(source)
  assertMediaType(req, 'application/json')
  const bytes = options.prove
    ? await readProven(req, limit_bytes, options.prove)
    : await readBytes(req, limit_bytes)
  const text = textOf(bytes)
  return parseStorable(text, options.depth ?? JSON_DEPTH)
}

function messageOf(source: Source): IncomingMessage {
  return 'req' in source ? source.req : source
}

async function readText(req: IncomingMessage, media_type: string, limit_bytes: number): Promise<string> {
  assertMediaType(req, media_type)
  return textOf(await readBytes(req, limit_bytes))
}

function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new AppError('invalid_input', 'The body is not valid UTF-8')
  return bytes.toString('utf8')
}

/** A body of unknown length counts as a long one. */
async function readProven(
  req: IncomingMessage,
  limit_bytes: number,
  prove: () => Promise<void>,
): Promise<Buffer> {
  const { 'content-length': declared } = req.headers
  if (declared === undefined || Number(declared) > UNPROVEN_BYTES) await prove()
  return readBytes(req, limit_bytes)
}

function assertMediaType(req: IncomingMessage, expected: string): void {
  const [type = '', ...parameters] = (req.headers['content-type'] ?? '').toLowerCase().split(';')
  const charset = parameters.map((parameter) => parameter.trim()).find((part) => part.startsWith('charset='))
  // A form has no such parameter: its escapes are UTF-8, whatever the charset.
  const is_other = expected !== FORM && charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)
  if (type.trim() !== expected || is_other) {
    throw new AppError('unsupported_media_type', `The body must be ${expected} in UTF-8`)
  }
  if ((req.headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw new AppError('unsupported_media_type', 'The body must not be compressed')
  }
}

/**
 * Ends the connection behind an answer that came before a long body was read: to use it again, Node would read on what
 * nobody wants, as long as the sender likes.
 */
export const leaveUnread: Middleware = async (ctx, next) => {
  await next()
  const { 'content-length': declared, 'transfer-encoding': encoding } = ctx.req.headers
  const is_long = encoding !== undefined || Number(declared ?? 0) > UNPROVEN_BYTES
  if (is_long && !ctx.req.complete && ctx.status >= 400) ctx.set('Connection', 'close')
}

/** All bytes of the body, read once. Settles also when the client goes away. Throws as readForm does. */
export async function readBytes(req: IncomingMessage, limit_bytes: number): Promise<Buffer> {
  const declared = req.headers['content-length']
  if (declared !== undefined && Number(declared) > limit_bytes) throw tooLarge(limit_bytes)
  if (req.readableEnded) throw new Error('the body of this request was read already')
  if (req.destroyed) throw endedEarly()

  const bytes = await collect(req, limit_bytes)
  if (declared !== undefined && Number(declared) !== bytes.length) {
    throw new AppError('invalid_input', 'The body is not as long as Content-Length says')
  }
  return bytes
}

function collect(req: IncomingMessage, limit_bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const settle = (finish: () => void) => {
      req.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone)
      finish()
    }
    const onData = (chunk: Buffer) => {
      length += chunk.length
      chunks.push(chunk)
      if (length <= limit_bytes) return
      req.pause()
      settle(() => reject(tooLarge(limit_bytes)))
    }
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks, length)))
    const onGone = () => settle(() => reject(endedEarly()))
    req.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone)
  })
}

function tooLarge(limit_bytes: number): AppError {
  return new AppError('payload_too_large', `The body is larger than ${limit_bytes} bytes`)
}

function endedEarly(): AppError {
  return new AppError('invalid_input', 'The body ended early')
}

function parseStorable(text: string, depth: number): unknown {
  const value = parseJson(text)
  if (value === undefined) throw new AppError('invalid_input', 'The body is not valid JSON')
  assertStorable(value, depth)
  return value
}

function assertStorable(value: unknown, depth_left: number): void {
  if (typeof value === 'string') assertText(value)
  if (typeof value !== 'object' || value === null) return
  if (depth_left === 0) throw new AppError('invalid_input', 'The body is nested too deeply')
  for (const [key, member] of Object.entries(value)) {
    assertText(key)
    // A member of this name changes what the object inherits as soon as somebody copies it by assignment.
    if (key === '__proto__') throw new AppError('invalid_input', 'The body has a member named __proto__')
    assertStorable(member, depth_left - 1)
  }
}

function assertText(text: string): void {
  if (text.includes('\0')) throw new AppError('invalid_input', 'A string holds a NUL character')
  if (!text.isWellFormed()) throw new AppError('invalid_input', 'A string holds a lone surrogate')
}
