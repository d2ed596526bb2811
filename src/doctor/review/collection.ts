import { isLoopbackHost } from '../../base/host.ts'
import { runActive } from './active/active-run.ts'
import { callClosedTool } from './active/tool-calls.ts'
import { type Asking, initializeOnce } from './asking.ts'
import { collectMetadata, collectServers } from './documents.ts'
import { malformedToken, randomToken, unsignedToken } from './made-up-token.ts'
import { requestWithHost } from './other-host.ts'
import { isOpen, isReadOnly, type Seen } from './seen.ts'
import { collectToken } from './token-collection.ts'

/** Asks everything that the checks want to know, once, in an order in which nothing spoils what comes after. */
export async function collect(asking: Asking): Promise<Seen> {
  const { options, say } = asking
  say('without a token')
  const anonymous = await openAndList(asking, undefined)
  const metadata = await collectMetadata(asking, anonymous)
  say('metadata')
  const servers = await collectServers(asking, metadata.document)
  say('with tokens that nobody issued')
  const made_up = await sendMadeUp(asking, servers[0]?.issuer)
  const seen: Seen = {
    options,
    is_loopback: isLoopbackHost(new URL(options.url).hostname),
    anonymous,
    foreign_origin: undefined,
    foreign_host: undefined,
    made_up,
    metadata,
    servers,
    preflight: await asking.get(options.url, { method: 'OPTIONS', headers: PREFLIGHT }),
    token: undefined,
    read_only: undefined,
    read_only_call: undefined,
    foreign: undefined,
    expired: undefined,
    active: undefined,
    answers: asking.answers,
    secrets: asking.secrets,
  }
  if (seen.is_loopback && isOpen(seen)) await askAsForeigner(asking, seen)
  await sendGiven(asking, seen)
  if (options.active) seen.active = await runActive(asking, seen)
  seen.read_only_call = options.active && (await callForbidden(asking, seen))
  return seen
}

const PREFLIGHT = {
  origin: 'https://review.invalid',
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization, content-type',
}

async function openAndList(asking: Asking, token: string | undefined) {
  const { opened, ask, revision, session_id } = await asking.open(token)
  return { opened, listed: await asking.list(ask), revision, session_id, ask }
}

async function sendMadeUp(asking: Asking, issuer: string | undefined): Promise<Seen['made_up']> {
  const { url } = asking.options
  const in_query = new URL(url)
  const token = randomToken()
  asking.secrets.add(token)
  in_query.searchParams.set('access_token', token)
  const claims = { iss: issuer ?? new URL(url).origin, aud: url }
  return {
    random: await asking.listOnce(randomToken()),
    malformed: await asking.listOnce(malformedToken()),
    unsigned: await asking.listOnce(unsignedToken(claims)),
    in_query: await asking.listOnce(undefined, {}, in_query.href),
  }
}

/** As a page would, that has its own name lead to this machine. */
async function askAsForeigner(asking: Asking, seen: Seen): Promise<void> {
  asking.say('as a page of another website')
  seen.foreign_origin = await initializeOnce(asking, { origin: 'https://review.invalid' })
  seen.foreign_host = await requestWithHost(asking.options.url, 'review.invalid', asking.options.timeout_ms)
}

/** The tokens that the reviewer gave, each only where it belongs. */
async function sendGiven(asking: Asking, seen: Seen): Promise<void> {
  const { token, foreign_token, expired_token, read_only_token } = asking.options
  if (foreign_token !== undefined) seen.foreign = await asking.listOnce(foreign_token)
  if (expired_token !== undefined) seen.expired = await asking.listOnce(expired_token)
  if (read_only_token !== undefined) seen.read_only = (await openAndList(asking, read_only_token)).listed
  if (token === undefined) return
  asking.say('with the token')
  seen.token = await collectToken(asking, token)
}

async function callForbidden(asking: Asking, seen: Seen): Promise<Seen['read_only_call']> {
  const { read_only_token } = asking.options
  if (read_only_token === undefined || !seen.read_only?.tools) return undefined
  asking.say('a call that the read-only token must not make')
  const { ask } = await asking.open(read_only_token)
  return callClosedTool(
    ask,
    seen,
    seen.read_only.tools.filter((tool) => isReadOnly(seen, tool)),
  )
}
